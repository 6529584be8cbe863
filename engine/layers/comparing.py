"""Whether two expanded layers are the same: what the files are, and what is in them."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

from engine.disk import store_error
from engine.jobs import CancelToken
from engine.layers import index
from engine.layers.index import Columns
from engine.layers.names import shown

_PIECE = 1 << 20
_WHAT = ("type", "mode", "owner", "size", "time", "target", "device number", "first name", "set of attributes")


def difference(right: Path, looked_at: Path, token: CancelToken) -> str | None:
    """The first thing in which the layer in `looked_at` differs from the `right` one, in words; None where there is
    none. Times of directories do not count: one that no entry tells of has that of its making.

    Raises StoreError, Cancelled.
    """
    ours, theirs = index.scan(right), index.scan(looked_at)
    if ours.paths != theirs.paths:
        here = frozenset(theirs.paths)
        missing = next((path for path in ours.paths if path not in here), None)
        if missing is not None:
            return f"{shown(missing)} is missing"
        known = frozenset(ours.paths)
        return f"{shown(next(path for path in theirs.paths if path not in known))} is not its own"
    if (ours.whiteouts, ours.opaque) != (theirs.whiteouts, theirs.opaque):
        rows = {*ours.whiteouts, *ours.opaque} ^ {*theirs.whiteouts, *theirs.opaque}
        return f"{shown(ours.paths[min(rows, default=0)])} hides something else of the layers below"
    for row, path in enumerate(ours.paths):
        if row % 256 == 0:
            token.check()
        told, seen = _about(ours, row), _about(theirs, row)
        if told != seen:
            what = next(name for name, *pair in zip(_WHAT, told, seen, strict=True) if pair[0] != pair[1])
            return f"{shown(path)} has another {what}"
        if stat.S_ISREG(ours.modes[row]) and row not in ours.links and not _same(right, looked_at, path, token):
            return f"{shown(path)} has another content"
    return None


def _about(columns: Columns, row: int) -> tuple[object, ...]:
    """By the words of _WHAT."""
    mode = columns.modes[row]
    return (
        stat.S_IFMT(mode),
        stat.S_IMODE(mode),
        (columns.uids[row], columns.gids[row]),
        columns.sizes[row],
        None if stat.S_ISDIR(mode) else columns.times[row],
        columns.targets.get(row),
        columns.devices.get(row),
        columns.links.get(row),
        columns.attributes.get(row),
    )


def _same(right: Path, looked_at: Path, path: bytes, token: CancelToken) -> bool:
    name = path.decode("utf-8", "surrogateescape")
    try:
        with (right / name).open("rb", buffering=0) as one, (looked_at / name).open("rb", buffering=0) as other:
            while True:
                token.check()
                piece = one.read(_PIECE)
                if piece != other.read(_PIECE):
                    return False
                if not piece:
                    return True
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:  # deeper than one name reaches: its size and time have to do
            return True
        raise store_error(error, f"cannot read {shown(path)} of {looked_at}") from error
