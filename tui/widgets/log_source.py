"""What a log view looks through: lines by number, as many as there are, read when they are looked at."""

from __future__ import annotations

import time
from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol


class Line(NamedTuple):
    """One line. `time` is seconds since the epoch, 0 where it has none; `other` marks the second stream; `open` waits
    for its end; `label` says where it came from, where there are several sources."""

    time: float
    text: str
    other: bool = False
    open: bool = False
    label: str = ""


class Source(Protocol):
    """Lines numbered from `first` up to `end`; a line keeps its number."""

    @property
    def first(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def caught_up(self) -> bool:
        """Whether every line that was there a moment ago has its number."""

    def read(self, first: int, count: int, *, whole: bool = False) -> list[Line]:
        """These lines, as many of them as there are; what is longer than anybody reads is cut, unless asked `whole`."""

    def texts(self, first: int) -> Iterator[tuple[int, Sequence[str]]]:
        """The texts of all lines from `first` on, some at a time, with the first one's number."""

    def at(self, moment: float) -> int:
        """The first line at or after a time; `end` where there is none."""

    def catch_up(self, seconds: float) -> bool:
        """Do what must be done before new lines can be read, for so long (CPU time); whether there is more to do."""


_BATCH = 500  # lines of one source read at once
_HELD = 0.15  # seconds that a line waits for an older one of another source, which is read a moment later


_ROW = (1 << 48) - 1
_GONE = Line(0.0, "(gone with the older part of the log)")


class Merged:
    """Several sources as one, their lines in the order of their times."""

    first = 0

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources
        self._order = array("Q")  # source in the upper bits, line in the lower
        self._times = array("d")
        self._next = [source.first for source in sources]
        self._waiting: list[deque[tuple[float, int]]] = [deque() for _ in sources]

    @property
    def end(self) -> int:
        return len(self._order)

    @property
    def caught_up(self) -> bool:
        return all(source.caught_up for source in self._sources) and not any(self._waiting)

    def read(self, first: int, count: int, *, whole: bool = False) -> list[Line]:
        wanted = [(packed >> 48, packed & _ROW) for packed in self._order[max(0, first) : max(0, first + count)]]
        numbers: dict[int, list[int]] = {}
        for number, row in wanted:
            numbers.setdefault(number, []).append(row)
        lines: dict[tuple[int, int], Line] = {}
        for number, rows in numbers.items():  # those of one source follow one another
            start = max(rows[0], self._sources[number].first)
            found = self._sources[number].read(start, rows[-1] + 1 - start, whole=whole)
            lines |= {(number, row): line for row, line in enumerate(found, start)}
        return [lines.get(key, _GONE) for key in wanted]

    def texts(self, first: int) -> Iterator[tuple[int, Sequence[str]]]:
        for start in range(first, self.end, _BATCH):
            yield start, [line.text for line in self.read(start, _BATCH)]

    def at(self, moment: float) -> int:
        return next((number for number, time in enumerate(self._times) if time >= moment), self.end)

    def catch_up(self, seconds: float) -> bool:
        deadline = time.thread_time() + seconds
        while time.thread_time() < deadline:
            for number, source in enumerate(self._sources):
                if not self._waiting[number] and self._next[number] < source.end:
                    self._fetch(number, source)
            if not self._emit(time.time() - _HELD):
                return any(self._waiting)
        return True

    def _fetch(self, number: int, source: Source) -> None:
        start = max(self._next[number], source.first)
        lines = source.read(start, _BATCH)
        self._waiting[number].extend((line.time, row) for row, line in enumerate(lines, start))
        self._next[number] = start + len(lines) if lines else source.end  # a disk that fails: those are lost

    def _emit(self, cutoff: float) -> bool:
        """Put lines in their order until one source has to be read further; False where none can be put."""
        put = 0
        while True:
            fronts = [(queue[0][0], number) for number, queue in enumerate(self._waiting) if queue]
            empty = [source for source, queue in zip(self._sources, self._waiting, strict=True) if not queue]
            if not all(source.caught_up for source in empty):
                return put > 0  # what it has yet to read may be older
            unread = any(
                not queue and self._next[number] < self._sources[number].end
                for number, queue in enumerate(self._waiting)
            )
            if not fronts or unread:
                return put > 0
            moment, number = min(fronts)
            if cutoff < moment < cutoff + 1:  # a time further ahead is a clock that was set back
                return put > 0
            _, row = self._waiting[number].popleft()
            self._order.append(number << 48 | row)
            self._times.append(moment)
            put += 1
            if put >= _BATCH:
                return True
