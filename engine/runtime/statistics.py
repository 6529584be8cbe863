"""What a container uses, from the files of its control groups: version 1 and 2 by the same code.

runc's state names the container's directory of each controller: on version 1 one for each, on version 2 one under "".
The files are described in the kernel's Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from engine.runtime.state import LiveState, RuntimeFiles

_MEMINFO = Path("/proc/meminfo")


class Reading(msgspec.Struct, frozen=True):
    """What the kernel counts at one moment: seconds of CPU, bytes, numbers. None where it does not count it.

    `memory` leaves out file pages that could be dropped at once; `memory_limit` is never above what the host has.
    `received` and `sent` are those of the container's network namespace; None where that is this program's own, the
    host's: nobody counts there for the container alone.
    """

    time: float
    cpu_time: float | None
    memory: int | None
    memory_limit: int
    pids: int | None
    pids_limit: int | None
    block_read: int | None
    block_written: int | None
    received: int | None
    sent: int | None


class ContainerStats(msgspec.Struct, frozen=True):
    """One line of `stats`. `cpu_percent` is of one CPU, since the line before (of the first line: since the start);
    `average_cpu` since the start. For the rest see `Reading`."""

    id: str
    name: str
    cpu_percent: float
    average_cpu: float
    memory_percent: float
    reading: Reading


def read_usage(files: RuntimeFiles, state: LiveState) -> Reading | None:
    """The present numbers of a container that runs; None where runc or the kernel know it no more."""
    try:
        known = files.runc_state()
    except ValueError:
        return None
    if known is None or not state.pid:
        return None
    return reading(known.cgroup_paths, Path(f"/proc/{state.pid}/net/dev") if _has_own_network(state.pid) else None)


def no_usage() -> Reading:
    """The present numbers of a container that does not run."""
    return Reading(time.time(), 0.0, 0, 0, 0, None, 0, 0, 0, 0)


def _has_own_network(pid: int) -> bool:
    try:
        return not os.path.samefile(f"/proc/{pid}/ns/net", "/proc/self/ns/net")  # namespaces(7)
    except OSError:
        return False  # it has just ended


def reading(groups: Mapping[str, str], network: Path | None) -> Reading:
    """The numbers in the files of these groups, by controller ("" is version 2), and in a /proc/<pid>/net/dev, where
    there is one to be asked."""

    def text(controller: str, name: str) -> str | None:
        for place in dict.fromkeys((groups.get(controller), groups.get(""))):
            if place:
                try:
                    return (Path(place) / name).read_text()
                except OSError:
                    continue
        return None

    def first(*candidates: tuple[str, str]) -> str | None:
        return next((found for pair in candidates if (found := text(*pair)) is not None), None)

    # version 1's name first, version 2's after it: none of the one has a file of the other's name
    nanoseconds = _number(first(("cpuacct", "cpuacct.usage"), ("cpu", "cpuacct.usage")))
    microseconds = _field(text("cpu", "cpu.stat"), "usage_usec")
    cpu = nanoseconds / 1e9 if nanoseconds is not None else microseconds / 1e6 if microseconds is not None else None
    used = _number(first(("memory", "memory.usage_in_bytes"), ("memory", "memory.current")))
    counted = text("memory", "memory.stat")
    droppable = _field(counted, "total_inactive_file")
    if droppable is None:
        droppable = _field(counted, "inactive_file") or 0
    limit = _number(first(("memory", "memory.limit_in_bytes"), ("memory", "memory.max")))
    total = (_field(_read(_MEMINFO), "MemTotal:") or 0) * 1024
    read, written = _block(
        first(
            ("blkio", "blkio.throttle.io_service_bytes_recursive"),
            ("blkio", "blkio.throttle.io_service_bytes"),
            ("io", "io.stat"),
        )
    )
    received, sent = _traffic(_read(network) if network is not None else None)
    return Reading(
        time=time.time(),
        cpu_time=cpu,
        memory=None if used is None else max(0, used - droppable),
        memory_limit=total if limit is None else min(limit, total),
        pids=_number(text("pids", "pids.current")),
        pids_limit=_number(text("pids", "pids.max")),
        block_read=read,
        block_written=written,
        received=received,
        sent=sent,
    )


def compared(id: str, name: str, started: float | None, now: Reading, before: Reading | None) -> ContainerStats:
    """The line of `stats` from this reading and the one before."""
    whole = _percent(now.cpu_time, 0.0, now.time - (started or now.time))
    since = _percent(now.cpu_time, before.cpu_time, now.time - before.time) if before else whole
    memory = 100 * (now.memory or 0) / now.memory_limit if now.memory_limit else 0.0
    return ContainerStats(id, name, since, whole, memory, now)


def _percent(now: float | None, before: float | None, seconds: float) -> float:
    if now is None or before is None or seconds <= 0:
        return 0.0
    return max(0.0, 100 * (now - before) / seconds)


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None


def _number(text: str | None) -> int | None:
    """A file with one number in it; "max" is none."""
    word = (text or "").strip()
    return int(word) if word.isdecimal() else None


def _field(text: str | None, key: str) -> int | None:
    """The number after a key, of a file with a line for each."""
    for line in (text or "").splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] == key and words[1].isdecimal():
            return int(words[1])
    return None


def _block(text: str | None) -> tuple[int | None, int | None]:
    """Bytes read and written. Version 1: `8:0 Read 4096`, version 2: `8:0 rbytes=4096 wbytes=0 …`."""
    if text is None:
        return None, None
    read = [int(number) for number in re.findall(r"(?:\bRead |\brbytes=)(\d+)", text)]
    written = [int(number) for number in re.findall(r"(?:\bWrite |\bwbytes=)(\d+)", text)]
    return sum(read), sum(written)


def _traffic(text: str | None) -> tuple[int | None, int | None]:
    """Bytes received and sent on all interfaces but the loopback (proc_pid_net(5))."""
    if text is None:
        return None, None
    received = sent = 0
    for line in text.splitlines()[2:]:
        name, _, rest = line.partition(":")
        numbers = rest.split()
        if name.strip() != "lo" and len(numbers) >= 9:
            received, sent = received + int(numbers[0]), sent + int(numbers[8])
    return received, sent
