"""Looking for text in a log: what somebody typed as a pattern, and which lines it is in, found a little at a time."""

from __future__ import annotations

import re
import time
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tui.widgets.ansi import unstyled
from tui.widgets.log_source import Source

_DRAWN_OTHERWISE = re.compile(r"[\x1b\r\b\t]")


PATIENCE = 0.25
"""Seconds that an expression may look through one line."""


class BadPattern(Exception):
    """It is no regular expression; the message says why."""


class Pattern:
    """Text, or a regular expression. Small letters stand for capitals too, unless a capital is among them.

    `!` at the beginning turns it round, where that is allowed (`inverse`). Raises BadPattern. An expression can take
    longer than anybody lives, `(x|xx)+[yz]$` on a line of x: when one line takes `PATIENCE` it is `given_up`, and found
    nowhere from then on. `re` cannot be stopped, `regex` can.
    """

    def __init__(self, typed: str, *, regex: bool = False, inverse: bool = False) -> None:
        self.typed, self.regex = typed, regex
        self.inverse = inverse and typed.startswith("!")
        self.text = typed.removeprefix("!") if self.inverse else typed
        self.ignores_case = self.text == self.text.lower()
        self.given_up = False
        if regex:
            self._search = self._stoppable()
        else:
            self._search = re.compile(re.escape(self.text), re.IGNORECASE if self.ignores_case else 0).search

    def _stoppable(self) -> Callable[..., re.Match[str] | None]:
        import regex  # a second one, which not everybody needs

        try:
            compiled = regex.compile(self.text, regex.IGNORECASE if self.ignores_case else 0)
        except (regex.error, OverflowError, RecursionError, ValueError) as error:
            raise BadPattern(str(error)) from error

        def search(text: str, start: int = 0) -> Any:
            try:
                return None if self.given_up else compiled.search(text, start, timeout=PATIENCE)
            except TimeoutError:
                self.given_up = True
                return None

        return search

    def lets_through(self, text: str) -> bool:
        found = self._search(text) is not None
        return found is not self.inverse and not self.given_up

    def is_in_none(self, texts: Sequence[str]) -> bool:
        """Whether surely none of these lines lets it through; many at once, and quicker than one by one."""
        if self.regex or self.inverse or not self.text.isascii():
            return False
        together = "\n".join(texts)
        return not _DRAWN_OTHERWISE.search(together) and self._search(together) is None

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where it is in a text."""
        start = 0
        while not self.inverse and start <= len(text) and (match := self._search(text, start)) is not None:
            if match.end() > match.start():
                yield match.span()
            start = max(match.end(), start + 1)

    @property
    def words(self) -> list[str]:
        """The command line that does the same: grep's."""
        return [
            "grep",
            *(["-i"] if self.ignores_case and self.text != self.text.upper() else []),
            *(["-v"] if self.inverse else []),
            "-P" if self.regex else "-F",
            *(["-e"] if self.text.startswith("-") else []),
            self.text,
        ]


class Scan:
    """The numbers of the lines that a pattern lets through, in `matches`; `step` looks through some more of them."""

    def __init__(self, source: Source, pattern: Pattern, start: int = 0) -> None:
        self._source, self.pattern = source, pattern
        self.matches = array("Q")
        self._start = self._upto = start

    @property
    def is_behind(self) -> bool:
        """Whether there are lines that were not looked at."""
        return self._upto < self._source.end

    @property
    def fraction(self) -> float:
        """How far it is, 0 to 1."""
        whole = self._source.end - self._start
        return min(1.0, (self._upto - self._start) / whole) if whole > 0 else 1.0

    def step(self, seconds: float) -> bool:
        """Look on for so many seconds of CPU time; whether there is more to look at."""
        if not self.is_behind:
            return False
        # The last line looked at may have gone on since.
        self._upto = max(self._start, self._source.first, self._upto - 1)
        while self.matches and self.matches[-1] >= self._upto:
            self.matches.pop()
        deadline = time.thread_time() + seconds
        lets_through, append = self.pattern.lets_through, self.matches.append
        for first, texts in self._source.texts(self._upto):
            if not self.pattern.is_in_none(texts):
                for number, text in enumerate(texts, first):
                    if lets_through(text if text.isprintable() else unstyled(text)):
                        append(number)
            self._upto = first + len(texts)
            if time.thread_time() > deadline:
                break
        return self.is_behind

    def forget_before(self, first: int) -> None:
        """Lines before this one are gone."""
        if self.matches and self.matches[0] < first:
            del self.matches[: bisect_left(self.matches, first)]
