"""The Output tab: follows a container's log while it is looked at."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable

from textual import on
from textual.widget import Widget

from engine import CancelToken, ContainerSummary, Event, Output, Status
from tui.bench import Bench
from tui.panes.output.pane import OutputPane
from tui.panes.tab import MainTab
from tui.subjects import OfContainer, OfDraft, OfImage, Subject


class OutputTab(MainTab):
    """What a container prints, while it prints it, or words on why there is nothing."""

    tab_id = "output"
    title = "Output"
    filterable = True

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.pane = OutputPane(id="output-pane")
        self._following: CancelToken | None = None
        self._streams = itertools.count()
        self._stream = ""

    def compose(self) -> Iterable[Widget]:
        yield self.pane

    @property
    def summary(self) -> str:
        return self.pane.summary

    @property
    def copyable(self) -> tuple[str, str]:
        return self.pane.log_view.text, "the output"

    def take_focus(self) -> None:
        wants = self.pane if self.pane.container is None else self.pane.log_view
        self.screen.set_focus(wants, scroll_visible=False)

    def filter_with(self, text: str) -> None:
        self.pane.log_view.set_filter(text)

    def fill(self, subject: Subject) -> None:
        match subject:
            case OfImage():
                self.pane.say(
                    "An image prints nothing: it is started as a container.\n\nPress enter in [1] to make one of it."
                )
            case OfDraft():
                self.pane.say("Not started yet.\n\nctrl+l in the Config tab launches it; its output comes here.")
            case OfContainer(id):
                container = self.container
                if container is not None and container.working:
                    self.pane.say("A working container prints nothing: nothing runs in it.")
                elif container is not None and container.status is Status.CREATED:
                    self.pane.say("Created and not started yet: there is no output.\n\nPress s in [4] to start it.")
                else:
                    self.pane.begin(id)
                    self._follow(id)

    def is_stale(self, container: ContainerSummary, before: Status | None) -> bool:
        """Follow the output again if it runs again."""
        return container.status is Status.RUNNING and before not in (Status.RUNNING, Status.PAUSED)

    def hear(self, event: Event) -> None:
        if isinstance(event, Output) and event.container == self._stream:
            self.pane.add(event.lines)

    def leave(self) -> None:
        if self._following is not None:
            self._following.cancel()
            self._following = None

    def _follow(self, id: str) -> None:
        self.leave()
        self._stream = f"{id} {next(self._streams)}"
        loop = asyncio.get_running_loop()
        token: CancelToken | None = None

        def done(failure: Exception | None) -> None:
            def settle() -> None:
                if self._following is token:
                    self._following = None
                    if failure is not None:
                        self.bench.later(_raise(failure))

            try:
                loop.call_soon_threadsafe(settle)
            except RuntimeError:  # the loop has ended
                pass

        token = self._following = self.bench.desk.follow(id, self._stream, done)

    @on(OutputPane.Summary)
    def _summary(self, event: OutputPane.Summary) -> None:
        event.stop()
        self.post_message(self.Changed())


async def _raise(failure: Exception) -> None:
    """Raise it where it is told."""
    raise failure
