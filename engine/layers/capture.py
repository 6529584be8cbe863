"""An overlay's upper directory, or a whole tree, as the entries of a layer.

Overlayfs's marks become those of the image-spec (layer.md, "Representing Changes"): a whiteout device a `.wh.` file,
an opaque directory the opaque marker. Where an upper directory leans on the layers below for its content (renamed by
`redirect_dir`, or with `metacopy`, as other programs' mounts may have it) that is read from the merged directory.

What is captured may be changed by a hostile process at the same time: every name is opened from the directory that
it is in, and no link is followed.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from engine.disk import store_error
from engine.errors import LayerError, StoreError
from engine.layers import copying, lower, names, xattrs
from engine.layers.names import shown
from engine.layers.pack import Entry, Kind, opaque, whiteout

_REDIRECT = "trusted.overlay.redirect"
_METACOPY = "trusted.overlay.metacopy"
_WHITEOUT = "trusted.overlay.whiteout"
_OPEN_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC

_SPECIAL = {stat.S_IFCHR: Kind.CHARACTER, stat.S_IFBLK: Kind.BLOCK, stat.S_IFIFO: Kind.FIFO}


@dataclass(frozen=True, slots=True)
class Capture:
    """What to take of a tree, and how.

    `latest` is the latest time that any entry may have, in nanoseconds since the epoch (None: as it is); `leave_out`
    holds paths, without leading slash, that are passed over with all below them; `overlay` says that the tree is an
    overlay's upper directory, whose `merged` one is mounted (None: it is not, and must not be needed); `owner` gives
    the user and group that an entry gets for those on disk, -1 for one that has none (None: the same).
    """

    root: Path
    overlay: bool = True
    merged: Path | None = None
    latest: int | None = None
    leave_out: frozenset[bytes] = field(default_factory=frozenset)
    owner: Callable[[int, int], tuple[int, int]] | None = None

    def entries(self) -> Iterator[Entry]:
        """The entries, parents first, the names of a directory in order. Files are open only while their entry is the
        current one. Raises LayerError for what no layer can hold, StoreError where the tree cannot be read."""
        walk = _Walk(self)
        try:
            yield from walk.directory(self.root, b"", overlay=self.overlay)
        except OSError as error:
            hint = "Pause the container while it is captured, or try again." if error.errno == errno.ENOENT else ""
            raise StoreError(f"cannot read {self.root}: {error.strerror}", hint=hint) from error


class _Walk:
    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._first: dict[tuple[int, int], bytes] = {}  # files with several names: the name that came first

    def directory(self, root: Path, path: bytes, *, overlay: bool) -> Iterator[Entry]:
        """The directory `path` below `root`, opened from the top: another tree's than its parent's."""
        handle = os.open(root, lower.OPEN_DIRECTORY)
        for part in path.split(b"/") if path else []:
            inner = os.open(part, lower.OPEN_DIRECTORY, dir_fd=handle)
            os.close(handle)
            handle = inner
        yield from self._open_directory(handle, path, overlay=overlay)

    def _open_directory(self, handle: int, path: bytes, *, overlay: bool) -> Iterator[Entry]:
        """An open directory with all that is in it; closes it."""
        try:
            names.check_depth(path)
            yield self._entry(path, Kind.DIRECTORY, os.fstat(handle), xattrs.kept_of(handle))
            if overlay and xattrs.get(handle, _REDIRECT) is not None:
                yield opaque(os.fsdecode(path))
                yield from self._merged_content(path)
                return
            if overlay and xattrs.is_opaque(handle):
                yield opaque(os.fsdecode(path))
            yield from self._content(handle, path, overlay=overlay)
        finally:
            os.close(handle)

    def _merged_content(self, path: bytes) -> Iterator[Entry]:
        inside = self.directory(self._merged(path), path, overlay=False)
        next(inside)  # the directory itself has been told
        yield from inside

    def _merged(self, path: bytes) -> Path:
        if self._capture.merged is None:
            raise StoreError(f"{shown(path)} has its content in the layers below, and nothing is mounted to read it")
        return self._capture.merged

    def _content(self, handle: int, path: bytes, *, overlay: bool) -> Iterator[Entry]:
        for name in sorted(map(os.fsencode, os.listdir(handle))):
            inner = names.join(path, name)
            if inner in self._capture.leave_out:
                continue
            status = os.lstat(name, dir_fd=handle)
            if overlay and lower.is_whiteout(status):
                yield whiteout(os.fsdecode(inner))
            elif name.startswith(names.WHITEOUT):
                raise LayerError(
                    f"{shown(inner)} cannot be in a layer: names that begin with .wh. mean removed files there",
                    hint="Rename it, or leave it out.",
                )
            elif stat.S_ISDIR(status.st_mode):
                below = os.open(name, lower.OPEN_DIRECTORY, dir_fd=handle)
                yield from self._open_directory(below, inner, overlay=overlay)
            elif stat.S_ISREG(status.st_mode):
                yield from self._file(handle, name, inner, overlay=overlay)
            elif not stat.S_ISSOCK(status.st_mode):  # a socket without its process is nothing
                yield self._other(handle, name, inner, status)

    def _file(self, directory: int, name: bytes, path: bytes, *, overlay: bool) -> Iterator[Entry]:
        handle = os.open(name, _OPEN_FILE, dir_fd=directory)
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise StoreError(f"{shown(path)} changed while it was read", hint="Pause the container meanwhile.")
            if overlay and xattrs.get(handle, _WHITEOUT) is not None:
                yield whiteout(os.fsdecode(path))
                return
            if status.st_nlink > 1:
                first = self._first.setdefault((status.st_dev, status.st_ino), path)
                if first != path:
                    yield self._entry(path, Kind.LINK, status, {}, target=os.fsdecode(first))
                    return
            attributes = xattrs.kept_of(handle)
            if overlay and xattrs.get(handle, _METACOPY) is not None:
                whole = _beneath(self._merged(path), path)
                os.close(handle)
                handle = whole
            yield self._entry(path, Kind.FILE, status, attributes, content=handle)
        finally:
            os.close(handle)

    def _other(self, directory: int, name: bytes, path: bytes, status: os.stat_result) -> Entry:
        attributes = xattrs.kept_of(copying.beneath(directory, name))
        if stat.S_ISLNK(status.st_mode):
            target = os.fsdecode(os.readlink(name, dir_fd=directory))
            return self._entry(path, Kind.SYMLINK, status, attributes, target=target)
        if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:
            raise LayerError(f"{shown(path)} cannot be in a layer: the device 0:0 would remove files there")
        return self._entry(path, _SPECIAL[stat.S_IFMT(status.st_mode)], status, attributes)

    def _entry(
        self,
        path: bytes,
        kind: Kind,
        status: os.stat_result,
        attributes: dict[str, bytes],
        *,
        target: str = "",
        content: bytes | int = b"",
    ) -> Entry:
        mtime, latest = status.st_mtime_ns, self._capture.latest
        owner = (status.st_uid, status.st_gid)
        if self._capture.owner is not None:
            owner = self._capture.owner(*owner)
            if -1 in owner:
                raise LayerError(f"{shown(path)} is of an owner that the user namespace has no number for")
        special = kind in (Kind.CHARACTER, Kind.BLOCK)
        return Entry(
            os.fsdecode(path),
            kind,
            stat.S_IMODE(status.st_mode),
            *owner,
            mtime if latest is None else min(mtime, latest),
            content,
            target,
            (os.major(status.st_rdev), os.minor(status.st_rdev)) if special else (0, 0),
            attributes,
        )


def _beneath(root: Path, path: bytes) -> int:
    """Open a regular file below `root`, following no link on the way. Raises StoreError, OSError."""
    handle = os.open(root, lower.OPEN_DIRECTORY)
    try:
        *folders, last = path.split(b"/")
        for part in folders:
            inner = os.open(part, lower.OPEN_DIRECTORY, dir_fd=handle)
            os.close(handle)
            handle = inner
        found = os.open(last, _OPEN_FILE, dir_fd=handle)
    except OSError as error:
        raise store_error(error, f"cannot read {shown(path)} in {root}") from error
    finally:
        os.close(handle)
    return found
