"""What runc or the kernel refuses in linux.resources."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.host import CgroupMode
from engine.spec.diagnostics import Severity
from engine.spec.reading import Finding, Reading
from engine.text import visible

_ERROR, _WARNING = Severity.ERROR, Severity.WARNING
_BASE = "/linux/resources"
_MEGABYTE = 1024 * 1024
_RUNC_NEEDS = 3 * _MEGABYTE  # bytes; runc itself starts inside the limit. Measured: up to here it never did
_LONGEST_QUOTA = 2**44 - 1  # microseconds; MAX_BW of the kernel's scheduler
_MOST_PROCESSES = 4 * _MEGABYTE  # PID_MAX_LIMIT of a 64-bit kernel


def memory(reading: Reading) -> Iterator[Finding]:
    found = reading.members(f"{_BASE}/memory")
    limit, swap = found.get("limit", 0), found.get("swap", 0)
    for key in ("limit", "reservation", "swap"):
        if found.get(key, 0) < -1:
            yield Finding(f"{_BASE}/memory/{key}", _ERROR, "range", "bytes, or -1 for no limit")
    if 0 < limit <= _RUNC_NEEDS:
        yield Finding(f"{_BASE}/memory/limit", _ERROR, "range", "runc itself needs more memory than this to start")
    elif 0 < limit < 6 * _MEGABYTE:
        yield Finding(
            f"{_BASE}/memory/limit", _WARNING, "range", "this is very little: runc itself needs some to start"
        )
    if swap > 0 and limit == 0:
        message = "memory and swap together can be limited only where memory is"
        yield Finding(f"{_BASE}/memory/swap", _ERROR, "swap", message, "Set memory.limit too.")
    elif swap > 0 and limit > swap:
        message = "this is the limit of memory and swap together; it cannot be less than that of memory"
        yield Finding(f"{_BASE}/memory/swap", _ERROR, "swap", message)
    if 0 < limit < found.get("reservation", 0):
        yield Finding(f"{_BASE}/memory/reservation", _WARNING, "range", "more is reserved than the limit allows")
    if limit == -1 and swap > 0:
        message = "memory without a limit cannot have one together with swap"
        yield Finding(f"{_BASE}/memory/swap", _ERROR, "swap", message, "Set memory.limit too.")
    if found.get("swappiness", 0) > 100:
        yield Finding(f"{_BASE}/memory/swappiness", _ERROR, "range", "it goes from 0 to 100")
    for key in ("kernel", "kernelTCP"):
        if key in found:
            yield Finding(f"{_BASE}/memory/{key}", _WARNING, "deprecated", "runc ignores this")
    if _is_v2(reading):
        for key in ("swappiness", "disableOOMKiller"):
            if found.get(key):
                yield Finding(f"{_BASE}/memory/{key}", _WARNING, "cgroup", "cgroup v2 has nothing like this")


def cpu(reading: Reading) -> Iterator[Finding]:
    found = reading.members(f"{_BASE}/cpu")
    shares, quota, period = found.get("shares", 0), found.get("quota", 0), found.get("period", 0)
    if shares and not 2 <= shares <= 262144:
        yield Finding(f"{_BASE}/cpu/shares", _ERROR, "range", "it goes from 2 to 262144")
    if 0 < quota < 1000:
        yield Finding(f"{_BASE}/cpu/quota", _ERROR, "range", "at least 1000 microseconds")
    elif quota > _LONGEST_QUOTA:
        yield Finding(f"{_BASE}/cpu/quota", _ERROR, "range", f"at most {_LONGEST_QUOTA} microseconds; no limit is -1")
    elif quota < -1:
        yield Finding(f"{_BASE}/cpu/quota", _WARNING, "range", "no limit is written -1")
    yield from _realtime(reading, found)
    if period and not 1000 <= period <= 1_000_000:
        yield Finding(f"{_BASE}/cpu/period", _ERROR, "range", "it goes from 1000 to 1000000 microseconds")
    for key, online in (("cpus", "/sys/devices/system/cpu/online"), ("mems", "/sys/devices/system/node/online")):
        text = found.get(key, "")
        if not text:
            continue
        wanted = numbers_of(text, _last_cpu() if key == "cpus" and reading.facts is not None else 0)
        if wanted is None or (not wanted and not re.search("[^\\s,]", text.split("\0", 1)[0])):
            message = f"{visible(text)[:40]!r} is no list of numbers"
            yield Finding(f"{_BASE}/cpu/{key}", _ERROR, "list", message, "For example 0-3,5.")
        elif reading.facts is not None and (here := _online(online)) is not None and wanted - here:
            message = f"{min(wanted - here)} is not among those of this host"
            yield Finding(f"{_BASE}/cpu/{key}", _ERROR, "list", message)


def _realtime(reading: Reading, found: dict[str, Any]) -> Iterator[Finding]:
    """cgroup v1 gives a group real-time only out of that of the one above, and a new one there has none."""
    wanted = found.get("realtimeRuntime", 0)
    if wanted <= 0 or reading.facts is None or _is_v2(reading):
        return
    pointer = f"{_BASE}/cpu/realtimeRuntime"
    above = Path("/sys/fs/cgroup/cpu", (reading.at("/linux/cgroupsPath") or "/").lstrip("/")).parent
    try:
        there = int((above / "cpu.rt_runtime_us").read_text()) if os.path.isdir(above) else 0
    except (OSError, ValueError):
        yield Finding(pointer, _ERROR, "cgroup", "this kernel schedules no real-time by control groups")
        return
    if wanted > there:
        message = f"the control group above, {visible(str(above))[:80]}, has {there} microseconds of real-time to give"
        yield Finding(pointer, _ERROR, "cgroup", message)


def numbers_of(text: str, last: int = 0) -> set[int] | None:
    """The numbers of a list like 0-3,5 (cpuset(7)); None if it is none. "all" is the empty set: it is always right;
    N stands for the `last` number that there can be.

    The kernel reads up to a NUL, takes white space for a comma, and 0-7:2/4 for two of every four
    (Documentation/admin-guide/kernel-parameters.rst).
    """
    found: set[int] = set()
    for part in re.split(r"[\s,]+", re.sub(r"\bN\b", str(last), text.split("\0", 1)[0]).strip()):
        match = re.fullmatch(r"(\d{1,6})(?:-(\d{1,6})(?::(\d{1,6})/(\d{1,6}))?)?", part)
        if part.lower() == "all" or not part:
            continue
        if match is None or (match[2] and int(match[2]) < int(match[1])):
            return None
        used, group = int(match[3] or 1), int(match[4] or 1)
        if not 0 < used <= group:
            return None
        first, last = int(match[1]), int(match[2] or match[1])
        found.update(n for n in range(first, last + 1) if (n - first) % group < used)
    return found


def _last_cpu() -> int:
    return max(_online("/sys/devices/system/cpu/possible") or {0})


def _online(path: str) -> set[int] | None:
    try:
        return numbers_of(Path(path).read_text())
    except OSError:
        return None


def _is_v2(reading: Reading) -> bool:
    return reading.facts is not None and reading.facts.cgroups is CgroupMode.V2


def rest(reading: Reading) -> Iterator[Finding]:
    """Processes, block I/O, and the controllers that a host may lack."""
    limit = reading.at(f"{_BASE}/pids/limit") or 0
    if limit > _MOST_PROCESSES:
        yield Finding(f"{_BASE}/pids/limit", _ERROR, "range", f"Linux has at most {_MOST_PROCESSES} processes")
    elif limit < -1:
        yield Finding(f"{_BASE}/pids/limit", _WARNING, "range", "no limit is written -1")
    block = reading.members(f"{_BASE}/blockIO")
    for key in ("weight", "leafWeight"):
        if block.get(key) and not 10 <= block[key] <= 1000:
            # The scheduler bfq takes less than 10, too.
            severity = _ERROR if block[key] > 1000 else _WARNING
            yield Finding(f"{_BASE}/blockIO/{key}", severity, "range", "it goes from 10 to 1000")
    if reading.facts is None:
        return
    if reading.facts.cgroups is not CgroupMode.V2:
        yield from _weights(reading, block)
    for key in block:
        if key.startswith("throttle"):
            for pointer, device in reading.elements(f"{_BASE}/blockIO/{key}"):
                number = f"{device.get('major', 0)}:{device.get('minor', 0)}"
                if not os.path.exists(Path("/sys/dev/block", number)):
                    yield Finding(pointer, _ERROR, "device", f"this host has no block device {number}")
    yield from _pages(reading)
    if reading.facts.cgroups is CgroupMode.V2:
        return
    if reading.at(f"{_BASE}/unified"):
        yield Finding(f"{_BASE}/unified", _ERROR, "cgroup", "this host has cgroup v1; unified is for v2")
    have = _controllers()
    network = reading.members(f"{_BASE}/network")
    for pointer, controller, wanted in (
        ("hugepageLimits", "hugetlb", reading.at(f"{_BASE}/hugepageLimits")),
        ("rdma", "rdma", reading.at(f"{_BASE}/rdma")),
        ("network/classID", "net_cls", network.get("classID")),
        ("network/priorities", "net_prio", network.get("priorities")),
    ):
        if wanted and controller not in have:
            message = f"this host has no cgroup controller {controller}"
            yield Finding(f"{_BASE}/{pointer}", _ERROR, "cgroup", message)


_PAGES = Path("/sys/kernel/mm/hugepages")


def _pages(reading: Reading) -> Iterator[Finding]:
    """Control groups have a file for each size of huge pages that the kernel offers, by the kernel's name."""
    if not (limits := reading.elements(f"{_BASE}/hugepageLimits")):
        return
    try:
        sizes = [int(found[0]) for name in os.listdir(_PAGES) if (found := re.findall(r"hugepages-(\d+)kB", name))]
    except OSError:
        sizes = []
    units = ((1 << 20, "GB"), (1 << 10, "MB"), (1, "KB"))
    names = [next(f"{size // unit}{word}" for unit, word in units if size >= unit) for size in sorted(sizes)]
    for pointer, limit in limits:
        if (name := limit.get("pageSize", "")) not in names:
            message = f"this host has no huge pages of {visible(name)[:40]!r}"
            hint = f"It has {' and '.join(names)}." if names else "It has none at all."
            yield Finding(f"{pointer}/pageSize", _ERROR, "page-size", message, hint)


