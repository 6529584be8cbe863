"""A tree of files as the rows that are on the screen: opened, closed, filtered and sorted. Knows nothing of a screen.

A row costs next to nothing, for a directory may have tens of thousands of them; what is known of a file is asked when
its row is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tui.panes.files.filtering import Filter
from tui.panes.files.sources import Source
from tui.widgets.sorting import Sorting


class Row(NamedTuple):
    """One line of the tree."""

    path: str
    depth: int
    directory: bool

    @property
    def name(self) -> str:
        return self.path[self.path.rfind("/") + 1 :]


class FileTree:
    """Rows of a source."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._open: set[str] = set()
        self._filter = Filter()
        self.sorting: Sorting[tuple[str, bool]] = Sorting(
            {
                "name": (lambda each: not each[1], False),
                "size": (lambda each: self._source.size(each[0]), True),
                "time": (lambda each: self._changed(each[0]), True),
            }
        )
        """Of paths, and whether each is a directory; as they come they are in the order of names."""
        self._folded: list[tuple[str, str]] | None = None
        self._matching: dict[str, list[tuple[str, bool]]] = {}
        self._found: frozenset[str] = frozenset()
        self.rows: list[Row] = []
        self._rebuild()

    @property
    def source(self) -> Source:
        return self._source

    @property
    def filter(self) -> Filter:
        return self._filter

    @property
    def matches(self) -> int:
        """How many paths the filter lets through."""
        return len(self._found)

    @property
    def first_match(self) -> int:
        """The first row that the filter asks for itself; those above it are on the way there."""
        return next((index for index, row in enumerate(self.rows) if row.path in self._found), 0)

    def show(self, source: Source) -> None:
        """Other files, or the same ones anew; what was open stays so."""
        self._source, self._folded = source, None
        if self._filter:
            self.filter_with(self._filter)
        else:
            self._rebuild()

    def is_open(self, path: str) -> bool:
        return path in self._open

    def open(self, index: int) -> bool:
        """Show what is in the directory of a row; whether that changed anything."""
        row = self.rows[index]
        if not row.directory or row.path in self._open:
            return False
        self._open.add(row.path)
        self.rows[index + 1 : index + 1] = self._below(row.path, row.depth + 1)
        return True

    def close(self, index: int) -> bool:
        """Hide what is in the directory of a row; whether that changed anything."""
        row = self.rows[index]
        if row.path not in self._open:
            return False
        self._open.discard(row.path)
        end = index + 1
        while end < len(self.rows) and self.rows[end].depth > row.depth:
            end += 1
        del self.rows[index + 1 : end]
        return True

    def open_all(self, most: int) -> bool:
        """Open every directory, if that makes no more than so many rows."""
        paths = [path for path, _ in self._all_folded()]
        if len(paths) > most:
            return False
        self._open = self._directories("")
        self._rebuild()
        return True

    def close_all(self) -> None:
        self._open.clear()
        self._rebuild()

    def parent(self, index: int) -> int:
        """The row of the directory that a row is in; the row itself at the top."""
        depth = self.rows[index].depth
        while index > 0 and depth > 0 and self.rows[index].depth >= depth:
            index -= 1
        return index

    def find(self, path: str) -> int | None:
        """The row of a path; its directories are opened. None where it is not among them."""
        above = path.split("/")[:-1]
        wanted = {"/".join(above[:count]) for count in range(1, len(above) + 1)}
        if not wanted <= self._open:
            self._open |= wanted
            self._rebuild()
        for index, row in enumerate(self.rows):
            if row.path == path:
                return index
        return None

    def filter_with(self, wanted: Filter) -> None:
        """Show what matches, and the directories on the way to it."""
        self._filter = wanted
        if not wanted:
            self._matching, self._found = {}, frozenset()
            self._rebuild()
            return
        found = wanted.chosen(self._all_folded(), self._source.size)
        self._found = frozenset(found)
        among: dict[str, dict[str, bool]] = {}
        for path in found:
            while path:
                parent, _, name = path.rpartition("/")
                if name in among.setdefault(parent, {}):
                    break
                among[parent][name] = True
                path = parent
        self._matching = {
            parent: [(name, directory) for name, directory in self._source.names(parent) if name in names]
            for parent, names in among.items()
        }
        # What matches is shown closed, with all that is in it when it is opened; the way there is open.
        self._open = {path for path in self._matching if path}
        self._rebuild()

    def next_order(self) -> None:
        """In the next order, from now on."""
        self.sorting.next()
        self._rebuild()

    def _all_folded(self) -> list[tuple[str, str]]:
        if self._folded is None:
            self._folded = [(path, path.casefold()) for path in self._source.paths()]
        return self._folded

    def _directories(self, path: str) -> set[str]:
        found, waiting = set(), [path]
        while waiting:
            here = waiting.pop()
            prefix = f"{here}/" if here else ""
            inner = [prefix + name for name, directory in self._names(here) if directory]
            found.update(inner)
            waiting += inner
        return found

    def _names(self, path: str) -> Sequence[tuple[str, bool]]:
        return self._matching[path] if path in self._matching else self._source.names(path)

    def _rebuild(self) -> None:
        nothing = bool(self._filter) and not self.matches
        self.rows = [] if nothing else self._below("", 0)

    def _below(self, path: str, depth: int) -> list[Row]:
        rows: list[Row] = []
        levels = [iter(self._level(path, depth))]
        while levels:  # not by recursion: a hostile image may be deeper than Python goes
            row = next(levels[-1], None)
            if row is None:
                levels.pop()
                continue
            rows.append(row)
            if row.directory and row.path in self._open:
                levels.append(iter(self._level(row.path, row.depth + 1)))
        return rows

    def _level(self, path: str, depth: int) -> list[Row]:
        prefix = f"{path}/" if path else ""
        found = self.sorting.sorted((prefix + name, directory) for name, directory in self._names(path))
        return [Row(path, depth, directory) for path, directory in found]

    def _changed(self, path: str) -> float:
        entry = self._source.entry(path)
        return entry.mtime if entry is not None else 0.0
