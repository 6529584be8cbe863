"""Open directories of the layer that is being unpacked, by the paths that entries use for them."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import NamedTuple

from engine.errors import LayerError
from engine.layers import names

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_AT_ONCE = 200  # open directories; a process may have 1024 files by default


class Directory(NamedTuple):
    """An open directory and its path from the layer's root, in which no part is a link."""

    handle: int
    path: bytes


class Directories:
    """Finds the directory for a path, and makes it where it is missing; `implied` hears of each that was made."""

    def __init__(self, implied: Callable[[bytes], None]) -> None:
        self._implied = implied
        self._root = Directory(os.open(".", _OPEN), b"")
        self._open = {b"": self._root}

    def get(self, path: bytes) -> Directory:
        """The directory that entries below `path` (clean) go to. It stays open until the next `get` or `forget`.

        Raises LayerError where something other than a directory is in the way.
        """
        found = self._open.get(path)
        if found is None:
            found = self._walk(self.real(path))
            self._open[path] = found
        return found

    def real(self, path: bytes) -> bytes:
        """Where `path` leads when links of this layer are followed in it. Parts may be missing. Raises LayerError."""
        return names.followed(path, self._known, _link_at)

    def _known(self, path: bytes) -> bytes | None:
        directory = self._open.get(path)
        return None if directory is None else directory.path

    def forget(self, keep: Directory | None = None) -> None:
        """Close all but the root and `keep`: something on a known path was replaced, or there are too many."""
        kept = {self._root.handle} | ({keep.handle} if keep else set())
        for handle in {directory.handle for directory in self._open.values()} - kept:
            os.close(handle)
        self._open = {b"": self._root}
        if keep:
            self._open[keep.path] = keep

    def _walk(self, real: bytes) -> Directory:
        names.check_depth(real)
        known, rest = real, []
        while known not in self._open:
            known, part = names.split(known)
            rest.append(part)
        directory = self._open[known]
        for part in reversed(rest):
            if len(self._open) >= _AT_ONCE:
                self.forget(keep=directory)
            directory = self._enter(directory, part)
            self._open[directory.path] = directory
        return directory

    def _enter(self, parent: Directory, part: bytes) -> Directory:
        path = names.join(parent.path, part)
        try:
            try:
                handle = os.open(part, _OPEN, dir_fd=parent.handle)
            except FileNotFoundError:
                os.mkdir(part, 0o755, dir_fd=parent.handle)
                self._implied(path)
                handle = os.open(part, _OPEN, dir_fd=parent.handle)
        except NotADirectoryError as error:
            raise LayerError(f"a name goes through something that is no directory: {names.shown(path)}") from error
        return Directory(handle, path)


def _link_at(directory: bytes, part: bytes) -> bytes | None:
    try:
        return os.readlink(names.join(directory, part))
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ENOENT, errno.ENOTDIR):  # all three: not a link
            return None
        raise
