"""Measurements of whole processes, ours beside a peer's in the same run: medians, not single lucky times."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Cost:
    """Of one process with all its children that it waited for: seconds."""

    wall: float
    cpu: float


def cost(command: Sequence[str], environment: dict[str, str] | None = None) -> Cost:
    """Run it once; it must succeed."""
    begun = time.monotonic()
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, **(environment or {})},
    )
    assert process.stderr is not None
    said = process.stderr.read()
    _, ended, used = os.wait4(process.pid, 0)
    wall = time.monotonic() - begun
    process.returncode = os.waitstatus_to_exitcode(ended)
    process.stderr.close()
    assert process.returncode == 0, f"{' '.join(command)}: {said.decode(errors='replace')[-2000:]}"
    return Cost(wall, used.ru_utime + used.ru_stime)


def peak_memory(command: Sequence[str], environment: dict[str, str]) -> int:
    """Run it once; the most memory (bytes, PSS: what is shared counts once) that all its processes had together, looked
    at fifty times a second. Files in a tmpfs do not count."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env={**os.environ, **environment},
        start_new_session=True,
    )
    peak = 0
    while process.poll() is None:
        with suppress(psutil.NoSuchProcess):
            below = psutil.Process(process.pid).children(recursive=True)
            peak = max(peak, sum(_proportional(pid) for pid in (process.pid, *(each.pid for each in below))))
        time.sleep(0.02)
    assert process.returncode == 0, command
    return peak


def _proportional(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def compare(
    title: str, rounds: int, contenders: dict[str, Callable[[], Cost]], between: Callable[[], object] = lambda: None
) -> dict[str, Cost]:
    """Medians of `rounds`, in turns so that what else the machine does hits all alike; prints them as a table.

    `between` goes before each single measurement, to make the same fresh ground for it.
    """
    found: dict[str, list[Cost]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            between()
            found[name].append(run())
    medians = {
        name: Cost(statistics.median(c.wall for c in costs), statistics.median(c.cpu for c in costs))
        for name, costs in found.items()
    }
    first = next(iter(medians.values()))
    print(f"\n{title}, medians of {rounds}")
    print(f"  {'':32} {'wall s':>8} {'CPU s':>8} {'wall, to the first':>19}")
    for name, m in medians.items():
        print(f"  {name:32} {m.wall:8.3f} {m.cpu:8.3f} {m.wall / first.wall:19.2f}")
    return medians
