"""The caller's own terminal while a container has it: raw, and its size followed."""

from __future__ import annotations

import os
import signal
import termios
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

Resize = Callable[[int, int], None]
"""Takes rows and columns."""


@contextmanager
def raw(handle: int) -> Iterator[None]:
    """Put the terminal at `handle` in raw mode: every key goes to the container, also ctrl-C. Restored at the end."""
    before = termios.tcgetattr(handle)
    try:
        tty.setraw(handle, termios.TCSADRAIN)
        yield
    finally:
        with suppress(termios.error):  # the terminal may have gone
            termios.tcsetattr(handle, termios.TCSADRAIN, before)


@contextmanager
def following_size(handle: int, resize: Resize) -> Iterator[None]:
    """Call `resize` with the terminal's size now and whenever it changes.

    Changes come by SIGWINCH, which Python gives to the main thread alone: in another thread only the size now is told.
    """

    def tell(_number: int, _frame: FrameType | None) -> None:
        with suppress(OSError):
            size = os.get_terminal_size(handle)
            if size.lines and size.columns:
                resize(size.lines, size.columns)

    tell(0, None)
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGWINCH, tell)
    try:
        tell(0, None)  # it may have changed in between
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)
