"""A choice of yes or no, told by a sign and not by colour: `[x] words`."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget


class Toggle(Widget, can_focus=True):
    """Space or a click turns it."""

    DEFAULT_CSS = """
    Toggle { height: 1; width: 1fr; &:focus { color: $accent; text-style: bold; } }
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "turn", "turn", id="toggle.turn")]

    on: reactive[bool] = reactive(False)

    class Turned(Message):
        """The choice is another one."""

    def __init__(self, words: str, on: bool, *, id: str | None = None) -> None:
        """`words` are plain and safe."""
        super().__init__(id=id)
        self._words = words
        self.set_reactive(Toggle.on, on)

    def render(self) -> Text:
        return Text(f"[{'x' if self.on else ' '}] {self._words}", no_wrap=True, overflow="ellipsis", end="")

    def action_turn(self) -> None:
        self.on = not self.on
        self.post_message(self.Turned())

    def on_click(self) -> None:
        self.action_turn()
