"""What waits beside a process for the death of the one who began it."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from waiting import until_ended

from engine.errors import RuntimeFailed
from engine.runtime.abandoned import ending_with_us

LAST = Path("/proc/sys/kernel/ns_last_pid")
CALLER = """
import sys
from pathlib import Path
from engine.runtime.abandoned import ending_with_us
with ending_with_us(Path(sys.argv[1])):
    print("waits", flush=True)
    sys.stdin.read()
"""


@contextmanager
def process() -> Iterator[subprocess.Popen[bytes]]:
    """One that leads its group, as runc has it."""
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as it:
        try:
            yield it
        finally:
            it.kill()


def killed(directory: Path) -> int:
    """Kill whoever is connected with the process whose number is there; what waited beside it, by pidfd_open(2)."""
    with subprocess.Popen(
        [sys.executable, "-c", CALLER, str(directory)],
        cwd=Path(__file__).parents[3],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as caller:
        assert caller.stdout is not None
        assert caller.stdout.readline() == b"waits\n"
        (beside,) = Path(f"/proc/{caller.pid}/task/{caller.pid}/children").read_text().split()
        handle = os.pidfd_open(int(beside))
        caller.kill()
    return handle


def test_it_tells_the_process_whose_number_is_there(tmp_path: Path) -> None:
    with process() as it:
        (tmp_path / "pid").write_text(str(it.pid))
        beside = killed(tmp_path)
        assert it.wait(20) == -signal.SIGHUP
        until_ended(beside)


@pytest.mark.root
def test_it_does_not_kill_a_later_one_that_has_the_number(tmp_path: Path) -> None:
    with ExitStack() as stack:
        it = stack.enter_context(process())
        (tmp_path / "pid").write_text(str(it.pid))
        beside = killed(tmp_path)
        assert it.wait(20) == -signal.SIGHUP
        time.sleep(0.02)  # two ticks, in which the kernel counts when a process began
        later = it
        deadline = time.monotonic() + 0.5  # it kills a second after it told
        while later is it or later.pid != it.pid:
            assert time.monotonic() < deadline, "others took the number each time"
            LAST.write_text(str(it.pid - 1))
            later = stack.enter_context(process())
        until_ended(beside)
        assert later.poll() is None


def test_where_it_cannot_be_started(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        with pytest.raises(RuntimeFailed, match="cannot start /bin/sh: Too many open files"), ending_with_us(tmp_path):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
