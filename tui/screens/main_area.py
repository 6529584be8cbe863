"""[3], the main area: a page, or one of the tabs Config, Output and Trace."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum

from textual import on
from textual.message import Message
from textual.widget import Widget
from textual.widgets import ContentSwitcher

from tui.panes.config.pane import ConfigPane
from tui.panes.output.pane import OutputPane
from tui.panes.pulling import PullView
from tui.panes.trace.pane import TracePane
from tui.panes.welcome import Welcome
from tui.widgets.frame import Frame


class Tab(Enum):
    """What of a thing is shown."""

    CONFIG = "config"
    OUTPUT = "output"
    TRACE = "trace"


class MainArea(Frame):
    """Holds the tabs and shows one thing at a time; who fills them is not its business."""

    filterable = True

    class Switched(Message):
        """Something else is shown now, or its edges say something else."""

    def __init__(self) -> None:
        super().__init__(id="main")
        self.welcome = Welcome()
        self.pulling = PullView()
        self.config = ConfigPane(id="config")
        self.output = OutputPane(id="output")
        self.trace = TracePane(id="trace")
        self.switcher = ContentSwitcher(initial="welcome", id="main-switch")
        self.context: Sequence[str] = ()

    def compose_body(self) -> Iterable[Widget]:
        with self.switcher:
            yield self.welcome
            yield self.pulling
            yield self.config
            yield self.output
            yield self.trace

    @property
    def tab(self) -> Tab | None:
        """The tab in front; None while a page is."""
        current = self.switcher.current or ""
        return Tab(current) if current in Tab._value2member_map_ else None

    def front(self, what: Tab | str, context: Sequence[str]) -> None:
        """Bring a tab or a page to the front; for `context` see `Edge.show`."""
        name = what.value if isinstance(what, Tab) else what
        had_focus = self.has_focus_within
        self.context = context
        if self.switcher.current != name:
            self.switcher.current = name
            if had_focus:
                self.take_focus()
        self.update_summary()
        self.post_message(self.Switched())

    def take_focus(self) -> None:
        match self.tab:
            case Tab.OUTPUT if self.output.container is not None:
                self.screen.set_focus(self.output.log_view, scroll_visible=False)
            case Tab.TRACE:
                self.screen.set_focus(self.trace.items, scroll_visible=False)
            case Tab.CONFIG:
                self.config.take_focus()
            case Tab.OUTPUT:
                self.screen.set_focus(self.output, scroll_visible=False)
            case None:
                page = self.pulling if self.switcher.current == "pulling" else self.welcome
                self.screen.set_focus(page, scroll_visible=False)

    @property
    def copyable(self) -> tuple[str, str]:
        """What `y` copies here, and what that is."""
        match self.tab:
            case Tab.CONFIG:
                return self.config.copyable
            case Tab.OUTPUT:
                return self.output.log_view.text, "the output"
            case Tab.TRACE:
                return self.trace.copyable, "the command"
        return "", ""

    def filter_with(self, text: str) -> None:
        if self.tab is Tab.OUTPUT:
            self.output.log_view.set_filter(text)
        elif self.tab is Tab.TRACE:
            self.trace.filter_with(text)

    def action_filter(self) -> None:
        if self.tab in (Tab.OUTPUT, Tab.TRACE):
            super().action_filter()

    @on(ConfigPane.Summary)
    @on(OutputPane.Summary)
    def update_summary(self) -> None:
        """Say on the lower edge what the pane in front says of itself."""
        match self.tab:
            case Tab.CONFIG:
                self.set_subtitle(self.config.summary)
            case Tab.OUTPUT:
                self.set_subtitle(self.output.summary)
            case Tab.TRACE:
                self.set_subtitle(self.trace.summary)
            case None:
                self.set_subtitle("")
