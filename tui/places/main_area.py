"""The main area: the tabs of what is looked at, or a page of words where there is nothing to look at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual import on
from textual.message import Message
from textual.widget import Widget
from textual.widgets import ContentSwitcher

from tui.bench import Bench
from tui.panes.pulling import PullView
from tui.panes.tab import MainTab
from tui.panes.tabs import load
from tui.places.welcome import Welcome
from tui.widgets.frame import Frame


class MainArea(Frame):
    """Holds the tabs and shows one thing at a time; who fills them is not its business."""

    filterable = True

    class Switched(Message):
        """Something else is shown now, or its edges say something else."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(id="main")
        self.welcome = Welcome(bench)
        self.pulling = PullView()
        self._bench = bench
        self.tabs: list[MainTab] = []
        self.switcher = ContentSwitcher(initial="welcome", id="main-switch")
        self.context: Sequence[str] = ()

    def compose_body(self) -> Iterable[Widget]:
        with self.switcher:
            yield self.welcome
            yield self.pulling

    async def load(self) -> None:
        """Make the tabs; before that there is the first page alone."""
        if not self.tabs:
            tabs = [kind(self._bench) for kind in load()]
            for tab in tabs:
                tab.display = False
            await self.switcher.mount_all(tabs)
            self.tabs = tabs

    def find(self, name: str) -> MainTab | None:
        """The tab of this name."""
        return next((tab for tab in self.tabs if tab.tab_id == name), None)

    @property
    def tab(self) -> MainTab | None:
        """The tab in front; None while a page is."""
        return self.find(self.switcher.current or "")

    def front(self, name: str, context: Sequence[str]) -> None:
        """Bring a tab or a page to the front; for `context` see `Edge.show`."""
        had_focus = self.has_focus_within
        self.context = context
        if self.switcher.current != name:
            self.switcher.current = name
            if had_focus:
                self.take_focus()
        self.update_summary()
        self.post_message(self.Switched())

    def take_focus(self) -> None:
        if self.tab is not None:
            self.tab.take_focus()
        else:
            page = self.pulling if self.switcher.current == "pulling" else self.welcome
            self.screen.set_focus(page, scroll_visible=False)

    @property
    def copyable(self) -> tuple[str, str]:
        return self.tab.copyable if self.tab is not None else ("", "")

    def filter_with(self, text: str) -> None:
        if self.tab is not None:
            self.tab.filter_with(text)

    def action_filter(self) -> None:
        if self.tab is not None and not self.tab.search() and self.tab.filterable:
            super().action_filter()

    @on(MainTab.Changed)
    def update_summary(self) -> None:
        """Say on the lower edge what the tab in front says of itself."""
        self.set_subtitle(self.tab.summary if self.tab is not None else "")
