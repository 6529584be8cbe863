"""The box that every dialog is: it takes the keyboard until it is answered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, TypeVar

from rich.cells import cell_len
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widget import Widget

from tui.widgets.answered import Answered

T = TypeVar("T")

ROOMY = 30
"""Rows from which on what is told has room below a dialog."""

_AROUND = 6  # cells of an edge that are not words


class _Box(Vertical):
    """On its lower edge stands which keys do what; where it is narrow the last of them, which do it and leave."""

    def __init__(self, hint: str) -> None:
        super().__init__(id="box")
        self._hint = hint

    def on_resize(self) -> None:
        parts = self._hint.split(" · ")
        while len(parts) > 1 and cell_len(" · ".join(parts)) > self.outer_size.width - _AROUND:
            del parts[0]
        self.border_subtitle = Text(" · ".join(parts), end="")


class Dialog(Answered[T]):
    """A box in the middle; Escape leaves it without an answer."""

    DEFAULT_CSS = """
    Dialog {
        align: center middle;
        background: $background 60%;
        &:ansi { background: ansi_default; }
        & > #box {
            width: 78;
            max-width: 96%;
            height: auto;
            max-height: 90%;
            border: round $accent;
            border-title-color: $accent;
            border-title-style: bold;
            border-subtitle-color: $foreground;
            background: $surface;
            padding: 1 2;
        }
        & Static { width: 100%; height: auto; }
        & #wrong { color: $text-error; margin: 1 0 0 0; }
        & .command { color: $text-muted; margin: 1 0 0 0; }
        & #buttons { height: auto; align-horizontal: right; margin: 1 0 0 0; }
        & Input { border: tall $border-blurred; background: $surface; &:focus { border: tall $accent; } }
        & Button { margin: 0 0 0 2; min-width: 12; }
    }
    """

    VERTICAL_BREAKPOINTS: ClassVar[list[tuple[int, str]] | None] = [(0, "-short"), (ROOMY, "")]  # type: ignore[misc]

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "leave", priority=True, id="dialog.leave"),
        Binding("tab", "app.focus_next", show=False, priority=True, id="dialog.next"),
        Binding("shift+tab", "app.focus_previous", show=False, priority=True, id="dialog.previous"),
    ]

    heading: str = ""
    hint: str = ""

    def compose(self) -> ComposeResult:
        with _Box(self.hint) as box:
            # Text, not str: a str would be read as markup.
            box.border_title = Text(self.heading, end="")
            yield from self.compose_box()

    def compose_box(self) -> Iterable[Widget]:
        """What the dialog holds."""
        return ()

    def action_leave(self) -> None:
        self.dismiss(None)
