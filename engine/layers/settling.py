"""The second half of expanding: what the layers below decide.

Serial, from the lowest layer up. Everything happens through descriptors of directories, one part of a name at a
time and without following a link, so that no name of a layer is ever resolved by the host.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import msgspec

from engine.errors import LayerError
from engine.jobs import CancelToken
from engine.layers import copying, lower, names, waiting, xattrs
from engine.layers.names import shown
from engine.layers.view import View, status_of
from engine.layers.waiting import Wait

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

    def __init__(self, staging: Path, below: Sequence[Path], token: CancelToken) -> None:
        self._token = token
        self._notes = staging / waiting.FILE
        self._upper = os.open(staging / "diff", lower.OPEN_DIRECTORY)
        self._below = lower.open_stack(below)
        self._view = View(self._upper, self._below)
        self._whiteouts = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._view.places.forget()
        lower.close((self._upper, *self._below))

    def run(self) -> int:
        """Settle; returns how many things of lower layers are hidden. Raises LayerError, Cancelled, OSError."""
        links, others = [], []
        for wait, path, target in waiting.read(self._notes):
            if wait is Wait.LINK:
                links.append((path, target))
            else:
                others.append((path.count(b"/") + bool(path), _ORDER[wait], path))
        root_is_opaque = False
        for _, order, path in sorted(others):  # what is above decides where the rest belongs
            self._token.check()
            if order == _ORDER[Wait.WHITEOUT]:
                self._whiteout(path)
            elif order == _ORDER[Wait.IMPLICIT]:
                if path:
                    self._view.settle_directory(path)
                else:
                    self._view.settle_root()
            elif path:
                self._opaque(path)
            else:
                root_is_opaque = True
                self._view.places.hide_below()
                self._view.changed()
        for path, target in links:
            self._token.check()
            self._link(path, target)
        if root_is_opaque:
            self._hide_all()
        self._notes.unlink()
        return self._whiteouts

    def _whiteout(self, path: bytes) -> None:
        """Hide what lower layers show under `path`, and only that: this layer's own entry of that name stays."""
        parent, part = names.split(path)
        real = self._view.real(parent)
        place = self._view.places.at(real)
        found = lower.find(place.below, part) if place is not None else None
        if place is None or found is None:
            return
        lower.close(found.merged)
        status = status_of(part, place.upper)
        if status is None:
            directory = self._view.made(real)
            try:
                _mark(directory, part)
            finally:
                os.close(directory)
            self._whiteouts += 1
            if found.is_link or found.is_directory:
                self._view.changed()
        elif stat.S_ISDIR(status.st_mode) and place.upper is not None:
            self._hide_below(place.upper, part)
            self._view.changed()

    def _opaque(self, path: bytes) -> None:
        real = self._view.real(path)
        place = self._view.places.at(real)
        if real and place is not None and place.upper is not None and place.below:
            os.setxattr(place.upper, xattrs.OPAQUE, b"y")
            self._whiteouts += 1
            self._view.changed()

    def _hide_all(self) -> None:
        """overlayfs looks for no opaque mark on the root of a layer, so everything in the root is hidden by itself."""
        for part in sorted(lower.listed(self._below)):
            status = status_of(part, self._upper)
            if status is None:
                _mark(self._upper, part)
                self._whiteouts += 1
            elif stat.S_ISDIR(status.st_mode):
                self._hide_below(self._upper, part)

    def _hide_below(self, directory: int, part: bytes) -> None:
        os.setxattr(copying.beneath(directory, part), xattrs.OPAQUE, b"y", follow_symlinks=False)
        self._whiteouts += 1

    def _link(self, path: bytes, target: bytes) -> None:
        target_parent, target_part = names.split(target)
        target_parent = self._view.real(target_parent)
        self._check_target(target_parent, target_part, path)
        parent, part = names.split(path)
        place = self._view.places.at(self._view.real(parent))
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
        place = self._view.places.at(parent)
        status = status_of(part, place.upper) if place is not None else None
        if place is not None and place.upper is not None and _keeps_place(place.upper, part):
            raise LayerError(f"a hard link to itself, or to one that comes later: {shown(link)}")
        if status is None and place is not None and (found := lower.find(place.below, part)) is not None:
            lower.close(found.merged)
            status = found.status
        if status is None or lower.is_whiteout(status):
            to = shown(names.join(parent, part))
            raise LayerError(f"a hard link to something that is not there: {shown(link)} to {to}")
        if stat.S_ISDIR(status.st_mode):
            raise LayerError(f"a hard link to a directory: {shown(link)} to {shown(names.join(parent, part))}")

    def _brought_up(self, parent: bytes, part: bytes) -> int:
        """The directory of this layer in which the file now is; copied up if need be. The caller closes it."""
        place = self._view.places.at(parent)
        assert place is not None
        found = lower.find(place.below, part) if status_of(part, place.upper) is None else None
        if found is None:
            return self._view.made(parent)
        below = os.dup(found.parent)
        try:
            directory = self._view.made(parent)
            try:
                with copying.times_kept(directory):
                    copying.file(part, below, directory)
            except BaseException:
                os.close(directory)
                raise
            return directory
        finally:
            os.close(below)


def _mark(directory: int, part: bytes) -> None:
    """Make a whiteout: the character device 0:0 (overlayfs.rst, "whiteouts and opaque directories")."""
    with copying.times_kept(directory):
        os.mknod(part, stat.S_IFCHR, os.makedev(0, 0), dir_fd=directory)
        os.utime(part, ns=(0, 0), dir_fd=directory, follow_symlinks=False)


def _keeps_place(directory: int, part: bytes) -> bool:
    status = status_of(part, directory)
    if status is None or not stat.S_ISREG(status.st_mode):
        return False
    return xattrs.has(copying.beneath(directory, part), xattrs.WAITING)
