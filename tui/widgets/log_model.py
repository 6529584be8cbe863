"""What of a log is shown: from where on, filtered by what, and where what is looked for is. Knows no screen."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from tui.text import counted
from tui.widgets.ansi import unstyled
from tui.widgets.log_search import Pattern, Scan
from tui.widgets.log_source import Line, Source

_LONG = 1 << 14
"""Characters of a line that may have been cut: of 64 KiB, of which a letter takes four bytes at most."""


class LogModel:
    """One source's lines, and the two scans that go through them while there is time (`step`)."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.start = 0
        self.started = ""
        """From where on lines are shown, in words; "" for all of them."""
        self.filter: Scan | None = None
        self.search: Scan | None = None

    @property
    def seen(self) -> Sequence[int]:
        """The numbers of the lines that are shown, oldest first."""
        if self.filter is not None:
            return self.filter.matches
        return range(max(self.start, self.source.first), self.source.end)

    @property
    def found(self) -> Sequence[int]:
        """The numbers of the lines with what is looked for, of those that are shown."""
        if self.search is None:
            return ()
        if self.filter is None:
            return self.search.matches
        seen = self.filter.matches
        return [n for n in self.search.matches if (at := bisect_left(seen, n)) < len(seen) and seen[at] == n]

    @property
    def is_behind(self) -> bool:
        return any(scan is not None and scan.is_behind for scan in (self.filter, self.search))

    def begin_at(self, start: int, said: str) -> None:
        """Show no line before this one."""
        self.start, self.started = start, said
        self.filter_with(self.filter.pattern if self.filter is not None else None)
        self.search_for(self.search.pattern if self.search is not None else None)

    def filter_with(self, pattern: Pattern | None) -> None:
        """Show only what this lets through."""
        self.filter = self._scan(pattern)

    def search_for(self, pattern: Pattern | None) -> None:
        """Find this among what is shown."""
        self.search = self._scan(pattern)

    def _scan(self, pattern: Pattern | None) -> Scan | None:
        if pattern is None or not pattern.text:
            return None
        return Scan(self.source, pattern, max(self.start, self.source.first))

    def step(self, seconds: float) -> bool:
        """Look through more lines for about so long; whether there is more to look through."""
        behind = self.source.catch_up(seconds)
        for scan in (self.filter, self.search):
            if scan is not None:
                scan.forget_before(self.source.first)
                behind = scan.step(seconds) or behind
        return behind

    def match(self, origin: int, step: int) -> int | None:
        """The next line with what is looked for after `origin` (`step` 1), at or after it (0), or before it (-1);
        round the end to the other one. None while it is not known yet, or where there is none."""
        found, search = self.found, self.search
        if search is None or not found:
            return None
        if step < 0:
            if search.is_behind and found[-1] < origin:
                return None  # there may be a nearer one
            return found[bisect_left(found, origin) - 1]
        index = bisect_left(found, origin + step)
        if index == len(found):
            return None if search.is_behind else found[0]
        return found[index]

    def read(self, numbers: Sequence[int]) -> list[Line]:
        """Lines by number, those that follow one another read together."""
        lines: list[Line] = []
        start = 0
        while start < len(numbers):
            end = start + 1
            while end < len(numbers) and numbers[end] == numbers[end - 1] + 1:
                end += 1
            found = self.source.read(numbers[start], end - start)
            lines += found + [Line(0.0, "")] * (end - start - len(found))
            start = end
        return lines

    def whole(self, numbers: Sequence[int]) -> Iterator[Line]:
        """Lines by number with all of their text, long ones read one at a time."""
        for number, line in zip(numbers, self.read(numbers), strict=True):
            yield line if len(line.text) < _LONG else next(iter(self.source.read(number, 1, whole=True)), line)

    def text(self, numbers: Sequence[int]) -> str:
        """Lines without their colours, as they are copied."""
        return "\n".join(unstyled(line.text) for line in self.whole(numbers))

    def words(self, current: int | None) -> list[str]:
        """How many lines there are, and what is found: `48,211 lines`, `3 of 17 for "refused"`."""
        count, seen = self.source.end - max(self.start, self.source.first), self.seen
        words = [counted(count, "line")]
        if self.started:
            words[0] += f" {self.started}"
        if self.filter is not None:
            words[0] = f"{len(seen):,} of {words[0]} {_which(self.filter)}"
        if self.search is not None:
            found = self.found
            place = f"{bisect_left(found, current) + 1:,} of " if current is not None and found else ""
            words.append(f"{place}{len(found):,} with {_said(self.search)}{_far(self.search)}")
        return words


def _which(scan: Scan) -> str:
    return f"{'without' if scan.pattern.inverse else 'with'} {_said(scan)}{_far(scan)}"


def _said(scan: Scan) -> str:
    text = unstyled(scan.pattern.text)
    text = text if len(text) <= 30 else text[:29] + "…"
    return f"/{text}/" if scan.pattern.regex else f"“{text}”"


def _far(scan: Scan) -> str:
    if scan.pattern.given_up:
        return " (given up: a line took it too long)"
    return f" (looked through {scan.fraction:.0%})" if scan.fraction < 0.99 else ""
