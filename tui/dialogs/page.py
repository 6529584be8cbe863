"""Rows of label and text to read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from engine import visible
from tui.dialogs.dialog import Dialog


class Page(Dialog[None]):
    """`y` copies the text of the first row."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", "copy", id="page.copy"),
        Binding("q,enter", "leave", "leave", show=False, id="page.leave"),
        Binding("j,down", "scroll(1)", show=False, id="page.down"),
        Binding("k,up", "scroll(-1)", show=False, id="page.up"),
        Binding("g,home", "scroll(-10_000)", show=False, id="page.first"),
        Binding("G,end", "scroll(10_000)", show=False, id="page.last"),
    ]

    class Copy(Message):
        """Something is to be copied."""

        def __init__(self, text: str, what: str) -> None:
            super().__init__()
            self.text = text
            self.what = what

    def __init__(self, title: str, rows: Sequence[tuple[str, str]], *, copies: str = "") -> None:
        """`rows` may be hostile. `copies` says what `y` copies: "the command"; "" for nothing."""
        super().__init__()
        self.heading = visible(title)
        self.hint = f"y copies {copies} · esc leave" if copies else "esc leave"
        self._rows = list(rows)
        self._copies = copies

    def compose_box(self) -> Iterable[Widget]:
        with VerticalScroll(id="page", can_focus=True) as scroll:
            scroll.styles.height = "auto"
            page = Text()
            for label, value in self._rows:
                if label:
                    page.append(f"{label}\n", "bold")
                page.append(visible(value, keep="\n") + "\n\n")
            page.right_crop(2)
            yield Static(page)

    def on_mount(self) -> None:
        self.query_one("#page").focus()

    def on_resize(self) -> None:
        # A box as high as what it holds cuts off what is too much, and then there is nothing to scroll.
        self.query_one("#page").styles.max_height = max(1, self.size.height * 9 // 10 - 4)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return bool(self._copies) if action == "copy" else True

    def action_copy(self) -> None:
        self.post_message(self.Copy(self._rows[0][1], self._copies))

    def action_scroll(self, lines: int) -> None:
        self.query_one("#page", VerticalScroll).scroll_relative(y=lines, animate=False)
