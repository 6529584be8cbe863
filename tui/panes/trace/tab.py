"""The Trace tab: reads the journal of what is looked at."""

from __future__ import annotations

from collections.abc import Iterable

from textual import on
from textual.widget import Widget

from engine import ContainerSummary, CutawayError, Event, JobFinished, Status, visible
from tui.bench import Bench
from tui.dialogs.page import Page
from tui.panes.tab import MainTab
from tui.panes.trace.pane import TracePane
from tui.subjects import OfContainer, OfDraft, OfImage, OfNeighbour, Subject


class TraceTab(MainTab):
    """What the engine did to make a thing, in steps."""

    tab_id = "trace"
    title = "Trace"
    filterable = True

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.pane = TracePane(id="trace-pane")

    def compose(self) -> Iterable[Widget]:
        yield self.pane

    @property
    def summary(self) -> str:
        return self.pane.summary

    @property
    def copyable(self) -> tuple[str, str]:
        return self.pane.copyable, "the command"

    def take_focus(self) -> None:
        self.screen.set_focus(self.pane.items, scroll_visible=False)

    def filter_with(self, text: str) -> None:
        self.pane.filter_with(text)

    def fill(self, subject: Subject) -> None:
        match subject:
            case OfImage(name) | OfDraft(name) | OfContainer(name):
                self.bench.later(self._read(subject, name))
            case OfNeighbour():
                self.pane.show([], self.theirs)

    def is_stale(self, container: ContainerSummary, before: Status | None) -> bool:
        return True

    def hear(self, event: Event) -> None:
        if isinstance(event, JobFinished):  # there may be more steps now
            self.outdate()

    async def _read(self, subject: Subject, name: str) -> None:
        steps, said = [], "nothing was done yet"
        try:
            steps = await self.bench.desk.ask(lambda workbench: workbench.trace(name))
        except CutawayError as error:
            said = f"✗ {visible(error.message)}\n{visible(error.hint)}"
        if self.subject == subject:
            self.pane.show(steps, said)
            self.post_message(self.Changed())

    @on(TracePane.Details)
    def _details(self, event: TracePane.Details) -> None:
        event.stop()
        self.app.push_screen(Page(event.title, event.rows, copies="the command"))

    @on(TracePane.Copy)
    def _copy(self, event: TracePane.Copy) -> None:
        event.stop()
        self.bench.copy(event.text, event.what)
