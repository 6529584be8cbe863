"""Descriptors of a caller connected with a process that conmon holds, its terminal's size followed."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator
from pathlib import Path

from engine.jobs import CancelToken
from engine.runtime.attach import Pump, connect, detach_sequence
from engine.runtime.attachment import Attachment, Ending
from engine.runtime.state import ATTACH, CONTROL


@contextlib.contextmanager
def connected(directory: Path, to: Attachment, *, has_terminal: bool) -> Iterator[Pump]:
    """Connect descriptors with the process whose conmon has its sockets in `directory`; the `Pump` carries the bytes.

    If the process has a terminal and the caller's `stdin` is one, that is raw meanwhile, and its size followed (in the
    main thread). Nobody types where `stdin` is no terminal: all of it goes to the process, what looks like detach keys
    too. Raises ContainerState where nobody listens, UsageError for impossible keys.
    """
    sequence = detach_sequence(to.detach_keys)
    with contextlib.ExitStack() as stack:
        connection = stack.enter_context(connect(directory / ATTACH))
        typed = to.stdin is not None and os.isatty(to.stdin)
        on_terminal = has_terminal and typed
        if on_terminal and to.stdin is not None:
            from engine.runtime import terminal

            stack.enter_context(terminal.raw(to.stdin))
            stack.enter_context(terminal.following_size(to.stdin, functools.partial(_resize, directory)))
        keys = sequence if typed else b""
        yield Pump(connection, to.stdin, to.stdout, to.stderr, keys, on_terminal=on_terminal)


class Passed:
    """Stands for a `Pump` where the process has the caller's own streams: there is nothing to carry."""

    def run(self, token: CancelToken) -> Ending:
        """At once: its end is waited for anyway."""
        return Ending.ENDED


def passed() -> contextlib.AbstractContextManager[Passed]:
    """As `connected`, with nothing to connect."""
    return contextlib.nullcontext(Passed())


def _resize(directory: Path, rows: int, columns: int) -> None:
    """Tell the terminal of such a process its size."""
    with contextlib.suppress(OSError):  # it has just ended
        handle = os.open(directory / CONTROL, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.write(handle, f"1 {min(rows, 1000)} {min(columns, 1000)}\n".encode())
        finally:
            os.close(handle)
