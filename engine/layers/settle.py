"""The second half of expanding: what the layers below decide.

Serial, from the lowest layer up. Everything happens through descriptors of directories, one part of a name at a
time and without following a link, so that no name of a layer is ever resolved by the host.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import msgspec

from engine.errors import LayerError
from engine.layers import copying, lower, names, waiting, xattrs
from engine.layers.merged import Places, close
from engine.layers.names import shown
from engine.layers.waiting import Wait

_LINKS = 40  # symbolic links on one path, as the kernel allows (path_resolution(7))
_MERGE_DEPTH = 100  # directories within each other that stand under two names in one layer
_ORDER = {Wait.WHITEOUT: 0, Wait.IMPLICIT: 1, Wait.OPAQUE: 2}


class LayerStats(msgspec.Struct, frozen=True):
    """What a finished layer holds: `size` is bytes of its regular files, `files` counts its entries, `whiteouts` what
    it hides of the layers below, `skipped_xattrs` the attributes that this filesystem could not keep."""

    size: int
    files: int
    whiteouts: int
    skipped_xattrs: int


class Settler:
    """Settles one layer in `staging` on the finished directories `below`, lowest first."""

    def __init__(self, staging: Path, below: Sequence[Path]) -> None:
        self._notes = staging / waiting.FILE
        self._upper = os.open(staging / "diff", lower.OPEN_DIRECTORY)
        self._below = lower.open_stack(below)
        self._places = Places(self._upper, self._below)
        self._whiteouts = 0
        self._nested = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._places.forget()
        close((self._upper, *self._below))

    def run(self) -> int:
        """Settle; returns how many things of lower layers are hidden. Raises LayerError, OSError."""
        links, others = [], []
        for wait, path, target in waiting.read(self._notes):
            if wait is Wait.LINK:
                links.append((path, target))
            else:
                others.append((path.count(b"/") + bool(path), _ORDER[wait], path))
        root_is_opaque = False
        for _, order, path in sorted(others):  # what is above decides where the rest belongs
            if order == _ORDER[Wait.WHITEOUT]:
                self._whiteout(path)
            elif order == _ORDER[Wait.IMPLICIT]:
                self._implicit_note(path)
            elif path:
                self._opaque(path)
            else:
                root_is_opaque = True
                self._places.hide_below()
        for path, target in links:
            self._link(path, target)
        if root_is_opaque:
            self._hide_all()
        self._notes.unlink()
        return self._whiteouts

    # Where names lead

    def _real(self, path: bytes) -> bytes:
        """Where `path` leads when links, of this layer and those below, are followed inside. Parts may be missing."""
        rest = path.split(b"/")[::-1]
        real = b""
        links = 0
        while rest:
            part = rest.pop()
            if part in (b"", b"."):
                continue
            if part == b"..":
                real = names.split(real)[0]
                continue
            target = self._link_target(real, part)
            if target is None:
                real = names.join(real, part)
                continue
            links += 1
            if links > _LINKS:
                raise LayerError(f"too many symbolic links on the way to {shown(path)}")
            if target.startswith(b"/"):
                real = b""
            rest.extend(reversed(target.split(b"/")))
        return real

    def _link_target(self, directory: bytes, part: bytes) -> bytes | None:
        """What the link `part` points to; None where there is no link. A directory that waits here is settled first."""
        place = self._places.at(directory)
        if place is None:
            return None
        if self._is_implicit(place.upper, part):
            self._implicit(names.join(directory, part))
            place = self._places.at(directory)
            assert place is not None
        status = _status(part, place.upper)
        if status is not None:
            return os.readlink(part, dir_fd=place.upper) if stat.S_ISLNK(status.st_mode) else None
        found = lower.find(place.below, part)
        if found is None:
            return None
        close(found.merged)
        return os.readlink(part, dir_fd=found.parent) if found.is_link else None

    def _is_implicit(self, directory: int | None, part: bytes) -> bool:
        status = _status(part, directory)
        if directory is None or status is None or not stat.S_ISDIR(status.st_mode):
            return False
        return xattrs.has(copying.beneath(directory, part), xattrs.IMPLICIT)

    def _made(self, real: bytes) -> int:
        """Open the directory `real` of this layer, made like the one below if it is missing. The caller closes it."""
        path = b""
        for part in real.split(b"/") if real else []:
            place = self._places.at(path)
            if place is None or place.upper is None:
                break
            path = names.join(path, part)
            if _status(part, place.upper) is not None:
                continue
            with copying.times_kept(place.upper):
                os.mkdir(part, 0o755, dir_fd=place.upper)
            handle = os.open(part, lower.OPEN_DIRECTORY, dir_fd=place.upper)
            try:
                self._like_below(handle, lower.find(place.below, part))
            finally:
                os.close(handle)
            self._places.forget()
        place = self._places.at(real)
        if place is None or place.upper is None:
            raise LayerError(f"a name goes through something that is no directory: {shown(real)}")
        return os.dup(place.upper)

    def _like_below(self, handle: int, found: lower.Found | None) -> None:
        """A directory without an entry of its own gets the metadata of the one it continues, or stays 0755 root."""
        if found is not None and found.is_directory:
            copying.directory_metadata(found.merged[0], handle)
            close(found.merged)
        else:
            os.chmod(handle, 0o755)  # noqa: S103 — what everybody gives a directory without an entry
            os.utime(handle, ns=(0, 0))

    # Directories without an entry

    def _implicit_note(self, path: bytes) -> None:
        if not path:
            if xattrs.has(self._upper, xattrs.IMPLICIT):
                os.removexattr(self._upper, xattrs.IMPLICIT)
                if self._below:
                    copying.directory_metadata(self._below[0], self._upper)
                else:
                    os.utime(self._upper, ns=(0, 0))
            return
        parent, part = names.split(path)
        real = self._real(parent)
        place = self._places.at(real)
        if place is not None and self._is_implicit(place.upper, part):
            self._implicit(names.join(real, part))

    def _implicit(self, path: bytes) -> None:
        """Give the directory the metadata of the one below, or move its content where a link below leads."""
        parent, part = names.split(path)
        place = self._places.at(parent)
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
        if self._nested > _LINKS:
            raise LayerError(f"too many symbolic links on the way to {shown(path)}")
        parent, part = names.split(path)
        real = self._real(target if target.startswith(b"/") else names.join(parent, target))
        self._nested -= 1
        if real == path or real.startswith(path + b"/") or not self._can_be_directory(real):
            return False
        goal = self._made(real)
        try:
            with copying.times_kept(goal):
                _merge(handle, goal, path, 0)
        finally:
            os.close(goal)
        self._places.forget()
        place = self._places.at(self._real(parent))
        assert place is not None
        assert place.upper is not None
        with copying.times_kept(place.upper):
            os.rmdir(part, dir_fd=place.upper)
        self._places.forget()
        return True

    def _can_be_directory(self, real: bytes) -> bool:
        """True if the path is a directory in the merged view, or nothing is there (and on the way to it)."""
        path = b""
        for part in real.split(b"/") if real else []:
            place = self._places.at(path)
            if place is None:
                return True
            status = _status(part, place.upper)
            if status is None:
                found = lower.find(place.below, part)
                if found is not None:
                    close(found.merged)
                    status = found.status
            if status is not None and not stat.S_ISDIR(status.st_mode) and not lower.is_whiteout(status):
                return False
            path = names.join(path, part)
        return True

    # Whiteouts

    def _whiteout(self, path: bytes) -> None:
        """Hide what lower layers show under `path`, and only that: this layer's own entry of that name stays."""
        parent, part = names.split(path)
        real = self._real(parent)
        place = self._places.at(real)
        found = lower.find(place.below, part) if place is not None else None
        if place is None or found is None:
            return
        close(found.merged)
        status = _status(part, place.upper)
        if status is None:
            directory = self._made(real)
            try:
                _mark(directory, part)
            finally:
                os.close(directory)
            self._whiteouts += 1
        elif stat.S_ISDIR(status.st_mode) and place.upper is not None:
            self._hide_below(place.upper, part)
            self._places.forget()

    def _opaque(self, path: bytes) -> None:
        real = self._real(path)
        place = self._places.at(real)
        if real and place is not None and place.upper is not None and place.below:
            os.setxattr(place.upper, xattrs.OPAQUE, b"y")
            self._whiteouts += 1
            self._places.forget()

    def _hide_all(self) -> None:
        """overlayfs looks for no opaque mark on the root of a layer, so everything in the root is hidden by itself."""
        for part in sorted(lower.listed(self._below)):
            status = _status(part, self._upper)
            if status is None:
                _mark(self._upper, part)
                self._whiteouts += 1
            elif stat.S_ISDIR(status.st_mode):
                self._hide_below(self._upper, part)

    def _hide_below(self, directory: int, part: bytes) -> None:
        os.setxattr(copying.beneath(directory, part), xattrs.OPAQUE, b"y", follow_symlinks=False)
        self._whiteouts += 1

    # Hard links to files of lower layers

    def _link(self, path: bytes, target: bytes) -> None:
        target_parent, target_part = names.split(target)
        target_parent = self._real(target_parent)
        self._check_target(target_parent, target_part, path)
        parent, part = names.split(path)
        place = self._places.at(self._real(parent))
        if place is None or place.upper is None or not _keeps_place(place.upper, part):
            return  # a later entry took its place
        directory = os.dup(place.upper)
        try:
            source = self._brought_up(target_parent, target_part)
            try:
                with copying.times_kept(directory):
                    os.unlink(part, dir_fd=directory)
                    os.link(target_part, part, src_dir_fd=source, dst_dir_fd=directory, follow_symlinks=False)
            finally:
                os.close(source)
        finally:
            os.close(directory)

    def _check_target(self, parent: bytes, part: bytes, link: bytes) -> None:
        """Raise LayerError unless the merged view has a file there that can be linked to."""
        place = self._places.at(parent)
        status = _status(part, place.upper) if place is not None else None
        if place is not None and place.upper is not None and _keeps_place(place.upper, part):
            raise LayerError(f"a hard link to itself, or to one that comes later: {shown(link)}")
        if status is None and place is not None and (found := lower.find(place.below, part)) is not None:
            close(found.merged)
            status = found.status
        if status is None or lower.is_whiteout(status):
            to = shown(names.join(parent, part))
            raise LayerError(f"a hard link to something that is not there: {shown(link)} to {to}")
        if stat.S_ISDIR(status.st_mode):
            raise LayerError(f"a hard link to a directory: {shown(link)} to {shown(names.join(parent, part))}")

    def _brought_up(self, parent: bytes, part: bytes) -> int:
        """The directory of this layer in which the file now is; copied up if need be. The caller closes it."""
        place = self._places.at(parent)
        assert place is not None
        found = lower.find(place.below, part) if _status(part, place.upper) is None else None
        if found is None:
            return self._made(parent)
        below = os.dup(found.parent)
        try:
            directory = self._made(parent)
            with copying.times_kept(directory):
                copying.file(part, below, directory)
        finally:
            os.close(below)
        return directory


