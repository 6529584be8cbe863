"""Yes or no."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Button, Static

from tui.dialogs.dialog import Dialog
from tui.text import plain


class Question(Dialog[bool]):
    """Yes or no; no unless yes is said."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "yes", id="question.yes"),
        Binding("n", "answer(False)", "no", id="question.no"),
        Binding("left,h", "app.focus_previous", show=False, id="question.previous"),
        Binding("right,l", "app.focus_next", show=False, id="question.next"),
    ]

    hint = "y yes · n no · esc leave"

    def __init__(self, question: str, *, detail: str = "", command: str = "", yes: str = "Yes") -> None:
        """All of it plain and safe text."""
        super().__init__()
        self.heading = "Sure?"
        self._question, self._detail, self._command, self._yes = question, detail, command, yes

    def compose_box(self) -> Iterable[Widget]:
        yield Static(Text(self._question, "bold"))
        if self._detail:
            yield Static(Text(self._detail))
        if self._command:
            yield Static(plain(f"$ {self._command}"), classes="command")
        with Horizontal(id="buttons"):
            yield Button("No", id="no", compact=True)
            yield Button(self._yes, id="yes", compact=True)

    def on_mount(self) -> None:
        self.query_one("#no", Button).focus()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_answer(self, answer: bool) -> None:
        self.dismiss(answer)

    def action_leave(self) -> None:
        self.dismiss(False)
