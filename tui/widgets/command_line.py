"""One line with the shell command that does what was last done here, and what came of it."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual.widget import Widget

from engine import visible
from tui.text import clip


class CommandLine(Widget):
    """Shows `$ command` at the left and its outcome at the right. `command` is the whole of it, for copying."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"command--sign", "command--good", "command--bad"}

    DEFAULT_CSS = """
    CommandLine {
        height: 1;
        color: $text-muted;
        & .command--sign { color: $accent; }
        & .command--good { color: $text-success; }
        & .command--bad { color: $text-error; text-style: bold; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self.command = ""
        self._outcome = ""
        self._good = True

    def show(self, command: str, outcome: str = "", *, good: bool = True) -> None:
        self.command, self._outcome, self._good = command, outcome, good
        self.refresh()

    def render(self) -> Text:
        if not self.command:
            return Text("", end="")
        outcome = Text(
            self._outcome,
            self.get_component_rich_style("command--good" if self._good else "command--bad", partial=True),
        )
        width = self.size.width
        line = Text(" ", no_wrap=True, end="")
        line.append("$ ", self.get_component_rich_style("command--sign", partial=True))
        line.append(clip(visible(self.command), max(0, width - cell_len(self._outcome) - 5)))
        line.append(" " * max(1, width - line.cell_len - outcome.cell_len - 1))
        return line + outcome
