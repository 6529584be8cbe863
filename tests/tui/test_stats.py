"""What the Stats tab makes of readings."""

from __future__ import annotations

from rich.cells import cell_len

from engine import ContainerStats, ProcessSummary, Reading
from tui.panes.stats.readings import KEPT, Readings


def reading(second: float, **more: int | None) -> Reading:
    numbers: dict[str, int | None] = {
        "memory": 32_000_000, "memory_limit": 128_000_000, "pids": 3, "pids_limit": None, "block_read": 0,
        "block_written": 0, "received": 0, "sent": 0,
    }  # fmt: skip
    return Reading(time=second, cpu_time=second / 10, **{**numbers, **more})  # type: ignore[arg-type]


def process(pid: int, spent: float) -> ProcessSummary:
    return ProcessSummary(1000 + pid, pid, 0, "root", 12.5, 60.0, "", spent, 1_000_000, "sleep\x1b[2J 1")


def taken(*readings: Reading) -> Readings:
    seen = Readings()
    for number, each in enumerate(readings):
        line = ContainerStats("id", "web", 10.0 + number, 9.5, 25.0, each)
        seen.take(line, [process(1, number * 0.5), process(2, 0.0)])
    return seen


def test_numbers_and_rates() -> None:
    seen = taken(reading(1, received=1000), reading(3, received=5000, block_read=None))
    lines = seen.draw(80).plain.split("\n")
    assert [line.split()[0] for line in lines] == ["CPU", "memory", "processes", "disk", "network"]
    assert "11.0 % of one CPU, 9.5 % since its start" in lines[0]
    assert "32 MB of 128 MB" in lines[1]
    assert "▰▰▱▱▱▱▱▱▱▱  25%" in lines[1]
    assert "3 of any number" in lines[2]
    assert "? read" in lines[3]
    assert "5 kB received (2 kB/s)" in lines[4]
    assert all(cell_len(line) <= 80 for line in lines)
    narrow = seen.draw(58).plain.split("\n")
    assert all(cell_len(line) <= 58 for line in narrow)
    assert "received" in narrow[4]
    assert "/s)" not in narrow[4]
    seen.take(ContainerStats("id", "web", 1.0, 1.0, 1.0, reading(4, received=None, sent=None)), [])
    assert seen.draw(80).plain.endswith("none of its own to count")


def test_the_newest_is_at_the_right_and_old_ones_go() -> None:
    seen = taken(*(reading(n) for n in range(KEPT + 50)))
    cpu, memory = seen.draw(400).plain.split("\n")[:2]
    assert len(cpu) == len(memory) == 54 + KEPT
    assert cpu.endswith("█")


def test_a_process_is_measured_from_one_reading_to_the_next() -> None:
    assert taken(reading(1)).shares == {1001: 12.5, 1002: 12.5}
    assert taken(reading(1), reading(2)).shares == {1001: 50.0, 1002: 0.0}
