"""The Stats tab: what the container that is looked at uses, once a second while it is in front."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from textual import on
from textual.widget import Widget

from engine import ContainerState, ContainerSummary, Status, clock, human_size, visible
from tui.bench import Bench
from tui.dialogs.page import Page
from tui.panes.stats.pane import StatsPane
from tui.panes.tab import MainTab
from tui.subjects import OfContainer, OfImage, OfNeighbour, Subject
from tui.telling import problem

if TYPE_CHECKING:
    from engine import CancelToken, ContainerStats, ProcessSummary, Workbench


class StatsTab(MainTab):
    """CPU, memory, processes, disk and network of one container."""

    tab_id = "stats"
    title = "Stats"
    filterable = True

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.pane = StatsPane(id="stats-pane")
        self._streaming: CancelToken | None = None

    def compose(self) -> Iterable[Widget]:
        yield self.pane

    @property
    def summary(self) -> str:
        return self.pane.summary

    @property
    def copyable(self) -> tuple[str, str]:
        return self.pane.copyable

    def filter_with(self, text: str) -> None:
        self.pane.list.set_filter(text)

    def take_focus(self) -> None:
        self.screen.set_focus(self.pane.list if self.pane.showing else self.pane, scroll_visible=False)

    def fill(self, subject: Subject) -> None:
        self.leave()
        container = self.container
        match subject:
            case OfContainer() if container is not None and container.working:
                self.pane.say("A working container uses nothing but room on the disk: nothing runs in it.")
            case OfContainer() if container is not None and container.status is Status.DAMAGED:
                self.pane.say(f"The record of {container.id} cannot be read, so nobody knows what it may use.")
            case OfContainer(id) if container is not None and container.status in (Status.RUNNING, Status.PAUSED):
                self.pane.begin()
                self._stream(id)
                if self.has_focus_within:
                    self.take_focus()
            case OfContainer() if container is not None:
                self.pane.say(
                    f"{visible(container.name)} does not run, so it uses nothing.\n\nPress r in [4] to start it."
                )
            case OfImage():
                self.pane.say("An image uses nothing: it is started as a container.")
            case OfNeighbour():
                self.pane.say(self.theirs)
            case _:
                self.pane.say("Not started yet.")

    def is_stale(self, container: ContainerSummary, before: Status | None) -> bool:
        return True

    def leave(self) -> None:
        if self._streaming is not None:
            self._streaming.cancel()
            self._streaming = None

    def on_hide(self) -> None:
        self.leave()

    def on_show(self) -> None:
        """In front again: go on."""
        if self._streaming is None and self.subject is not None:
            self.outdate()

    def _stream(self, id: str) -> None:
        def read(workbench: Workbench, token: CancelToken) -> Iterator[tuple[ContainerStats, list[ProcessSummary]]]:
            for lines in workbench.stats(token, id):
                try:
                    found = workbench.top(id)
                except ContainerState:  # it has just ended
                    return
                if lines:
                    yield lines[0], found

        def take(read: tuple[ContainerStats, list[ProcessSummary]]) -> None:
            self.pane.readings.take(*read)
            self.pane.update()

        def ended(failure: Exception | None) -> None:
            if failure is not None:
                self.bench.complain(problem(failure))

        self._streaming = self.bench.desk.stream(read, take, ended)

    @on(StatsPane.Details)
    def _details(self, event: StatsPane.Details) -> None:
        event.stop()
        p = event.process
        began = datetime.fromtimestamp(datetime.now().timestamp() - p.elapsed)
        rows = [
            ("command", p.command),
            (
                "numbers",
                f"{p.pid} in the container, {p.host_pid} on this host; its parent in there is {p.ppid or 'outside'}",
            ),
            ("user", p.user),
            ("since", f"{began:%Y-%m-%d %H:%M:%S}, {clock(p.elapsed)} ago; {clock(p.cpu_time)} of CPU time"),
            ("memory", f"{human_size(p.memory)} resident"),
            ("terminal", p.tty or "none"),
        ]
        self.app.push_screen(Page(f"Process {p.pid}", rows, copies="the command"))

    @on(StatsPane.Summary)
    def _summary(self, event: StatsPane.Summary) -> None:
        event.stop()
        self.post_message(self.Changed())
