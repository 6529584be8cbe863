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
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from engine.disk import store_error
from engine.errors import LayerError, StoreError
from engine.layers import copying, lower, names, xattrs
from engine.layers.names import shown
from engine.layers.pack import Entry, Kind, opaque, whiteout

_TOO_DEEP = "No layer may have so many: remove them, or leave them out (--leave-out)."
_METACOPY = "trusted.overlay.metacopy"
_WHITEOUT = "trusted.overlay.whiteout"

_SPECIAL = {stat.S_IFCHR: Kind.CHARACTER, stat.S_IFBLK: Kind.BLOCK, stat.S_IFIFO: Kind.FIFO}


@dataclass(frozen=True, slots=True)
class Capture:
    """What to take of a tree, and how.

    `latest` is the latest time that any entry may have, in nanoseconds since the epoch (None: as it is); `leave_out`
    holds paths, without leading slash, that are passed over with all below them; `overlay` says that the tree is an
    overlay's upper directory, whose `merged` one is mounted (None: it is not, and must not be needed); `owner` gives
    the user and group that an entry gets for those on disk, -1 for one that has none (None: the same). Of a merged
    tree, `restored` are those paths left out that are taken from the layers `below` (lowest first), as these have them:
    otherwise the tree's own layer would hide them, as no layer on top of theirs does.
    """

    root: Path
    overlay: bool = True
    merged: Path | None = None
    latest: int | None = None
    leave_out: frozenset[bytes] = field(default_factory=frozenset)
    owner: Callable[[int, int], tuple[int, int]] | None = None
    below: tuple[Path, ...] = ()
    restored: frozenset[bytes] = field(default_factory=frozenset)

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
        self._restored: dict[bytes, set[bytes]] = {}  # by directory
        for path in capture.restored:
            folder, name = names.split(path)
            self._restored.setdefault(folder, set()).add(name)

    def directory(self, root: Path, path: bytes, *, overlay: bool) -> Iterator[Entry]:
        """The directory `path` below `root`, opened from the top: another tree's than its parent's."""
        yield from self._open_directory(lower.open_directory(root, path), path, overlay=overlay)

    def _open_directory(self, handle: int, path: bytes, *, overlay: bool) -> Iterator[Entry]:
        """An open directory with all that is in it; closes it."""
        try:
            names.check_depth(path, _TOO_DEEP)
            yield self._entry(path, Kind.DIRECTORY, os.fstat(handle), xattrs.kept_of(handle))
            if overlay and xattrs.get(handle, lower.REDIRECT) is not None:
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
        restored = self._restored.get(path, set())
        for name in sorted({*map(os.fsencode, os.listdir(handle)), *restored}):
            inner = names.join(path, name)
            if name in restored:
                yield from self._beneath.at(inner)
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
            else:
                yield from self._leaf(handle, name, inner, status, overlay=overlay)

    def _leaf(
        self, directory: int, name: bytes, path: bytes, status: os.stat_result, *, overlay: bool
    ) -> Iterator[Entry]:
        if stat.S_ISREG(status.st_mode):
            yield from self._file(directory, name, path, overlay=overlay)
        elif not stat.S_ISSOCK(status.st_mode):  # a socket without its process is nothing
            yield self._other(directory, name, path, status)

    @cached_property
    def _beneath(self) -> _Beneath:
        # The layers below have the owners that the image has, whatever the container's user namespace makes of them.
        return _Beneath(replace(self._capture, owner=None))

    def _file(self, directory: int, name: bytes, path: bytes, *, overlay: bool) -> Iterator[Entry]:
        handle = os.open(name, lower.OPEN_FILE, dir_fd=directory)
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
                whole = _open_beneath(self._merged(path), path)
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


class _Beneath(_Walk):
    """What the layers below show where something is left out: as if the container had not touched it."""

    def at(self, path: bytes) -> Iterator[Entry]:
        """What shows at a path, with all below it; nothing where nothing does."""
        folder, last = names.split(path)
        stack = lower.open_stack(self._capture.below)
        try:
            for part in folder.split(b"/") if folder else []:
                found = lower.find(stack, part)
                lower.close(stack)
                stack = found.merged if found else ()
            yield from self._shown(stack, last, path)
        finally:
            lower.close(stack)

    def _shown(self, stack: lower.Stack, name: bytes, path: bytes) -> Iterator[Entry]:
        found = lower.find(stack, name)
        if found is None:
            return
        if not found.is_directory:
            yield from self._leaf(found.parent, name, path, found.status, overlay=False)
            return
        try:
            names.check_depth(path, _TOO_DEEP)
            yield self._entry(path, Kind.DIRECTORY, found.status, xattrs.kept_of(found.merged[0]))
            for inner in sorted(lower.listed(found.merged)):
                yield from self._shown(found.merged, inner, names.join(path, inner))
        finally:
            lower.close(found.merged)


def _open_beneath(root: Path, path: bytes) -> int:
    """Open a regular file below `root`, following no link on the way. Raises StoreError."""
    try:
        return lower.open_file(root, path)
    except OSError as error:
        raise store_error(error, f"cannot read {shown(path)} in {root}") from error
