"""The place that a path has in a layer under way and, merged, in the finished layers below it."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass

from engine.layers import lower, names, xattrs

_OPEN_AT_ONCE = 300  # descriptors; a process may have 1024 files by default


@dataclass(frozen=True, slots=True)
class Place:
    """One directory: open in the layer under way where that has it, and what the layers below show there."""

    upper: int | None
    below: lower.Stack

    @property
    def handles(self) -> tuple[int, ...]:
        """All of its directories, topmost first."""
        return self.below if self.upper is None else (self.upper, *self.below)


class Places:
    """Opens places and keeps them open. A place is valid until the next call of `at` or `forget`."""

    def __init__(self, upper: int, below: lower.Stack) -> None:
        self._root = Place(upper, below)
        self._open: dict[bytes, Place] = {b"": self._root}
        self._count = 0

    def at(self, path: bytes) -> Place | None:
        """The directory at a clean path without links; None where neither the layer nor those below show one."""
        known, rest = path, []
        while known not in self._open:
            known, part = names.split(known)
            rest.append(part)
        place: Place | None = self._open[known]
        for part in reversed(rest):
            assert place is not None
            if self._count > _OPEN_AT_ONCE:
                self.forget(keep=(known, place))
            place = _enter(place, part)
            if place is None:
                return None
            known = names.join(known, part)
            self._open[known] = place
            self._count += len(place.handles)
        return place

    def forget(self, keep: tuple[bytes, Place] | None = None) -> None:
        """Close all but the root and `keep`: the layer has changed, or there are too many."""
        for place in self._open.values():
            if place is not self._root and (keep is None or place is not keep[1]):
                lower.close(place.handles)
        self._open = {b"": self._root}
        self._count = 0
        if keep is not None:
            self._open[keep[0]] = keep[1]
            self._count = len(keep[1].handles)

    def hide_below(self) -> None:
        """From now on the layers below show nothing."""
        self.forget()
        self._root = Place(self._root.upper, ())
        self._open = {b"": self._root}


def _enter(place: Place, part: bytes) -> Place | None:
    upper = None
    if place.upper is not None:
        try:
            status = os.lstat(part, dir_fd=place.upper)
            if not stat.S_ISDIR(status.st_mode):
                return None
            upper = os.open(part, lower.OPEN_DIRECTORY, dir_fd=place.upper)
            if xattrs.is_opaque(upper):
                return Place(upper, ())
        except FileNotFoundError:
            pass
    found = lower.find(place.below, part)
    below = found.merged if found else ()
    return Place(upper, below) if upper is not None or below else None
