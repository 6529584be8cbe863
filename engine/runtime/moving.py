"""Moves between control groups that do not wait for the kernel."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_BASE = Path("/sys/fs/cgroup")
_PAUSE = 0.004  # seconds; shorter than any grace period
_TIMES = 25  # at a start it is over by then, or something else holds it up


@contextmanager
def moves_at_once() -> Iterator[None]:
    """While this is open nobody on this host who moves a process to another control group waits for that.

    The first write to a cgroup.procs after a while waits until every processor has heard that there is going to be one
    (an RCU grace period, 10 ms and more; `cgroup_threadgroup_rwsem` in the kernel's kernel/cgroup/cgroup.c), those soon
    after it do not. runc has that wait on the way of each start, and does nothing else meanwhile. So a thread beside it
    moves this process, again and again, to where it is: that changes nothing. cgroup v2 mounted with `favordynmods`
    spares it for good, at the cost of every fork.
    """
    handle = _own_processes()
    if handle is None:
        yield
        return
    done = threading.Event()

    def move() -> None:
        with suppress(OSError):  # a group of version 2 that others are below, say: it is slower then, and no worse
            for _ in range(_TIMES):
                os.write(handle, b"0")  # whoever writes it (cgroups(7))
                if done.wait(_PAUSE):
                    break

    thread = threading.Thread(target=move, name="cutaway-moves", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        os.close(handle)


def _own_processes() -> int | None:
    """The cgroup.procs of the group that this process is in, of any hierarchy, open for writing; None where that cannot
    be had. It is that one only if this process is listed in it: with a namespace of control groups that does not belong
    to what is mounted the same path is another group's.
    """
    own = str(os.getpid()).encode()
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():  # cgroups(7): number:controllers:path
            _, controllers, path = line.split(":", 2)
            for hierarchy in [controllers.removeprefix("name=")] if controllers else [".", "unified"]:
                with suppress(OSError):
                    place = Path(f"{_BASE}/{hierarchy}{path}/cgroup.procs")
                    if own in place.read_bytes().split():
                        return os.open(place, os.O_WRONLY | os.O_CLOEXEC)
    return None
