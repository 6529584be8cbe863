"""What is in a layer, as columns that are read back at once: 73,000 entries in a few hundredths of a second.

One index belongs to one expanded layer and never changes, as the layer does not; it is kept beside `diff`.
"""

from __future__ import annotations

import os
import stat
import zlib
from array import array
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from engine.disk import store_error
from engine.errors import StoreError
from engine.layers import copying, lower, names, xattrs
from engine.walking import Descent

FILE = "files.index"
"""Its name beside the layer's `diff`."""

_EARLIEST, _LATEST = -(1 << 63), (1 << 63) - 1
"""Nanoseconds; what is outside (before 1677, after 2262) is told as the nearest: files can have such times."""

_MOST_NAMES = 512 << 20
"""Bytes of all paths: some five million files; the paths of directories within each other grow as the square."""

_MAGIC = b"cutaway-index-1\n"


@dataclass(slots=True)
class Columns:
    """One row an entry, parents first, the names of a directory in order; row 0 is the root, with the path "".

    `modes` are st_mode, `sizes` bytes (of regular files), `times` nanoseconds since the epoch. By row, where there is
    any: `targets` of symbolic links, `devices` (major, minor), `links` the row with the same file's first name,
    `attributes` the extended ones. `whiteouts` and `opaque` are rows of overlayfs's marks.
    """

    paths: list[bytes] = field(default_factory=list)
    modes: array[int] = field(default_factory=lambda: array("I"))
    uids: array[int] = field(default_factory=lambda: array("I"))
    gids: array[int] = field(default_factory=lambda: array("I"))
    sizes: array[int] = field(default_factory=lambda: array("Q"))
    times: array[int] = field(default_factory=lambda: array("q"))
    targets: dict[int, bytes] = field(default_factory=dict)
    devices: dict[int, tuple[int, int]] = field(default_factory=dict)
    links: dict[int, int] = field(default_factory=dict)
    attributes: dict[int, dict[str, bytes]] = field(default_factory=dict)
    whiteouts: list[int] = field(default_factory=list)
    opaque: list[int] = field(default_factory=list)


_ARRAYS = ("modes", "uids", "gids", "sizes", "times")
_TABLES = ("targets", "devices", "links", "attributes", "whiteouts", "opaque")


class _Kept(msgspec.Struct):
    paths: bytes
    modes: bytes
    uids: bytes
    gids: bytes
    sizes: bytes
    times: bytes
    targets: dict[int, bytes]
    devices: dict[int, tuple[int, int]]
    links: dict[int, int]
    attributes: dict[int, dict[str, bytes]]
    whiteouts: list[int]
    opaque: list[int]


def scan(root: Path) -> Columns:
    """Read what is in a layer's `diff`, or an overlay's upper directory. Raises StoreError, also for more paths than
    memory should hold: what is nested very deeply has a long one for each level."""
    columns = Columns()
    try:
        handle = os.open(root, lower.OPEN_DIRECTORY)
        try:
            place = Descent(handle, _raise)
        finally:
            os.close(handle)
        try:
            _scan(columns, place, root)
        finally:
            place.close()
    except OSError as error:
        raise store_error(error, f"cannot read {root}") from error
    return columns


def _scan(columns: Columns, place: Descent, root: Path) -> None:
    same: dict[tuple[int, int], int] = {}
    held = 0
    _add(columns, b"", os.fstat(place.handle))
    levels = [(b"", _listed(columns, place.handle, 0))]
    while levels:
        path, left = levels[-1]
        if not left:
            levels.pop()
            if levels and not place.leave():
                del levels[place.depth + 1 :]
            continue
        name = left.pop()
        try:
            status = os.lstat(name, dir_fd=place.handle)
        except FileNotFoundError:  # a live one: it has just gone
            continue
        inner = names.join(path, name)
        held += len(inner)
        if held > _MOST_NAMES:
            raise StoreError(f"{root} holds more than {_MOST_NAMES >> 20} MiB of paths, as what is nested very deeply")
        row = _add(columns, inner, status)
        if stat.S_ISDIR(status.st_mode):
            if place.enter(name):
                levels.append((inner, _listed(columns, place.handle, row)))
        else:
            _file(columns, place.handle, name, row, status, same)


def _listed(columns: Columns, handle: int, row: int) -> list[bytes]:
    """See to the open directory itself, whose row is `row`; the names in it, the first one last."""
    if attributes := _attributes(handle):
        if attributes.get(xattrs.OPAQUE) == b"y":
            columns.opaque.append(row)
        if kept := {name: value for name, value in attributes.items() if xattrs.kept(name)}:
            columns.attributes[row] = kept
    return sorted(map(os.fsencode, os.listdir(handle)), reverse=True)


def _file(
    columns: Columns, handle: int, name: bytes, row: int, status: os.stat_result, same: dict[tuple[int, int], int]
) -> None:
    """What is no directory."""
    if stat.S_ISREG(status.st_mode):
        columns.sizes[row] = status.st_size
        if status.st_nlink > 1:
            first = same.setdefault((status.st_dev, status.st_ino), row)
            if first != row:
                columns.links[row] = first
        attributes = _attributes(copying.beneath(handle, name))
        if attributes and (kept := {key: value for key, value in attributes.items() if xattrs.kept(key)}):
            columns.attributes[row] = kept
    elif stat.S_ISLNK(status.st_mode):
        columns.targets[row] = os.readlink(name, dir_fd=handle)
    elif lower.is_whiteout(status):
        columns.whiteouts.append(row)
    else:
        columns.devices[row] = (os.major(status.st_rdev), os.minor(status.st_rdev))


def _raise(error: OSError) -> None:
    raise error


def _add(columns: Columns, path: bytes, status: os.stat_result) -> int:
    columns.paths.append(path)
    columns.modes.append(status.st_mode)
    columns.uids.append(status.st_uid)
    columns.gids.append(status.st_gid)
    columns.sizes.append(0)
    columns.times.append(max(_EARLIEST, min(status.st_mtime_ns, _LATEST)))
    return len(columns.paths) - 1


def _attributes(target: int | bytes) -> dict[str, bytes]:
    follow = isinstance(target, int)
    try:
        found = os.listxattr(target, follow_symlinks=follow)
        return {name: os.getxattr(target, name, follow_symlinks=follow) for name in found} if found else {}
    except OSError:  # gone, or a filesystem without attributes
        return {}


def encode(columns: Columns) -> bytes:
    """The index as bytes."""
    kept = _Kept(
        b"\0".join(columns.paths),
        *(getattr(columns, name).tobytes() for name in _ARRAYS),
        *(getattr(columns, name) for name in _TABLES),
    )
    raw = msgspec.msgpack.encode(kept)
    return _MAGIC + zlib.crc32(raw).to_bytes(4, "big") + raw


def decode(data: bytes) -> Columns | None:
    """The index from bytes; None for what is none of this kind, or damaged: then it is made anew."""
    body = memoryview(data)[len(_MAGIC) + 4 :]
    if not data.startswith(_MAGIC) or zlib.crc32(body).to_bytes(4, "big") != data[len(_MAGIC) : len(_MAGIC) + 4]:
        return None
    try:
        kept = msgspec.msgpack.decode(body, type=_Kept)
    except msgspec.MsgspecError:
        return None
    columns = Columns(kept.paths.split(b"\0"))
    for name in _ARRAYS:
        getattr(columns, name).frombytes(getattr(kept, name))
    for name in _TABLES:
        setattr(columns, name, getattr(kept, name))
    return columns