def _weights(reading: Reading, block: dict[str, Any]) -> Iterator[Finding]:
    """Weights are for schedulers of block devices that know them: bfq, and in old kernels cfq."""
    if block.get("leafWeight") and not os.path.exists("/sys/fs/cgroup/blkio/blkio.leaf_weight"):
        yield Finding(f"{_BASE}/blockIO/leafWeight", _ERROR, "cgroup", "this kernel knows no weights of leaves")
    for pointer, device in reading.elements(f"{_BASE}/blockIO/weightDevice"):
        if device.get("leafWeight") and not os.path.exists("/sys/fs/cgroup/blkio/blkio.leaf_weight_device"):
            yield Finding(f"{pointer}/leafWeight", _ERROR, "cgroup", "this kernel knows no weights of leaves")
        number = f"{device.get('major', 0)}:{device.get('minor', 0)}"
        if device.get("weight") and not _is_weighing(number):
            message = f"the block device {number} is not there, or has no scheduler that knows weights (bfq)"
            yield Finding(f"{pointer}/weight", _ERROR, "device", message)


def _is_weighing(number: str) -> bool:
    try:
        return any(
            f"[{name}]" in Path("/sys/dev/block", number, "queue/scheduler").read_text() for name in ("bfq", "cfq")
        )
    except OSError:
        return False


def _controllers() -> set[str]:
    """The cgroup v1 controllers that are mounted, by the control groups that this process is in."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return set()
    return {name for line in lines for name in line.split(":")[1].split(",")}
