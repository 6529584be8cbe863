"""A layer under way seen together with the finished layers below it: where names lead, directories made as needed.

Directories without an entry of their own (`lib`, where a layer has only `lib/x`) are settled here, when a name first
leads through one: a layer below decides whether it continues a directory or stands where a link leads elsewhere.
"""

from __future__ import annotations

import os
import stat

from engine.errors import LayerError
from engine.layers import copying, lower, names, xattrs
from engine.layers.merged import Places
from engine.layers.names import LINKS, check_depth, shown
from engine.walking import remove_tree

_MERGE_DEPTH = 100  # directories within each other that stand under two names in one layer


class View:
    """The layer in the open directory `upper` over the finished ones `below`, topmost first."""

    def __init__(self, upper: int, below: lower.Stack) -> None:
        self.places = Places(upper, below)
        self._upper = upper
        self._below = below
        self._nested = 0
        self._reals = {b"": b""}  # paths whose way is known

    def settle_root(self) -> None:
        """Give the root, if it has no entry of its own, the metadata of the root below."""
        if xattrs.has(self._upper, xattrs.IMPLICIT):
            os.removexattr(self._upper, xattrs.IMPLICIT)
            if self._below:
                copying.directory_metadata(self._below[0], self._upper)
            else:
                os.utime(self._upper, ns=(0, 0))

    def changed(self) -> None:
        """Names may lead elsewhere now: forget what is known of them."""
        self.places.forget()
        self._reals = {b"": b""}

    def real(self, path: bytes) -> bytes:
        """Where `path` leads when links, of this layer and those below, are followed inside. Parts may be missing."""
        real = names.followed(path, self._reals.get, self._link_target)
        self._reals[path] = real
        return real

    def _link_target(self, directory: bytes, part: bytes) -> bytes | None:
        """What the link `part` points to; None where there is no link. A directory that waits is settled first."""
        place = self.places.at(directory)
        if place is None:
            return None
        status = status_of(part, place.upper)
        if self._is_implicit(place.upper, part, status):
            self._implicit(names.join(directory, part))
            place = self.places.at(directory)
            assert place is not None
            status = status_of(part, place.upper)
        if status is not None:
            return os.readlink(part, dir_fd=place.upper) if stat.S_ISLNK(status.st_mode) else None
        found = lower.find(place.below, part)
        if found is None:
            return None
        lower.close(found.merged)
        return os.readlink(part, dir_fd=found.parent) if found.is_link else None

    def _is_implicit(self, directory: int | None, part: bytes, status: os.stat_result | None) -> bool:
        if directory is None or status is None or not stat.S_ISDIR(status.st_mode):
            return False
        return xattrs.has(copying.beneath(directory, part), xattrs.IMPLICIT)

    def made(self, real: bytes) -> int:
        """Open the directory `real` of this layer, made like the one below if it is missing. The caller closes it."""
        check_depth(real)
        path = b""
        for part in real.split(b"/") if real else []:
            place = self.places.at(path)
            if place is None or place.upper is None:
                break
            path = names.join(path, part)
            if status_of(part, place.upper) is not None:
                continue
            with copying.times_kept(place.upper):
                os.mkdir(part, 0o755, dir_fd=place.upper)
            handle = os.open(part, lower.OPEN_DIRECTORY, dir_fd=place.upper)
            try:
                self._like_below(handle, lower.find(place.below, part))
            finally:
                os.close(handle)
            self.places.forget()
        place = self.places.at(real)
        if place is None or place.upper is None:
            raise LayerError(f"a name goes through something that is no directory: {shown(real)}")
        return os.dup(place.upper)

    def _like_below(self, handle: int, found: lower.Found | None) -> None:
        """A directory without an entry of its own gets the metadata of the one it continues, or stays 0755 root."""
        if found is not None and found.is_directory:
            copying.directory_metadata(found.merged[0], handle)
            lower.close(found.merged)
        else:
            os.chmod(handle, 0o755)  # noqa: S103 — what everybody gives a directory without an entry
            os.utime(handle, ns=(0, 0))

    def settle_directory(self, path: bytes) -> None:
        """See to the directory at `path`, with those above it, if it still waits. Raises LayerError, OSError."""
        parent, part = names.split(path)
        real = self.real(parent)
        place = self.places.at(real)
        if place is not None and self._is_implicit(place.upper, part, status_of(part, place.upper)):
            self._implicit(names.join(real, part))

    def _implicit(self, path: bytes) -> None:
        """Give the directory the metadata of the one below, or move its content where a link below leads."""
        parent, part = names.split(path)
        place = self.places.at(parent)
        assert place is not None
        assert place.upper is not None
        handle = os.open(part, lower.OPEN_DIRECTORY, dir_fd=place.upper)
        try:
            os.removexattr(handle, xattrs.IMPLICIT)
            found = None if xattrs.is_opaque(handle) else lower.find(place.below, part)
            if found is not None and found.is_link:
                target = os.readlink(part, dir_fd=found.parent)
                if self._moved(path, handle, target):
                    return
                found = None
            self._like_below(handle, found)
        finally:
            os.close(handle)

    def _moved(self, path: bytes, handle: int, target: bytes) -> bool:
        """Move what is in the directory `path` to where the lower link in its place leads.

        False where that is no directory: then this one takes the link's place.
        """
        self._nested += 1
        if self._nested > LINKS:
            raise LayerError(f"too many symbolic links on the way to {shown(path)}")
        parent, part = names.split(path)
        real = self.real(target if target.startswith(b"/") else names.join(parent, target))
        self._nested -= 1
        if real == path or real.startswith(path + b"/") or not self._can_be_directory(real):
            return False
        goal = self.made(real)
        try:
            with copying.times_kept(goal):
                _merge(handle, goal, path, 0)
        finally:
            os.close(goal)
        self.changed()
        place = self.places.at(self.real(parent))
        assert place is not None
        assert place.upper is not None
        with copying.times_kept(place.upper):
            os.rmdir(part, dir_fd=place.upper)
        self.changed()
        return True

    def _can_be_directory(self, real: bytes) -> bool:
        """True if the path is a directory in the merged view, or nothing is there (and on the way to it)."""
        path = b""
        for part in real.split(b"/") if real else []:
            place = self.places.at(path)
            if place is None:
                return True
            status = status_of(part, place.upper)
            if status is None:
                found = lower.find(place.below, part)
                if found is not None:
                    lower.close(found.merged)
                    status = found.status
            if status is not None and not stat.S_ISDIR(status.st_mode) and not lower.is_whiteout(status):
                return False
            path = names.join(path, part)
        return True


