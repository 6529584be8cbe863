"""A container's overlay: its directories in order, the mount that makes it, and what the container writes meanwhile."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static

from engine import human_size
from tui.panes.files.sources import Listed
from tui.panes.files.tree_list import TreeList
from tui.panes.layers.pane import made_by
from tui.text import plain

if TYPE_CHECKING:
    from engine import Inside, LayerSummary, OverlayView, Written

FRESH = "•"
"""In front of what was written since the container's start."""


class WrittenList(TreeList):
    """What a container has changed; a dot marks what it did since its start."""

    def __init__(self) -> None:
        super().__init__(empty="it has written nothing yet", id="written")
        self._fresh: frozenset[str] = frozenset()

    def show_written(self, written: Written, below: Inside) -> None:
        began = self.count == 0
        self._fresh = written.since_start
        self.show(Listed(written.entries, below))
        if began:
            self.open_few()

    def mark(self, path: str) -> str:
        return f"{FRESH} " if path in self._fresh else "  "


class OverlayPage(Vertical):
    """Directories above, what was written below."""

    DEFAULT_CSS = """
    OverlayPage {
        & #overlay-parts { height: auto; max-height: 50%; padding: 0 1; border-bottom: solid $border-blurred; }
        & #overlay-parts Static { height: auto; }
    }
    """

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.written = WrittenList()
        self._parts = Static("", markup=False)
        self._said = ""
        self._view: OverlayView | None = None

    def compose(self) -> ComposeResult:
        yield VerticalScroll(self._parts, id="overlay-parts", can_focus=False)
        yield self.written

    @property
    def command(self) -> str:
        """The shell line that mounts the same."""
        return self._view.command if self._view is not None else ""

    @property
    def summary(self) -> str:
        return self._said

    def show(self, view: OverlayView, layers: Sequence[LayerSummary]) -> None:
        """Another container's overlay."""
        self._view, self._said = view, ""
        self.written.begin(Listed([]))
        table = Table.grid(padding=(0, 1, 0, 0))
        table.add_column(no_wrap=True, min_width=9)
        table.add_column(no_wrap=True, overflow="ellipsis")
        home = Path(os.path.commonpath([view.upper, view.work, view.merged, *view.lower]))
        state = "mounted: what the container sees" if view.mounted else "not mounted now"
        table.add_row("merged", _place(view.merged, home, state))
        table.add_row("upper", _place(view.upper, home, "what it has written, and marks for what it removed"))
        table.add_row("work", _place(view.work, home, "the kernel's own, on the filesystem of upper"))
        for number in range(len(view.lower), 0, -1):
            made = made_by(layers[number - 1].created_by) if number <= len(layers) else ""
            table.add_row(f"lower {number}", _place(view.lower[number - 1], home, made))
        table.add_row("in", plain(str(home)))
        command = plain(f"$ {view.command}", "bold")
        command.no_wrap, command.overflow = False, "fold"
        self._parts.update(Group(table, command))

    def take(self, written: Written, below: Inside) -> None:
        """What it has written by now."""
        counts = {"added": 0, "changed": 0, "removed": 0}
        for entry in written.entries:
            counts[entry.change] = counts.get(entry.change, 0) + 1
        size = sum(entry.size for entry in written.entries if entry.change != "removed")
        told = ", ".join(f"{count:,} {change}" for change, count in counts.items() if change and count)
        fresh = f" · {len(written.since_start):,} since its start ({FRESH})" if written.since_start else ""
        self._said = f"{told or 'nothing'} written, {human_size(size)}{fresh} · live"
        self.written.show_written(written, below)


def _place(path: Path, home: Path, words: str) -> Text:
    """A directory below `home`; of a long digest only the beginning, the command has it whole."""
    parts = (f"{part[:12]}…" if len(part) > 40 else part for part in path.relative_to(home).parts)
    text = plain("/".join(parts) or ".")
    if words:
        text.append("  ").append_text(plain(words, "italic"))
    return text
