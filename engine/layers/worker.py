"""The process that unpacks one layer, started by `engine.layers.unpacking` with nothing but `main` to do.

It is started for every layer, so what it imports counts: no dataclasses, which load half of the standard library.

It gets one JSON line on standard input, with the numbers of the descriptors it was given, and tells progress and
outcome in JSON lines on standard output. It ends when its standard input ends: with the process that started it.

It changes its root directory to the layer's before it reads the first header. That was chosen over
openat2(2) with RESOLVE_IN_ROOT for each name: it costs one system call a layer, not one a file, and it holds even
where the resolution of names had a mistake. It confines names; it does not confine code, which runs as root still.
"""

from __future__ import annotations

import errno
import gc
import hashlib
import json
import os
import sys
import threading
import time
from typing import Any

from engine.errors import CutawayError, LayerError, NotPermitted
from engine.layers import waiting
from engine.layers.archive import Archive
from engine.layers.limits import Limits
from engine.layers.names import shown
from engine.layers.stream import Counted, FileSource, Pump, unlike
from engine.layers.times import Times
from engine.layers.tree import Tree

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


def main() -> None:
    """Unpack the layer that a line on stdin orders; without one whoever ordered has gone."""
    line = sys.stdin.readline()
    if not line:
        return
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()
    tell = _Teller()
    try:
        tell.send({"done": _unpack(json.loads(line), tell)})
    except CutawayError as error:
        tell.send({"error": {"code": error.code, "message": error.message, "hint": error.hint}})
    except _Refused as refused:
        tell.send({"refused": {"errno": refused.errno, "what": refused.what}})
    os._exit(0)  # the inflating thread may stand at a full queue


def _end_with_parent() -> None:
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


def _unpack(task: dict[str, Any], tell: _Teller) -> dict[str, int]:
    algorithm, _, promised = task["diff_id"].partition(":")
    limits = Limits(**task["limits"])
    source = Counted(FileSource(task["blob"]))
    hasher = hashlib.new(algorithm)
    pump = Pump(source, hasher, limits, tell.progress)  # loads the decompressor, while libraries can be found
    try:
        os.umask(0)
        os.fchdir(task["staging"])
        os.close(task["staging"])
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
    gc.disable()  # entries make no cycles, and there are many
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
    return {"size": counts.size, "files": counts.files, "skipped_xattrs": counts.skipped_xattrs}


def _make_root() -> None:
    """The layer's directory, free of what it would inherit from the one it is in (set-group-ID, default ACL)."""
    os.mkdir("diff", 0o755)
    os.chown("diff", os.geteuid(), os.getegid())
    for name in os.listxattr("diff"):
        if name.startswith("system.posix_acl"):
            os.removexattr("diff", name)
    os.chmod("diff", 0o755)  # noqa: S103 — the root of an image is for everybody