def status_of(part: bytes, directory: int | None) -> os.stat_result | None:
    """What the open directory has under that name itself, None where nothing (or no directory) is there."""
    if directory is None:
        return None
    try:
        return os.lstat(part, dir_fd=directory)
    except FileNotFoundError:
        return None


def _merge(source: int, goal: int, path: bytes, depth: int) -> None:
    """Move everything from one open directory of the layer into another.

    What the goal has already stays: the entry under the real name wins over the one under the link's.
    """
    if depth > _MERGE_DEPTH:
        raise LayerError(f"directories that are named in two ways are nested too deeply: {shown(path)}")
    for part in map(os.fsencode, os.listdir(source)):
        there = status_of(part, goal)
        if there is None:
            os.rename(part, part, src_dir_fd=source, dst_dir_fd=goal)
            continue
        here = os.lstat(part, dir_fd=source)
        if not stat.S_ISDIR(here.st_mode):
            os.unlink(part, dir_fd=source)
        elif not stat.S_ISDIR(there.st_mode):
            remove_tree(part, source)
        else:
            inner = os.open(part, lower.OPEN_DIRECTORY, dir_fd=source)
            try:
                inner_goal = os.open(part, lower.OPEN_DIRECTORY, dir_fd=goal)
                try:
                    if xattrs.has(inner_goal, xattrs.IMPLICIT) and not xattrs.has(inner, xattrs.IMPLICIT):
                        os.removexattr(inner_goal, xattrs.IMPLICIT)
                        copying.directory_metadata(inner, inner_goal)
                    with copying.times_kept(inner_goal):
                        _merge(inner, inner_goal, names.join(path, part), depth + 1)
                finally:
                    os.close(inner_goal)
            finally:
                os.close(inner)
            os.rmdir(part, dir_fd=source)
