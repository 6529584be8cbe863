"""One line to type in below the text: what to find, or where to go."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, Static


class Bar(Horizontal):
    """Hidden until it is opened."""

    DEFAULT_CSS = """
    Bar {
        display: none;
        height: 1;
        background: $boost;
        & #bar-prompt { width: auto; padding: 0 1; }
        & Input { width: 1fr; border: none; height: 1; padding: 0; background: $boost; }
        & #bar-said { width: auto; padding: 0 1; color: $text-muted; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close(False)", "back", show=False, id="bar.leave"),
        Binding("down,f3", "step(1)", "next", show=False, id="bar.next"),
        Binding("up,shift+f3", "step(-1)", "previous", show=False, id="bar.previous"),
    ]

    class Typed(Message):
        """Another text stands in it."""

        def __init__(self, mode: str, text: str) -> None:
            super().__init__()
            self.mode = mode
            self.text = text

    class Closed(Message):
        """It is left; `done` says that what stands in it is meant."""

        def __init__(self, mode: str, text: str, done: bool) -> None:
            super().__init__()
            self.mode = mode
            self.text = text
            self.done = done

    class Stepped(Message):
        """To the next, or the one before."""

        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step

    def __init__(self) -> None:
        super().__init__(id="bar")
        self._mode = ""

    def compose(self) -> ComposeResult:
        yield Static("", id="bar-prompt", markup=False)
        yield Input(id="bar-input", compact=True, select_on_focus=True)
        yield Static("", id="bar-said", markup=False)

    @property
    def mode(self) -> str:
        """What it is open for; "" while it is hidden."""
        return self._mode

    def open(self, mode: str, prompt: str, text: str, suggest: Callable[[], Iterable[str]] | None = None) -> None:
        """Ask for something. `suggest` gives what may be meant, shown behind what is typed; right takes it."""
        self._mode = mode
        self.display = True
        self.query_one("#bar-prompt", Static).update(prompt)
        self.say("")
        field = self.query_one(Input)
        field.suggester = _Words(suggest) if suggest is not None else None
        field.value = text
        self.screen.set_focus(field, scroll_visible=False)

    def say(self, text: str) -> None:
        """A few words at the end: how many were found."""
        self.query_one("#bar-said", Static).update(text)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        if self._mode:
            self.post_message(self.Typed(self._mode, event.value))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_close(True)

    def action_close(self, done: bool) -> None:
        mode, self._mode = self._mode, ""
        self.display = False
        self.post_message(self.Closed(mode, self.query_one(Input).value, done))

    def action_step(self, step: int) -> None:
        self.post_message(self.Stepped(step))


class _Words(Suggester):
    """The first word that begins with what is typed, up to its next slash."""

    def __init__(self, words: Callable[[], Iterable[str]]) -> None:
        super().__init__(use_cache=False, case_sensitive=False)
        self._words = words

    async def get_suggestion(self, value: str) -> str | None:
        low = value.lower()
        return next((word for word in self._words() if word.lower().startswith(low) and len(word) > len(value)), None)
