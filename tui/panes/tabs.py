"""The tabs of the main area, in the order in which they stand on its edge. A new one is a line here."""

from __future__ import annotations

from tui.panes.config.tab import ConfigTab
from tui.panes.files.tab import FilesTab
from tui.panes.output.tab import OutputTab
from tui.panes.stats.tab import StatsTab
from tui.panes.tab import MainTab
from tui.panes.trace.tab import TraceTab

TABS: tuple[type[MainTab], ...] = (ConfigTab, FilesTab, OutputTab, StatsTab, TraceTab)
