"""Connect a caller's descriptors with a running container's streams, through conmon's attach socket.

The socket is of kind SEQPACKET. Each packet from conmon starts with a byte that names the stream (2 is standard
output, 3 standard error; a terminal has output alone); packets to it are input. Shutting our side down tells the
container that its input has ended.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import socket
from pathlib import Path

from engine.errors import ContainerState, UsageError
from engine.jobs import CancelToken
from engine.runtime.attachment import Ending
from engine.runtime.waiting import wakened_by
from engine.text import visible

_STDOUT, _STDERR = 2, 3
_PACKET = 64 * 1024  # bytes; conmon sends 8 KiB and a byte
_INPUT = 8 * 1024  # bytes; conmon reads 32 KiB, and cuts what is longer


def detach_sequence(keys: str) -> bytes:
    """The bytes of detach keys as podman writes them, "ctrl-p,ctrl-q"; "" is none. Raises UsageError."""
    sequence = b""
    for word in keys.split(",") if keys else ():
        match = re.fullmatch(r"ctrl-([a-z@\[\\\]^_])|([a-zA-Z0-9])", word)
        if match is None:
            raise UsageError(
                f"not a detach key: {visible(word)[:40]!r}",
                hint="Write single letters or ctrl-LETTER, with commas between: ctrl-p,ctrl-q.",
            )
        sequence += bytes([ord(match[1].upper()) & 0x1F]) if match[1] else match[2].encode()
    return sequence


def connect(path: Path) -> socket.socket:
    """Connect with conmon's socket, however long its path is. Raises ContainerState where nobody listens."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
    try:
        # A socket's path ends at 107 bytes (unix(7)): go by an open descriptor of its directory.
        directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            connection.connect(f"/proc/self/fd/{directory}/{path.name}")
        finally:
            os.close(directory)
    except OSError as error:
        connection.close()
        raise ContainerState(
            "cannot attach: the container does not run, or its monitor is gone",
            hint="Its output up to now: cutaway logs NAME.",
        ) from error
    return connection


class DetachFilter:
    """Finds the detach keys in what is typed, also where they come one by one; holds back a beginning of them."""

    def __init__(self, sequence: bytes) -> None:
        self._sequence = sequence
        self._held = b""

    def feed(self, typed: bytes) -> tuple[bytes, bool]:
        """What of the input so far goes to the container, and whether the keys are complete."""
        data = self._held + typed
        self._held = b""
        if not self._sequence:
            return data, False
        found = data.find(self._sequence)
        if found >= 0:
            return data[:found], True
        for length in range(min(len(self._sequence) - 1, len(data)), 0, -1):
            if data.endswith(self._sequence[:length]):
                self._held = data[-length:]
                return data[:-length], False
        return data, False


class Pump:
    """Carries bytes both ways. Never waits for one side alone, so neither can hold the other up for ever."""

    def __init__(
        self,
        connection: socket.socket,
        stdin: int | None,
        stdout: int,
        stderr: int,
        detach: bytes,
        *,
        on_terminal: bool,
    ) -> None:
        self._connection = connection
        self._stdin = stdin
        self._outputs: dict[int, int | None] = {_STDOUT: stdout, _STDERR: stderr}
        self._keys = DetachFilter(detach)
        self._pending = b""  # typed, and not yet taken by conmon
        self._detached = False
        self._on_terminal = on_terminal  # the end of input is then the end of the terminal: it was closed, or lost

    def run(self, token: CancelToken) -> Ending:
        """Go on until the container ends, the detach keys are typed, or `stdout` takes nothing. Raises Cancelled.

        In the last case the container is left running, its output still logged.
        """
        with wakened_by(token) as wakened:
            while True:
                ready = self._wait(wakened)
                token.check()
                if ready.get(self._connection.fileno(), 0) & ~select.POLLOUT and not self._deliver(token):
                    return Ending.ENDED
                if self._outputs[_STDOUT] is None:
                    return Ending.LOST
                if self._stdin in ready:
                    self._take(_read(self._stdin))
                self._send()
                if self._detached and not self._pending:
                    return Ending.DETACHED

    def _wait(self, wakened: int) -> dict[int | None, int]:
        poll = select.poll()
        poll.register(wakened, select.POLLIN)
        poll.register(self._connection, select.POLLIN | (select.POLLOUT if self._pending else 0))
        if self._stdin is not None and not self._pending:
            poll.register(self._stdin, select.POLLIN)
        return dict(poll.poll())

    def _deliver(self, token: CancelToken) -> bool:
        """Pass one packet of output on; False at the end."""
        try:
            packet = self._connection.recv(_PACKET, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if not packet:
            return False
        target = self._outputs.get(packet[0])
        if target is not None and not _write(target, packet[1:], token):
            self._outputs[packet[0]] = None
        return True

    def _take(self, typed: bytes | None) -> None:
        if typed is None:
            return
        if typed:
            self._pending, self._detached = self._keys.feed(typed)
        else:
            self._detached = self._on_terminal
            self._end_input()

    def _send(self) -> None:
        if not self._pending:
            return
        try:
            self._connection.send(self._pending, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except BlockingIOError:
            return
        except OSError:
            self._end_input()
        self._pending = b""

    def _end_input(self) -> None:
        self._stdin = None
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_WR)


def _read(handle: int | None) -> bytes | None:
    """What has been typed; None for nothing yet, b"" at the end."""
    assert handle is not None
    try:
        return os.read(handle, _INPUT)
    except BlockingIOError:
        return None
    except OSError:  # EIO: our own terminal has gone
        return b""


def _write(handle: int, data: bytes, token: CancelToken) -> bool:
    """Write all of `data`; False where nobody reads any more."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(handle, view) :]
        except BlockingIOError:  # the descriptor is shared with somebody who made it non-blocking
            token.check()
            select.select([], [handle], [], 1)
        except OSError:
            return False
    return True
