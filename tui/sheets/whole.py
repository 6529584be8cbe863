"""What takes the whole screen, in front of the workbench: a frame, and the keys of the place below it."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tui.bench import Bench
from tui.dialogs.page import Page
from tui.help import help_rows
from tui.widgets.answered import Answered
from tui.widgets.frame import Frame
from tui.widgets.key_line import KeyLine

T = TypeVar("T")


class WholeScreen(Answered[T | None]):
    """`?` tells its keys, and esc leaves it: first its filter, where there is one."""

    AUTO_FOCUS = ""
    """The body takes it itself; the library's choice was the filter, for a moment, and a quick key went there."""

    DEFAULT_CSS = """
    WholeScreen { layout: vertical; background: $background; &:ansi { background: ansi_default; } }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "help", "help", id="sheet.help"),
        Binding("escape,q", "leave", "leave", id="sheet.leave", key_display="esc"),
    ]

    def __init__(self, bench: Bench, body: Frame) -> None:
        super().__init__()
        self.bench, self.body = bench, body

    def compose(self) -> ComposeResult:
        yield self.body
        yield KeyLine(always=("help", "leave"))

    def action_filter(self) -> None:
        self.body.action_filter()

    def action_help(self) -> None:
        self.app.push_screen(Page("Keys that work here", help_rows(self)))

    def action_leave(self) -> None:
        self.dismiss(None)
