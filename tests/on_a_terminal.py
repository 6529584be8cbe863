"""A program on a pseudo-terminal of its own: when it wrote what, after its start or after a key."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fcntl import ioctl
from pathlib import Path

_PATIENCE = 60.0  # seconds until something must be there
_KEPT = 500_000  # bytes of what was written that are looked at
_CONTROL = re.compile(rb"\x1b\[[\d;?]*[a-zA-Z]")


class Program:
    """120 columns and 36 rows, in full colour."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._begun = time.perf_counter()
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], command, {**environment, "TERM": "xterm-256color", "COLORTERM": "truecolor"})
        ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
        self.written = 0
        """Bytes, since the start."""
        self._seen = b""

    def press(self, keys: bytes) -> None:
        """Send these; what was written before does not count any more."""
        self._seen = b""
        self._begun = time.perf_counter()
        os.write(self._terminal, keys)

    def wait(self, mark: bytes, seconds: float = _PATIENCE) -> float:
        """Wait until this was written, colours and places apart; seconds since the start, or the last keys."""
        while not self.shows(mark):
            took = time.perf_counter() - self._begun
            assert took < seconds, f"{mark!r} did not come: {self._seen[-3000:]!r}"
            self.read(0.5)
        return time.perf_counter() - self._begun

    def shows(self, mark: bytes) -> bool:
        """Whether this was written since the start, or the last keys."""
        return mark in _CONTROL.sub(b"", self._seen)

    def answer(self, keys: bytes, mark: bytes) -> float:
        """Seconds from a key until its answer is written."""
        self.press(keys)
        return self.wait(mark)

    def idle(self, seconds: float) -> None:
        """Read what comes for a while."""
        deadline = time.perf_counter() + seconds
        while (left := deadline - time.perf_counter()) > 0:
            self.read(left)

    def read(self, seconds: float) -> None:
        """Wait for so long at most, and read what there is."""
        if select.select([self._terminal], [], [], seconds)[0]:
            data = os.read(self._terminal, 65536)
            self.written += len(data)
            self._seen = (self._seen + data)[-_KEPT:]

    @property
    def spent(self) -> float:
        """Seconds of processor time that its first thread, which draws, has had."""
        return int(Path(f"/proc/{self.pid}/task/{self.pid}/schedstat").read_text().split()[0]) / 1e9

    @property
    def resident(self) -> int:
        """Bytes of its memory at most until now (proc_pid_status(5))."""
        found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{self.pid}/status").read_text())
        assert found
        return int(found[1]) * 1024

    def end(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._terminal)


@contextmanager
def program(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[Program]:
    made = Program(command, environment)
    try:
        yield made
    finally:
        made.end()
