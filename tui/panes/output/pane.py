"""What a container prints, while it prints it."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import ContentSwitcher, Static

from engine import LogLine, Stream
from tui.widgets.log_view import Line, LogView


class OutputPane(Vertical, can_focus=True):
    """The log of one container, or words on why there is none."""

    class Summary(Message):
        """What stands on the pane's lower edge is different now."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.container: str | None = None

    def compose(self) -> ComposeResult:
        with ContentSwitcher(initial="output-said", id="output-switch"):
            yield Static("", id="output-said", markup=False)
            yield LogView(id="log")

    @property
    def log_view(self) -> LogView:
        return self.query_one("#log", LogView)

    @property
    def summary(self) -> str:
        return f"{self.log_view.summary} · ┃ stderr" if self.container is not None else ""

    def say(self, text: str) -> None:
        """Words in the place of output. Plain and safe."""
        self.container = None
        self.query_one("#output-said", Static).update(Text(text))
        self.query_one("#output-switch", ContentSwitcher).current = "output-said"

    def begin(self, container: str) -> None:
        """Show this container's output from now on; what was shown goes."""
        self.container = container
        self.log_view.clear()
        self.query_one("#output-switch", ContentSwitcher).current = "log"

    def add(self, lines: Iterable[LogLine]) -> None:
        self.log_view.add(
            Line(line.time, line.text.removesuffix("\r"), line.stream is Stream.STDERR, line.partial) for line in lines
        )

    @on(LogView.Changed)
    def _log_changed(self, event: LogView.Changed) -> None:
        event.stop()
        self.post_message(self.Summary())
