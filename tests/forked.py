"""`cutaway` processes forked from one that has its modules already: what a process costs is mostly their import.

Each is a process of its own, with its own descriptors, environment, directory and exit code, and begins where the
console script does. What a test needs to see of a start of Python (what is imported, by what name it stands in ps)
it sees of a process of `Cutaway.command`.
"""

from __future__ import annotations

import contextlib
import ctypes
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
from dataclasses import asdict, dataclass

_LIMIT = 1 << 20  # bytes of one request: the words and the environment
_NUMBER = struct.Struct("i")
_CLONE_NEWNET = 0x40000000  # linux/sched.h


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a process is to be."""

    words: Sequence[str]
    environment: Mapping[str, str]
    directory: str
    network: str = ""
    """The file of the network namespace that it is in; this host's where empty."""
    session: bool = False
    """Whether it begins a session of its own."""
    lacking: Sequence[str] = ()
    """What it does not find on this host, by the names of engine.host.HostFacts."""


class Forked:
    """One such process, with the words of subprocess.Popen."""

    def __init__(self, words: Sequence[str], out: int, err: int, answer: int) -> None:
        self.args = list(words)
        self.returncode: int | None = None
        self._came = {out: b"", err: b""}
        self._answer = answer
        self.pid = self._number()

    def __enter__(self) -> Forked:
        return self

    def __exit__(self, *about: object) -> None:
        self.communicate()

    def poll(self) -> int | None:
        """The exit code where it has ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code. Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            with selectors.DefaultSelector() as selector:
                selector.register(self._answer, selectors.EVENT_READ)
                if not selector.select(timeout):
                    raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self.returncode = self._number()
            os.close(self._answer)
        return self.returncode

    def _number(self) -> int:
        told = os.read(self._answer, _NUMBER.size)
        assert told, "the server that forks has ended; what it said is above"
        number: int = _NUMBER.unpack(told)[0]
        return number

    def send_signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def close(self) -> None:
        """Listen no more to what it prints."""
        for end in self._came:
            with contextlib.suppress(OSError):
                os.close(end)

    def line(self) -> str:
        """The next line that it prints."""
        out = next(iter(self._came))
        while b"\n" not in self._came[out] and (data := os.read(out, 1 << 16)):
            self._came[out] += data
        line, end, self._came[out] = self._came[out].partition(b"\n")
        return _text(line + end)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it printed on stdout and stderr, when it has ended. Raises subprocess.TimeoutExpired."""
        deadline = None if timeout is None else time.monotonic() + timeout
        with selectors.DefaultSelector() as selector:
            for end in self._came:
                with contextlib.suppress(OSError):  # closed: it has come whole before
                    selector.register(end, selectors.EVENT_READ)
            while selector.get_map():
                ready = selector.select(None if deadline is None else deadline - time.monotonic())
                if not ready:
                    raise subprocess.TimeoutExpired(self.args, timeout or 0)
                for key, _ in ready:
                    data = os.read(key.fd, 1 << 16)
                    self._came[key.fd] += data
                    if not data:
                        selector.unregister(key.fd)
                        os.close(key.fd)
        self.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))
        out, err = self._came.values()
        return _text(out), _text(err)


def _text(data: bytes) -> str:
    """As subprocess makes it: every line end is one character."""
    return data.decode().replace("\r\n", "\n").replace("\r", "\n")


class Forker:
    """The side of the tests: one server, which goes when this process does."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._asks, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._asks.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _LIMIT)
        subprocess.Popen([sys.executable, "-P", __file__], stdin=theirs, env=dict(environment))
        theirs.close()

    def start(self, wish: Wish) -> Forked:
        """It runs in the background; whoever calls waits for it."""
        readers, writers = zip(*(os.pipe() for _ in range(3)), strict=True)
        try:
            socket.send_fds(self._asks, [json.dumps(asdict(wish)).encode()], writers)
        finally:
            for writer in writers:
                os.close(writer)
        return Forked(wish.words, *readers)

    def run(self, wish: Wish, timeout: float) -> subprocess.CompletedProcess[str]:
        """As subprocess.run with captured output. Raises subprocess.TimeoutExpired, the process is killed then."""
        process = self.start(wish)
        try:
            out, err = process.communicate(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.close()
            raise
        return subprocess.CompletedProcess(process.args, process.wait(), out, err)


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
                    with contextlib.suppress(BrokenPipeError):
                        os.write(answer, _NUMBER.pack(code))
                    os.close(answer)
                    continue
                data, descriptors, _, _ = socket.recv_fds(asks, _LIMIT, 3)
                if not data:
                    os._exit(0)
                pid = os.fork()
                if not pid:
                    selector.close()
                    asks.detach()  # descriptor 0 is another thing from here on
                    return _become(Wish(**json.loads(data)), descriptors)
                out, err, answer = descriptors
                os.close(out)
                os.close(err)
                with contextlib.suppress(BrokenPipeError):
                    os.write(answer, _NUMBER.pack(pid))
                answers[handle := os.pidfd_open(pid)] = pid, answer
                selector.register(handle, selectors.EVENT_READ)


def _become(wish: Wish, descriptors: Sequence[int]) -> list[str]:
    """In the forked process: what a started one would have."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for place, descriptor in enumerate((nothing, *descriptors[:2])):
        os.dup2(descriptor, place)
    os.closerange(3, 1 << 16)
    if wish.session:
        os.setsid()
    if wish.network:
        enter(wish.network)
    for name in wish.lacking:
        setattr(sys.modules["engine.host"].HostFacts, name, None)
    os.environ.clear()
    os.environ.update(wish.environment)
    os.chdir(wish.directory)
    return list(wish.words)


def enter(network: str) -> None:
    """setns(2): the thread that calls it is in the network namespace of that file from here on."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(network) as namespace:
        if libc.setns(namespace.fileno(), _CLONE_NEWNET):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), network)


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
