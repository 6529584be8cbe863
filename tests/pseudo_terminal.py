"""A pseudo-terminal: what a person sees and types."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import termios
import time


class Screen:
    """`inside` is the descriptor for the program, `outside` the person's."""

    def __init__(self) -> None:
        self.inside, self.outside = pty.openpty()[::-1]
        self.seen = b""

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.inside, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys: bytes) -> None:
        os.write(self.outside, keys)

    def wait_for(self, text: bytes, seconds: float = 5.0) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.seen:
            left = deadline - time.monotonic()
            assert left > 0, f"{text!r} is not in {self.seen!r}"
            if select.select([self.outside], [], [], left)[0]:
                self.seen += os.read(self.outside, 4096)

    def close(self) -> None:
        os.close(self.inside)
        os.close(self.outside)
