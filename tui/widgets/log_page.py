"""Which part of a log is in sight: a page that follows the end, or stays where somebody reads."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from rich.console import Console
from textual.strip import Strip

from tui.widgets.log_drawing import Look, column_of, draw, width_of
from tui.widgets.log_model import LogModel
from tui.widgets.log_source import Line

_KEPT = 1000
"""Lines that are kept drawn."""


class LogPage:
    """`height` rows of a model's lines. The place is the number of the line at the top, and where lines are wrapped
    which part of it; so it stays when lines come, go, or are filtered."""

    def __init__(self, model: LogModel, console: Console, look: Look, height: int) -> None:
        self.model, self._console = model, console
        self._look, self.height = look, max(1, height)
        self.following = True
        self._top, self._part, self._left = 0, 0, 0
        self._rows: list[tuple[int, Strip]] | None = None
        self._drawn: dict[tuple[int, Line], list[Strip]] = {}

    @property
    def rows(self) -> list[tuple[int, Strip]]:
        """What is in sight from the top down: the line's number and its strip."""
        if self._rows is None:
            self._rows = self._laid_out()
        return self._rows

    @property
    def is_full(self) -> bool:
        return len(self.rows) >= self.height

    @property
    def numbers(self) -> list[int]:
        """The lines in sight."""
        return sorted({number for number, _ in self.rows})

    def look_like(self, look: Look, height: int) -> None:
        """Draw lines differently from now on."""
        if look.wrap != self._look.wrap:
            self._part = self._left = 0
        self._look, self.height = look, max(1, height)
        self._drawn.clear()
        self.outdate()

    def outdate(self) -> None:
        """Other lines may be in sight now."""
        self._rows = None

    def scroll(self, count: int) -> None:
        """So many rows down, or up. Up pauses; down at the very end follows again, as less does with F."""
        seen = self.model.seen
        if not self.rows:  # they may have been laid out before the first line came
            self.outdate()
        if not seen or not self.rows:
            return
        index, part = bisect_left(seen, self.rows[0][0]), self._part + count
        if count < 0:
            self.following = False
        if not self._look.wrap:
            index, part = index + part, 0
        while part < 0 < index:
            index -= 1
            part += len(self._strips(seen[index]))
        while part > 0 and index < len(seen) - 1 and part >= (parts := len(self._strips(seen[index]))):
            index, part = index + 1, part - parts
        place = max(0, index), max(0, part)
        last = self._last(seen)
        if count > 0 and place >= last:
            self.following, place = True, last
        self._be_at(seen, *place)

    def go_to_fraction(self, fraction: float) -> None:
        """Be at this part of the whole, 0 to 1."""
        if seen := self.model.seen:
            self.following = False
            self._be_at(seen, min(int(len(seen) * fraction), self._last(seen)[0]), 0)

    def go_to(self, number: int) -> None:
        """Have a line in sight, a third from the top where it was not, and what is looked for in it."""
        self.following = False
        if number not in self.numbers:
            seen = self.model.seen
            self._be_at(seen, max(0, min(bisect_left(seen, number) - self.height // 3, self._last(seen)[0])), 0)
        if self.model.search is not None and not self._look.wrap:
            column = column_of(self.model.read([number])[0], self.model.search.pattern)
            if column is not None and not self._left <= column < self._left + self._look.room - 4:
                self._shift(max(0, column - 8) if column >= self._look.room - 4 else 0)

    def sideways(self, cells: int) -> None:
        """Move the text so many cells to the left."""
        if not self._look.wrap:
            widest = max(map(width_of, self.model.read(self.numbers)), default=0)
            self._shift(max(0, min(self._left + cells, widest - self._look.room // 2)))

    @property
    def bar(self) -> range:
        """The rows of a bar at the right that say which part of the whole is in sight; empty where it is the whole."""
        seen = self.model.seen
        if not self.rows or len(seen) <= len(self.numbers):
            return range(0)
        size = max(1, self.height * self.height // len(seen))
        first = bisect_left(seen, self.rows[0][0])
        start = round((self.height - size) * min(1.0, first / max(1, len(seen) - self.height)))
        return range(start, start + size)

    def _be_at(self, seen: Sequence[int], index: int, part: int) -> None:
        self._top, self._part = seen[index] if index < len(seen) else 0, part
        self.outdate()

    def _shift(self, left: int) -> None:
        self._left = left
        self._drawn.clear()
        self.outdate()

    def _laid_out(self) -> list[tuple[int, Strip]]:
        seen = self.model.seen
        if not seen:
            return []
        index, part = self._last(seen)
        if not self.following:  # and no emptier than it has to be
            index, part = min((index, part), (bisect_left(seen, self._top), self._part))
        self._top, self._part = seen[index], part
        rows: list[tuple[int, Strip]] = []
        numbers = seen[index : index + self.height]
        for number, line in zip(numbers, self.model.read(numbers), strict=True):
            rows += [(number, strip) for strip in self._strips(number, line)[part:]]
            part = 0
            if len(rows) >= self.height:
                break
        return rows[: self.height]

    def _last(self, seen: Sequence[int]) -> tuple[int, int]:
        """Where the top is when the end is in sight: an index and a part."""
        if not self._look.wrap:
            return max(0, len(seen) - self.height), 0
        index, rows = len(seen), 0
        while index > 0 and rows < self.height:
            index -= 1
            rows += len(self._strips(seen[index]))
        return index, max(0, rows - self.height)

    def _strips(self, number: int, line: Line | None = None) -> list[Strip]:
        if line is None:
            line = self.model.read([number])[0]
        strips = self._drawn.get((number, line))
        if strips is None:
            strips = draw(line, self._look, self._console, self._left)
            if len(self._drawn) >= _KEPT:
                self._drawn.clear()
            self._drawn[number, line] = strips
        return strips
