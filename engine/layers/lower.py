"""Looking into finished layers as overlayfs would: through whiteouts and opaque directories, following no link."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.layers import names, xattrs

REDIRECT = "trusted.overlay.redirect"
"""The mark of a directory that was renamed: it merges with another one below than its namesake."""

OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
OPEN_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC

Stack = tuple[int, ...]
"""Descriptors of the directories that overlayfs would merge at one place, topmost first."""


@dataclass(frozen=True, slots=True)
class Found:
    """What lower layers have under a name: its status, the directory of the topmost layer that has it, and, for a
    directory, all that merge there (open; the finder closes them)."""

    status: os.stat_result
    parent: int
    merged: Stack

    @property
    def is_directory(self) -> bool:
        return stat.S_ISDIR(self.status.st_mode)

    @property
    def is_link(self) -> bool:
        return stat.S_ISLNK(self.status.st_mode)


def open_stack(roots: Sequence[Path]) -> Stack:
    """Open the layers' directories, given lowest first."""
    return tuple(os.open(root, OPEN_DIRECTORY) for root in reversed(roots))


def open_directory(root: Path, path: bytes) -> int:
    """Open the directory `path` below `root` ("" is that itself), following no link on the way. Raises OSError."""
    handle = os.open(root, OPEN_DIRECTORY)
    for part in path.split(b"/") if path else []:
        try:
            inner = os.open(part, OPEN_DIRECTORY, dir_fd=handle)
        finally:
            os.close(handle)
        handle = inner
    return handle


def open_file(root: Path, path: bytes) -> int:
    """Open what is not a directory at `path` below `root` to be read, following no link. Raises OSError."""
    folder, name = names.split(path)
    handle = open_directory(root, folder)
    try:
        return os.open(name, OPEN_FILE, dir_fd=handle)
    finally:
        os.close(handle)


def find(stack: Stack, name: bytes) -> Found | None:
    """What the merged directory `stack` has under `name`, None where nothing shows.

    Source: overlayfs.rst, "whiteouts and opaque directories".
    """
    merged: list[int] = []
    first: tuple[os.stat_result, int] | None = None
    try:
        for handle in stack:
            try:
                status = os.lstat(name, dir_fd=handle)
            except FileNotFoundError:
                continue
            if not stat.S_ISDIR(status.st_mode):
                if first is None and not is_whiteout(status):
                    return Found(status, handle, ())
                break
            first = first or (status, handle)
            merged.append(os.open(name, OPEN_DIRECTORY, dir_fd=handle))
            if xattrs.is_opaque(merged[-1]):
                break
    except OSError:
        close(tuple(merged))
        raise
    return Found(*first, tuple(merged)) if first else None


def close(handles: Stack) -> None:
    """Close them all."""
    for handle in handles:
        os.close(handle)


def listed(stack: Stack) -> set[bytes]:
    """All names that show in the merged directory `stack`."""
    shown: set[bytes] = set()
    gone: set[bytes] = set()
    for handle in stack:
        for name in map(os.fsencode, os.listdir(handle)):
            if name in shown or name in gone:
                continue
            (gone if is_whiteout(os.lstat(name, dir_fd=handle)) else shown).add(name)
    return shown


def hides_below(directory: int) -> bool:
    """True for an open directory of an upper layer that does not merge with what the layers below have at its path."""
    return xattrs.is_opaque(directory) or xattrs.get(directory, REDIRECT) is not None


def is_whiteout(status: os.stat_result) -> bool:
    """True for overlayfs's mark of a removed file: a character device 0:0."""
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0
