"""`cutaway` processes forked from one that has its modules already: what a process costs is mostly their import.

Each is a process of its own, with its own descriptors, environment, directory and exit code, and begins where the
console script does. What a test needs to see of a start of Python (what is imported, by what name it stands in ps)
it sees of a process of `Cutaway.start`.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import json
import os
import pkgutil
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

_LIMIT = 1 << 20  # bytes of one request: the words and the environment
_NUMBER = struct.Struct("i")


class Forker:
    """The side of the tests: one server, which goes when this process does."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._asks, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._asks.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _LIMIT)
        subprocess.Popen([sys.executable, "-P", __file__], stdin=theirs, env=dict(environment))
        theirs.close()

    def run(
        self, words: Sequence[str], environment: Mapping[str, str], timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """As subprocess.run with captured output. Raises subprocess.TimeoutExpired, the process is killed then."""
        request = json.dumps({"words": words, "environment": dict(environment), "directory": os.getcwd()})
        readers, writers = zip(*(os.pipe() for _ in range(3)), strict=True)
        try:
            socket.send_fds(self._asks, [request.encode()], writers)
        finally:
            for writer in writers:
                os.close(writer)
        out, err, answer = _read(readers, words, timeout)
        code = _NUMBER.unpack_from(answer, _NUMBER.size)[0]
        return subprocess.CompletedProcess(list(words), code, _text(out), _text(err))


def _read(readers: Sequence[int], words: Sequence[str], timeout: float) -> list[bytes]:
    """All that comes until each end is closed."""
    came = dict.fromkeys(readers, b"")
    deadline = time.monotonic() + timeout
    with selectors.DefaultSelector() as selector:
        for reader in readers:
            selector.register(reader, selectors.EVENT_READ)
        try:
            while selector.get_map():
                ready = selector.select(deadline - time.monotonic())
                if not ready:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(_NUMBER.unpack_from(came[readers[-1]])[0], signal.SIGKILL)
                    raise subprocess.TimeoutExpired(list(words), timeout)
                for key, _ in ready:
                    data = os.read(key.fd, 1 << 16)
                    came[key.fd] += data
                    if not data:
                        selector.unregister(key.fd)
        finally:
            for reader in readers:
                os.close(reader)
    return list(came.values())


def _text(data: bytes) -> str:
    """As subprocess makes it: every line end is one character."""
    return data.decode().replace("\r\n", "\n").replace("\r", "\n")


@functools.cache
def forker(environment: tuple[tuple[str, str], ...]) -> Forker:
    """The one whose Python began with these variables."""
    return Forker(dict(environment))


def _serve(asks: socket.socket) -> list[str]:
    """Fork for each request. Returns in the forked processes alone: the words of the command line."""
    answers: dict[int, tuple[int, int]] = {}  # pidfd: (pid, where to tell the exit code)
    with selectors.DefaultSelector() as selector:
        selector.register(asks, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fd in answers:
                    pid, answer = answers.pop(key.fd)
                    selector.unregister(key.fd)
                    os.close(key.fd)
                    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                    with open(answer, "wb") as told, contextlib.suppress(BrokenPipeError):
                        told.write(_NUMBER.pack(code))
                    continue
                data, descriptors, _, _ = socket.recv_fds(asks, _LIMIT, 3)
                if not data:
                    os._exit(0)
                pid = os.fork()
                if not pid:
                    selector.close()
                    asks.detach()  # descriptor 0 is another thing from here on
                    return _become(json.loads(data), descriptors)
                out, err, answer = descriptors
                os.close(out)
                os.close(err)
                with contextlib.suppress(BrokenPipeError):
                    os.write(answer, _NUMBER.pack(pid))
                answers[handle := os.pidfd_open(pid)] = pid, answer
                selector.register(handle, selectors.EVENT_READ)


def _become(request: dict[str, object], descriptors: Sequence[int]) -> list[str]:
    """In the forked process: what a started one would have."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for place, descriptor in enumerate((nothing, *descriptors[:2])):
        os.dup2(descriptor, place)
    os.closerange(3, 1 << 16)
    environment, directory, words = request["environment"], request["directory"], request["words"]
    assert isinstance(environment, dict)
    assert isinstance(directory, str)
    assert isinstance(words, list)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(directory)
    return words


def _load() -> None:
    """Import what a command may need."""
    import engine

    for module in pkgutil.walk_packages(engine.__path__, "engine."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    importlib.import_module("requests")
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    _load()
    sys.argv[1:] = _serve(socket.socket(fileno=0))
    from tui.__main__ import main

    main()
