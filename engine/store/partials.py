"""Transfers that were cut short: what has come of them waits in tmp/ for somebody who goes on (`DataRoot.partial`)."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from engine.disk import PART, DataRoot


class Partials(msgspec.Struct, frozen=True):
    """Bytes of all partial transfers, and of those among them that nobody is at work on."""

    size: int = 0
    idle: int = 0


def measure(root: DataRoot) -> Partials:
    """How much they take. Nothing changes."""
    size = idle = 0
    for path in root.tmp.glob("*" + PART):
        with _looked_at(path) as (found, is_idle):
            size += found
            idle += found * is_idle
    return Partials(size, idle)


def forget(root: DataRoot) -> int:
    """Remove those that nobody is at work on, and return their bytes: a next pull gets these layers from the start."""
    freed = 0
    for path in root.tmp.glob("*" + PART):
        with _looked_at(path) as (size, is_idle):
            if is_idle:
                path.unlink(missing_ok=True)
                freed += size
    return freed


@contextmanager
def _looked_at(path: Path) -> Iterator[tuple[int, bool]]:
    """A partial transfer's bytes, and whether nobody is at work on it; nobody begins to while inside.

    Who waits for it meanwhile sees that it has gone, and makes a new one.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:  # just gone, or nothing of ours
        yield 0, False
        return
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_idle = True
        except BlockingIOError:
            is_idle = False
        yield os.fstat(handle).st_size, is_idle
    finally:
        os.close(handle)
