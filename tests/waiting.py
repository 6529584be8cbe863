"""Waiting until something has come to be. No test sleeps and hopes: it asks for what it waits for, with an end to its
patience that only what never comes needs."""

from __future__ import annotations

import os
import re
import select
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE = 20.0
"""Seconds, for a machine that is busy with other things, too."""


def until(
    condition: Callable[[], object],
    told: Callable[[], object] = lambda: "it did not come to be",
    *,
    seconds: float = PATIENCE,
) -> None:
    """Wait until `condition` holds; where it never does, fail with what `told` says then."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, told()
        time.sleep(0.01)


def until_ended(process: int) -> None:
    """Wait for the end of anybody's process, by a descriptor of pidfd_open(2), which is closed."""
    try:
        until(lambda: select.select([process], [], [], 0)[0], lambda: "it does not end")
    finally:
        os.close(process)


def until_asleep(thread: int, quiet: float = 1.0) -> None:
    """Wait until a thread of this process, by its number there, has not been woken for `quiet` seconds."""

    def switches() -> int:
        status = Path(f"/proc/self/task/{thread}/status").read_text()
        return sum(int(number) for number in re.findall(r"ctxt_switches:\s+(\d+)", status))

    before, since = switches(), time.monotonic()

    def has_slept() -> bool:
        nonlocal before, since
        if (now := switches()) != before:
            before, since = now, time.monotonic()
        return time.monotonic() - since >= quiet

    until(has_slept, lambda: "it does not sleep")


def until_waited_for(path: Path) -> None:
    """Wait until some process waits for a flock(2) on a file or directory (proc_locks(5))."""
    node = f":{path.stat().st_ino} "
    until(lambda: any(" -> " in line and node in line for line in Path("/proc/locks").read_text().splitlines()))
