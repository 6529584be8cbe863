"""A container's overlay: its directories in order, the mount that makes it, and what the container writes meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

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
        table.add_column(overflow="fold")
        state = "mounted: what the container sees" if view.mounted else "not mounted now"
        table.add_row("merged", _place(str(view.merged), state))
        table.add_row("upper", _place(str(view.upper), "what it has written, and marks for what it removed"))
        table.add_row("work", _place(str(view.work), "the kernel's own, on the filesystem of upper"))
        for number in range(len(view.lower), 0, -1):
            made = made_by(layers[number - 1].created_by) if number <= len(layers) else ""
            table.add_row(f"lower {number}", _place(str(view.lower[number - 1]), made))
        command = plain(f"$ {view.command}", "bold")
        command.no_wrap = False
        table.add_row("", "")
        table.add_row("the same", command)
        self._parts.update(table)

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


def _place(path: str, words: str) -> Text:
    text = plain(path)
    text.no_wrap, text.overflow = False, "fold"
    if words:
        text.append("  ").append_text(plain(words, "italic"))
    return text
