"""The process that unpacks layers, started by `engine.layers.unpackers` with nothing but `main` to do.

It forks for every layer: to load what unpacking takes needs longer than to unpack most layers. What it imports counts
all the same: no dataclasses, which load half of the standard library. It has one thread, so it may fork.

It gets a message for each layer on the socket that is its standard input: the task as JSON, and descriptors (`ASKED`).
It tells the forked process's number and, when that has ended, its status, and kills it when whoever asked hangs up. It
ends when the other end of its standard input is closed.

The forked process tells progress and outcome in JSON lines; it ends when nobody is there to read them. It changes its
root directory to the layer's before it reads the first header. That was chosen over openat2(2) with RESOLVE_IN_ROOT for
each name: it costs one system call a layer, not one a file, and it holds even where the resolution of names had a
mistake. It confines names; it does not confine code, which runs as root still.
"""

from __future__ import annotations

import errno
import fcntl
import gc
import hashlib
import json
import os
import selectors
import signal
import socket
import struct
import sys
import threading
import time
from contextlib import suppress
from typing import Any, NoReturn

from engine.errors import CutawayError, LayerError, NotPermitted
from engine.layers import waiting
from engine.layers.archive import Archive
from engine.layers.limits import Limits
from engine.layers.names import shown
from engine.layers.stream import Counted, FileSource, Pump, guarded, unlike
from engine.layers.times import Times
from engine.layers.tree import Counts, Tree

PROGRESS_EVERY = 0.05  # seconds
"""At least so long between two reports of progress."""

_UNUSABLE = frozenset(
    {
        errno.ENAMETOOLONG,
        errno.ELOOP,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.EINVAL,
        errno.EFBIG,
        errno.EMLINK,
        errno.EILSEQ,
    }
)


ASKED = ("told", "errors", "answer", "blob", "staging")
"""The descriptors that come with a task: where messages go, where Python's errors go, where the process's number and
its status go, the layer, and the directory to unpack it in."""
NUMBER = struct.Struct("i")
"""How a number and a status (os.waitstatus_to_exitcode) are written."""

_TASK = 1 << 16  # bytes of one at most
_OUT_OF_THE_WAY = 16  # descriptors from there on are nobody's place


def main() -> None:
    """Fork for each task that comes on standard input."""
    gc.disable()  # entries of layers make no cycles, and there are many
    with socket.socket(fileno=0) as asks, selectors.DefaultSelector() as selector:
        selector.register(asks, selectors.EVENT_READ)
        while True:
            key = selector.select()[0][0]  # one at a time: after that the others' numbers may be of other things
            if key.fileobj is not asks:
                key.data(key.fd)
                continue
            data, given, _, _ = socket.recv_fds(asks, _TASK, len(ASKED))
            if not data:
                return  # who asks has no more, or has ended: the forked ones find that themselves
            if not (pid := os.fork()):
                _become(data, given)
            _Forked(selector, pid, *given)


class _Forked:
    """One that is at work, and who asked for it."""

    def __init__(self, selector: selectors.BaseSelector, pid: int, *given: int) -> None:
        for handle in (*given[:2], *given[3:]):
            os.close(handle)
        self._selector, self._pid, self._answer, self._alive = selector, pid, given[2], os.pidfd_open(pid)
        selector.register(self._alive, selectors.EVENT_READ, self._ended)
        selector.register(self._answer, selectors.EVENT_READ, self._hung_up)
        self._tell(pid)

    def _tell(self, number: int) -> None:
        with suppress(OSError):
            os.write(self._answer, NUMBER.pack(number))

    def _hung_up(self, answer: int) -> None:
        self._selector.unregister(answer)
        os.kill(self._pid, signal.SIGKILL)  # its number is its own: nobody but this process waits for it

    def _ended(self, alive: int) -> None:
        self._tell(os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1]))
        for handle in (alive, self._answer):
            with suppress(KeyError):
                self._selector.unregister(handle)
            os.close(handle)


