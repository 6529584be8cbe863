"""Asks for one line: a name, a path."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input, Static

from tui.dialogs.dialog import Dialog
from tui.text import plain


class LineDialog(Dialog[str | None]):
    """One line, with the command that it makes below it; an empty line is no answer."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "done", "done", id="line.done")]

    hint = "enter do it · esc leave"

    def __init__(self, heading: str, words: str, line: Callable[[str], str], start: str = "") -> None:
        """`words` are plain and safe; `line` makes the command line of what is typed."""
        super().__init__()
        self.heading = heading
        self._words, self._line, self._start = words, line, start

    def compose_box(self) -> Iterable[Widget]:
        yield Static(Text(self._words + "\n"))
        yield Input(self._start, id="text", select_on_focus=False)
        yield Static("", id="line", classes="command", markup=False)

    def on_mount(self) -> None:
        self.query_one("#text", Input).focus()
        self._show_line()

    @property
    def _text(self) -> str:
        return self.query_one("#text", Input).value.strip()

    @on(Input.Changed)
    def _show_line(self) -> None:
        shown = plain(f"$ {self._line(self._text or '…')}")
        shown.no_wrap = False
        self.query_one("#line", Static).update(shown)

    @on(Input.Submitted)
    def action_done(self) -> None:
        if self._text:
            self.dismiss(self._text)
