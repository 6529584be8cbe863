"""A pseudo-terminal that nothing draws: what a person types there, and what a program writes."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_PATIENCE = 60.0  # seconds until something must be there
_KEPT = 500_000  # bytes of what was written that are looked at
_CONTROL = re.compile(rb"\x1b\[[\d;?]*[a-zA-Z]")


class PseudoTerminal:
    """`inside` is the descriptor for the program, `outside` the person's."""

    def __init__(self) -> None:
        self.inside, self.outside = pty.openpty()[::-1]
        self.seen = b""
        """What was written of late."""

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.outside, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys: bytes) -> None:
        os.write(self.outside, keys)

    def read(self, seconds: float) -> int:
        """Wait for so long at most, and read what there is; how many bytes that was."""
        if not select.select([self.outside], [], [], seconds)[0]:
            return 0
        data = os.read(self.outside, 65536)
        self.seen = (self.seen + data)[-_KEPT:]
        return len(data)

    def wait_for(self, text: bytes, seconds: float = 5.0) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.seen:
            left = deadline - time.monotonic()
            assert left > 0, f"{text!r} is not in {self.seen!r}"
            self.read(left)

    def close(self) -> None:
        os.close(self.inside)
        os.close(self.outside)


class Program:
    """A program on one of 120 columns and 36 rows, in full colour: when it wrote what, after its start or after a key,
    and what it needed for that."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._terminal = PseudoTerminal()
        self._terminal.resize(36, 120)
        self._begun = time.perf_counter()
        self._process = subprocess.Popen(
            command,
            env={**environment, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
            stdin=self._terminal.inside,
            stdout=self._terminal.inside,
            stderr=self._terminal.inside,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        self.pid = self._process.pid
        self.written = 0
        """Bytes, since the start."""

    def press(self, keys: bytes) -> None:
        """Send these; what was written before does not count any more."""
        self._terminal.seen = b""
        self._begun = time.perf_counter()
        self._terminal.type(keys)

    def wait(self, mark: bytes, seconds: float = _PATIENCE) -> float:
        """Wait until this was written, colours and places apart; seconds since the start, or the last keys."""
        while not self.shows(mark):
            took = time.perf_counter() - self._begun
            assert took < seconds, f"{mark!r} did not come: {self._terminal.seen[-3000:]!r}"
            self.read(0.5)
        return time.perf_counter() - self._begun

    def shows(self, mark: bytes) -> bool:
        """Whether this was written since the start, or the last keys."""
        return mark in _CONTROL.sub(b"", self._terminal.seen)

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
        self.written += self._terminal.read(seconds)

    @property
    def spent(self) -> float:
        """Seconds of processor time that its first thread, which draws, has had."""
        return self._scheduled(0)

    @property
    def starved(self) -> float:
        """Seconds that its first thread could have run in, and others had the processors."""
        return self._scheduled(1)

    def _scheduled(self, field: int) -> float:
        return int(Path(f"/proc/{self.pid}/task/{self.pid}/schedstat").read_text().split()[field]) / 1e9

    @property
    def resident(self) -> int:
        """Bytes of its memory at most until now (proc_pid_status(5))."""
        found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{self.pid}/status").read_text())
        assert found
        return int(found[1]) * 1024

    def end(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._terminal.close()


@contextmanager
def program(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[Program]:
    made = Program(command, environment)
    try:
        yield made
    finally:
        made.end()