def _status(part: bytes, directory: int | None) -> os.stat_result | None:
    if directory is None:
        return None
    try:
        return os.lstat(part, dir_fd=directory)
    except FileNotFoundError:
        return None


def _mark(directory: int, part: bytes) -> None:
    """Make a whiteout: the character device 0:0 (overlayfs.rst, "whiteouts and opaque directories")."""
    with copying.times_kept(directory):
        os.mknod(part, stat.S_IFCHR, os.makedev(0, 0), dir_fd=directory)
        os.utime(part, ns=(0, 0), dir_fd=directory, follow_symlinks=False)


def _keeps_place(directory: int, part: bytes) -> bool:
    status = _status(part, directory)
    if status is None or not stat.S_ISREG(status.st_mode):
        return False
    return xattrs.has(copying.beneath(directory, part), xattrs.WAITING)


def _merge(source: int, goal: int, path: bytes, depth: int) -> None:
    """Move everything from one open directory of the layer into another.

    What the goal has already stays: the entry under the real name wins over the one under the link's.
    """
    if depth > _MERGE_DEPTH:
        raise LayerError(f"directories that are named in two ways are nested too deeply: {shown(path)}")
    for part in map(os.fsencode, os.listdir(source)):
        there = _status(part, goal)
        if there is None:
            os.rename(part, part, src_dir_fd=source, dst_dir_fd=goal)
            continue
        here = os.lstat(part, dir_fd=source)
        if not stat.S_ISDIR(here.st_mode):
            os.unlink(part, dir_fd=source)
        elif not stat.S_ISDIR(there.st_mode):
            shutil.rmtree(part, dir_fd=source)
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
