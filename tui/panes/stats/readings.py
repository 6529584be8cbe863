"""What a container uses, over the last two minutes: numbers, rates from one reading to the next, and their drawing."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from engine import human_size
from tui.widgets.bars import bar, percent, spark

if TYPE_CHECKING:
    from engine import ContainerStats, ProcessSummary, Reading

KEPT = 120
"""Readings, one a second."""

_BAR, _NUMBERS = 10, 54  # cells: of a bar, and of all before the curves
_PAIR, _AROUND_PAIR = 24, 29  # cells: of the words of one of two counters, and of all that is not words in their line


class Readings:
    """Readings of one container, the newest last."""

    def __init__(self) -> None:
        self._lines: deque[ContainerStats] = deque(maxlen=KEPT)
        self._spent: dict[int, float] = {}
        self._before = 0.0
        self.processes: list[ProcessSummary] = []
        self.shares: dict[int, float] = {}
        """Percent of one CPU since the reading before, by the process's number on this host."""

    def take(self, line: ContainerStats, processes: Sequence[ProcessSummary]) -> None:
        """One more reading."""
        self._lines.append(line)
        elapsed = line.reading.time - self._before
        known, self._before = self._spent, line.reading.time
        self._spent = {p.host_pid: p.cpu_time for p in processes}
        self.processes = list(processes)
        self.shares = {
            p.host_pid: max(0.0, 100 * (p.cpu_time - known[p.host_pid]) / elapsed)
            if p.host_pid in known and elapsed > 0
            else p.cpu_percent
            for p in processes
        }

    @property
    def newest(self) -> ContainerStats | None:
        return self._lines[-1] if self._lines else None

    def draw(self, width: int, *, curve: str = "") -> Text:
        """The numbers, a line each, with what they were where there is room for it, in the style `curve`."""
        line = self.newest
        if line is None:
            return Text("reading…", "dim")
        now = line.reading
        peak = max(100.0, *(each.cpu_percent for each in self._lines))
        cpu = _row("CPU", f"{line.cpu_percent:.1f} %", f" of one CPU, {line.average_cpu:.1f} % since its start")
        memory = _row("memory", _size(now.memory), f" of {human_size(now.memory_limit):<8}")
        part = line.memory_percent / 100
        memory.append(f" {bar(part, _BAR)} {percent(part)}")
        for row, values in (
            (cpu, [each.cpu_percent / peak for each in self._lines]),
            (memory, [each.memory_percent / 100 for each in self._lines]),
        ):
            row.pad_right(max(0, _NUMBERS - row.cell_len))
            row.append(spark(values, max(0, min(KEPT, width - _NUMBERS - 1))), curve)
        limit = f"{now.pids_limit:,}" if now.pids_limit is not None else "any number"
        processes = _row("processes", str(now.pids if now.pids is not None else "?"), f" of {limit}")
        room = (width - _AROUND_PAIR) // 2 if width else _PAIR
        disk = _row("disk", *self._pair(room, ("read", "block_read"), ("written", "block_written")))
        network = _row("network", *self._pair(room, ("received", "received"), ("sent", "sent")))
        if now.received is None:
            network = _row("network", "none", " of its own to count")
        return Text("\n", end="").join([cpu, memory, processes, disk, network])

    def _pair(self, room: int, *parts: tuple[str, str]) -> list[str]:
        """Two counters with their rates, where there are so many cells for the words of each; every other word is a
        number."""
        found: list[tuple[int | None, str, str]] = []
        for words, name in parts:
            now, before = self._value(-1, name), self._value(-2, name)
            seconds = self._lines[-1].reading.time - self._lines[-2].reading.time if len(self._lines) > 1 else 0
            rate = int((now - before) / seconds) if now is not None and before is not None and seconds > 0 else None
            found.append((now, words, f"{words} ({human_size(max(0, rate))}/s)" if rate is not None else words))
        whole = all(len(said) <= room for _, _, said in found)
        shown = [(now, said if whole else words) for now, words, said in found]
        return [part for now, said in shown for part in (_size(now), f" {said:<{max(0, min(_PAIR, room))}}")]

    def _value(self, index: int, name: str) -> int | None:
        if len(self._lines) < -index:
            return None
        reading: Reading = self._lines[index].reading
        value: int | None = getattr(reading, name)
        return value


def _row(head: str, *numbers_and_words: str) -> Text:
    """`memory   41.2 MB of …`: every other part is a number, and bold."""
    row = Text(f" {head:<10}", no_wrap=True, overflow="ellipsis", end="")
    for place, part in enumerate(numbers_and_words):
        row.append(part if place % 2 else f"{part:>8}", "" if place % 2 else "bold")
    return row


def _size(count: int | None) -> str:
    return human_size(count) if count is not None else "?"
