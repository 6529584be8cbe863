"""What the Config tab shows: a config.json, or in its place what an image says of itself, or words."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.message import Message
from textual.widgets import ContentSwitcher, Static

from tui.panes.config import card
from tui.panes.config.text_view import TextView


class ConfigPane(Vertical, can_focus=True):
    """Shows one of three things; see `show_card`, `show_text` and `say`."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("e", "write", "edit", id="config.write")]

    class Asked(Message):
        """`e` where there is nothing to write in."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.view = TextView(id="text")
        self._card: tuple[dict[str, Any], str] | None = None

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self._draw_card())

    def compose(self) -> ComposeResult:
        with ContentSwitcher(initial="said", id="config-switch"):
            yield Static("", id="said", markup=False)
            with VerticalScroll(id="card"):
                yield Static("", id="card-text", markup=False)
            yield self.view

    @property
    def _current(self) -> str:
        return self.query_one("#config-switch", ContentSwitcher).current or ""

    @property
    def shows_text(self) -> bool:
        """Whether a config.json is in front."""
        return self._current == "text"

    @property
    def writing(self) -> bool:
        """Whether keys type."""
        return self.shows_text and self.view.writing

    @property
    def summary(self) -> str:
        """Plain words for the lower edge."""
        return self.view.summary if self.shows_text else ""

    @property
    def copyable(self) -> tuple[str, str]:
        """What `y` copies here, and what that is."""
        if not self.shows_text:
            return "", ""
        selected = self.view.editor.selected_text
        return (selected, "the selection") if selected else (self.view.editor.text, "config.json")

    def take_focus(self) -> None:
        """Give the focus to what wants keys."""
        widget = {"text": self.view.editor, "card": self.query_one("#card")}.get(self._current, self)
        self.screen.set_focus(widget, scroll_visible=False)

    def say(self, text: str) -> None:
        """Words in the place of a config.json. Plain and safe."""
        self.query_one("#said", Static).update(Text(text))
        self._switch("said")

    def show_card(self, document: dict[str, Any], next_key: str) -> None:
        """What an image says of itself, and the key that makes a config.json of it."""
        self._card = document, next_key
        self._draw_card()
        self._switch("card")

    def _draw_card(self) -> None:
        if self._card is not None:
            muted = self.app.theme_variables.get("text-muted", "")
            style = "dim" if muted.startswith(("auto", "ansi")) else muted
            self.query_one("#card-text", Static).update(card.draw(*self._card, style))

    def show_text(self, text: str, *, writable: bool, writing: bool = False, original: str = "") -> None:
        """A config.json: to be changed, or to be read (see TextView.show)."""
        self.view.show(text, writable=writable, writing=writing, original=original)
        self._switch("text")

    def _switch(self, name: str) -> None:
        self.query_one("#config-switch", ContentSwitcher).current = name
        self.view.post_message(TextView.Summary())
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys are offered where they do something."""
        return not self.writing if action == "write" else True

    def action_write(self) -> None:
        if self.shows_text and self.view.writable:
            self.view.write()
        else:
            self.post_message(self.Asked())