def _become(data: bytes, given: list[int]) -> NoReturn:
    """In the forked process: have what a started one would, and do the task. Does not return."""
    aside = [fcntl.fcntl(handle, fcntl.F_DUPFD, _OUT_OF_THE_WAY) for handle in given]
    told, errors, _, blob, staging = aside
    for place, handle in enumerate((told, told, errors, blob, staging)):
        os.dup2(handle, place)
    os.closerange(5, 1 << 16)
    threading.Thread(target=_end_with_reader, name="end-with-reader", daemon=True).start()
    tell = _Teller()
    try:
        tell.send({"done": _unpack(json.loads(data), 3, 4, tell)})
    except CutawayError as error:
        tell.send({"error": {"code": error.code, "message": error.message, "hint": error.hint}})
    except _Refused as refused:
        tell.send({"refused": {"errno": refused.errno, "what": refused.what}})
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)  # the inflating thread may stand at a full queue


def _end_with_reader() -> None:
    with suppress(OSError):  # it went without reading all
        while os.read(0, 4096):
            pass
    os._exit(1)


class _Refused(Exception):
    """The machine's fault, not the layer's: a call that failed, and what it was for."""

    def __init__(self, error: OSError, what: str) -> None:
        self.errno = error.errno
        self.what = what


class _Teller:
    """Writes messages; progress from the inflating thread, and not too often."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next = 0.0

    def progress(self, taken: int) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + PROGRESS_EVERY
            self.send({"progress": taken})

    def send(self, message: dict[str, Any]) -> None:
        with self._lock:
            sys.stdout.write(json.dumps(message) + "\n")
            sys.stdout.flush()


def _unpack(task: dict[str, Any], blob: int, staging: int, tell: _Teller) -> dict[str, int]:
    algorithm, _, promised = task["diff_id"].partition(":")
    limits = Limits(**task["limits"])
    source = Counted(FileSource(blob))
    hasher = hashlib.new(algorithm)
    pump = Pump(guarded(source, hasher, limits, tell.progress))  # loads the decompressor, while libraries can be found
    try:
        os.umask(0)
        os.fchdir(staging)
        os.close(staging)
        _make_root()
        # Both stay open: from inside the new root they cannot be reached by a name.
        notes = waiting.Notes(open(waiting.FILE, "x", encoding="utf-8"), limits)  # noqa: SIM115
        times = Times(open("times.jsonl", "x+", encoding="utf-8"))  # noqa: SIM115
        os.unlink("times.jsonl")
        os.chroot("diff")
        os.chdir("/")
    except PermissionError as error:
        raise NotPermitted(f"cannot unpack a layer: {error.strerror}", hint="Run it as root.") from error
    except OSError as error:
        raise _Refused(error, "the layer's directory") from error
    archive = Archive(pump, limits)
    what = "the layer's root"
    try:
        tree = Tree(notes, times, limits)
        while member := archive.next():
            what = shown(member.name)
            tree.add(member, archive)
        what = "the directories' times"
        tree.finish()
        notes.close()
    except OSError as error:
        if error.errno in _UNUSABLE:
            raise LayerError(f"cannot make {what}: {error.strerror}") from error
        raise _Refused(error, what) from error
    seen = hasher.hexdigest()
    if seen != promised:
        raise unlike(f"{algorithm}:{seen}", task["diff_id"])
    counts = tree.counts
    return {name: getattr(counts, name) for name in Counts.__slots__}


def _make_root() -> None:
    """The layer's directory, free of what it would inherit from the one it is in (set-group-ID, default ACL)."""
    os.mkdir("diff", 0o755)
    os.chown("diff", os.geteuid(), os.getegid())
    for name in os.listxattr("diff"):
        if name.startswith("system.posix_acl"):
            os.removexattr("diff", name)
    os.chmod("diff", 0o755)  # noqa: S103 — the root of an image is for everybody
