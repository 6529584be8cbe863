"""The process that unpacks layers (`engine.layers.worker`), as who asks it sees it: one for all threads of a process,
started when the first layer comes, and gone when nobody has one any more."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import engine
from engine.layers.worker import NUMBER

_PROGRAM = "from engine.layers.worker import main; main()"


class Unpacker:
    """One forked process at work on a layer."""

    def __init__(self, told: socket.socket, errors: socket.socket, answer: socket.socket) -> None:
        self.told: IO[bytes] = told.makefile("rb")
        """What it tells: JSON in lines."""
        self._errors = errors
        self._answer = answer
        self._ends = (answer, told)
        self._status: int | None = None

    def has_begun(self) -> bool:
        """Wait until it has been forked; whether it was."""
        return bool(self._answer.recv(NUMBER.size))

    def kill(self) -> None:
        """End it now: who forked it kills it, and where that one has gone it ends by itself."""
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_WR)

    def wait(self) -> int:
        """Wait for its end: its exit code, or minus the signal that killed it, or who forked it."""
        if self._status is None:
            told = self._answer.recv(NUMBER.size)
            if not told:
                self.said()  # nobody tells its end, but then nobody has the other end of this any more
            self._status = int(NUMBER.unpack(told)[0]) if told else -signal.SIGKILL
        return self._status

    def said(self) -> str:
        """What Python said of its end."""
        return b"".join(iter(lambda: self._errors.recv(4096), b"")).decode(errors="replace").strip()


class _Server:
    def __init__(self) -> None:
        self._asks, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # A new interpreter: forking one that has threads is unsafe. It inherits nothing but where to find modules. What
        # is typed on our terminal (Ctrl-C) is for us, who end a layer where that was meant.
        places = [str(Path(engine.__file__).parent.parent), *filter(None, sys.path)]
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-S", "-c", _PROGRAM],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env={"PYTHONPATH": os.pathsep.join(map(os.path.abspath, places)), "PYTHONUTF8": "1"},
                cwd="/",
                start_new_session=True,
            )
        self.owner = os.getpid()

    def ask(self, task: bytes, handles: list[int]) -> bool:
        """Whether it took the task."""
        try:
            return socket.send_fds(self._asks, [task], handles) == len(task)
        except OSError:
            return False

    def close(self) -> str:
        """Let it end; what it said."""
        self._asks.close()
        if self.owner != os.getpid():
            return ""
        said: bytes = self._process.communicate()[1]
        return said.decode(errors="replace").strip()


_lock = threading.Lock()
_users = 0
_server: _Server | None = None


@contextmanager
def unpacking_ready(*, now: bool = False) -> Iterator[None]:
    """Meanwhile the process that forks for layers stays, once there was a first one: for whoever has several. With
    `now` it is started already, and loads what it needs while a layer is still on its way."""
    global _server, _users
    with _lock:
        _users += 1
        if now:
            with suppress(OSError):  # who has a layer then is told
                _server = _there()
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            server = None
            if not _users:
                server, _server = _server, None
        if server is not None:
            server.close()


@contextmanager
def unpacker(task: dict[str, Any], blob: int, staging: int) -> Iterator[Unpacker]:
    """A process at work on that task; it has ended when the `with` block has. Raises OSError."""
    with unpacking_ready(), ExitStack() as stack:
        made = _begin(json.dumps(task).encode(), blob, staging, stack)
        try:
            yield made
        finally:
            made.kill()
            made.wait()


def _begin(task: bytes, blob: int, staging: int, stack: ExitStack) -> Unpacker:
    global _server
    said = ""
    for _ in range(2):  # somebody may have killed it
        with ExitStack() as given:
            made, theirs = _connected(stack, given)
            with _lock:
                server = _server = _there()
                taken = server.ask(task, [*theirs, blob, staging])
        if taken and made.has_begun():
            return made
        made.kill()
        made.wait()
        with _lock:
            if _server is server:
                _server, said = None, server.close()
    why = said.splitlines()[-1] if said else "it says nothing"
    raise OSError(None, f"the process that unpacks layers does not start: {why}")


def _there() -> _Server:
    # It may be the one of the process that forked this one.
    return _server if _server is not None and _server.owner == os.getpid() else _Server()


def _connected(ours: ExitStack, theirs: ExitStack) -> tuple[Unpacker, list[int]]:
    """Who asks, and the descriptors that go with the task."""
    ends, numbers = [], []
    for kind in (socket.SOCK_STREAM, socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
        end, its_end = socket.socketpair(socket.AF_UNIX, kind)
        ends.append(ours.enter_context(end))
        numbers.append(theirs.enter_context(its_end).fileno())
    made = Unpacker(*ends)
    ours.enter_context(made.told)
    return made, numbers
