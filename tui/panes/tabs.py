"""The tabs of the main area, in the order in which they stand on its edge. A new one is a line here.

Their names are known from the start; the classes, which bring the editor and more with them, are loaded after the first
paint.
"""

from __future__ import annotations

import importlib
from typing import NamedTuple

from tui.panes.tab import MainTab


class TabName(NamedTuple):
    """A tab before its class is loaded: its id, its title, and which class of `tui.panes` it is."""

    tab_id: str
    title: str
    place: str


TABS: tuple[TabName, ...] = (
    TabName("config", "Config", "config.tab:ConfigTab"),
    TabName("files", "Files", "files.tab:FilesTab"),
    TabName("output", "Output", "output.tab:OutputTab"),
    TabName("stats", "Stats", "stats.tab:StatsTab"),
    TabName("trace", "Trace", "trace.tab:TraceTab"),
)


def load() -> list[type[MainTab]]:
    """The classes. Takes a tenth of a second the first time."""
    found = []
    for tab in TABS:
        module, _, name = tab.place.partition(":")
        kind = getattr(importlib.import_module(f"tui.panes.{module}"), name)
        assert issubclass(kind, MainTab)
        assert (kind.tab_id, kind.title) == (tab.tab_id, tab.title)
        found.append(kind)
    return found
