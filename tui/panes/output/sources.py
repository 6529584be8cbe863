"""Containers' transcripts as a log view reads them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from engine import CutawayError, Stream
from tui.widgets.log_source import Line

if TYPE_CHECKING:
    from engine import Transcript


class LogSource:
    """One container's output; `label` is its name where there are several."""

    def __init__(self, transcript: Transcript, label: str = "") -> None:
        self._transcript, self._label = transcript, label

    @property
    def first(self) -> int:
        return self._transcript.first

    @property
    def end(self) -> int:
        return self._transcript.end

    @property
    def caught_up(self) -> bool:
        return self._transcript.caught_up

    def read(self, first: int, count: int, *, whole: bool = False) -> list[Line]:
        try:
            lines = self._transcript.read(first, count, whole=whole)
        except CutawayError:  # the disk fails; whoever follows the log is told
            return []
        return [Line(line.time, line.text, line.stream is Stream.STDERR, line.partial, self._label) for line in lines]

    def texts(self, first: int) -> Iterator[tuple[int, Sequence[str]]]:
        try:
            yield from self._transcript.texts(first)
        except CutawayError:
            return

    def at(self, moment: float) -> int:
        try:
            return self._transcript.at(moment)
        except CutawayError:
            return self.end

    def catch_up(self, seconds: float) -> bool:
        return False  # the follower's thread does that
