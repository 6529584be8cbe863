"""Writing layers: a tar stream that is the same, byte for byte, for the same entries; and its compressed blob.

Headers are ustar, with an extended header (PAX) before those that ustar cannot hold (POSIX.1-2017 pax(1)).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from engine.disk import store_error
from engine.errors import StoreError
from engine.jobs import CancelToken
from engine.layers import names, pax
from engine.layers.archive import Kind
from engine.layers.compress import BuiltLayer, Compression, compress
from engine.layers.copying import data_pieces, has_holes
from engine.layers.header import BLOCK
from engine.layers.names import shown

__all__ = ["BuiltLayer", "Entry", "Kind", "build_layer", "opaque", "plain_header", "whiteout", "write_layer"]

_TYPES = {
    Kind.FILE: b"0",
    Kind.LINK: b"1",
    Kind.SYMLINK: b"2",
    Kind.CHARACTER: b"3",
    Kind.BLOCK: b"4",
    Kind.DIRECTORY: b"5",
    Kind.FIFO: b"6",
}
_PIECE = 256 * 1024
_NOTHING = bytes(_PIECE)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing in a layer.

    `path` is relative to the root, without leading slash ("" is the root itself); `mtime_ns` is nanoseconds since the
    epoch; `content` is a file's bytes, or the file on this host to read them from, by its path or open; `target` is
    what a symbolic link says, or the path in the layer that a hard link shares; `device` is (major, minor).
    """

    path: str
    kind: Kind = Kind.FILE
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    mtime_ns: int = 0
    content: bytes | Path | int = b""
    target: str = ""
    device: tuple[int, int] = (0, 0)
    xattrs: Mapping[str, bytes] = field(default_factory=dict)


def whiteout(path: str, *, mtime_ns: int = 0) -> Entry:
    """The entry that hides `path` of the layers below (image-spec layer.md, "Whiteouts")."""
    parent, _, base = path.rpartition("/")
    name = names.WHITEOUT.decode() + base
    return Entry(f"{parent}/{name}" if parent else name, mtime_ns=mtime_ns)


def opaque(path: str, *, mtime_ns: int = 0) -> Entry:
    """The entry that hides all that the layers below have in the directory `path` ("" is the root)."""
    name = names.OPAQUE.decode()
    return Entry(f"{path}/{name}" if path else name, mtime_ns=mtime_ns)


def write_layer(entries: Iterable[Entry], out: BinaryIO) -> None:
    """Write a tar archive of `entries`, in order. Raises StoreError if a file cannot be read; OSError of `out`."""
    for piece in _pieces(entries):
        out.write(piece)


def build_layer(
    entries: Iterable[Entry],
    out: BinaryIO,
    *,
    kind: Compression = Compression.GZIP,
    level: int | None = None,
    on_progress: Callable[[int], None] = lambda done: None,
    token: CancelToken | None = None,
) -> BuiltLayer:
    """Write a layer blob of `entries`, in their order. Raises what `write_layer` and `compress` raise."""
    return compress(_pieces(entries), out, kind=kind, level=level, on_progress=on_progress, token=token)


def _pieces(entries: Iterable[Entry]) -> Iterator[bytes]:
    for entry in entries:
        if isinstance(entry.content, int):
            yield from _from_file(entry, entry.content)
        elif isinstance(entry.content, bytes):
            size = len(entry.content) if entry.kind is Kind.FILE else 0
            yield _headers(entry, size)
            if size:
                yield entry.content + bytes(-size % BLOCK)
        else:
            yield from _from_path(entry, entry.content)
    yield bytes(2 * BLOCK)


def _from_path(entry: Entry, path: Path) -> Iterator[bytes]:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise store_error(error, f"cannot read {path}") from error
    try:
        yield from _from_file(entry, handle)
    finally:
        os.close(handle)


def _from_file(entry: Entry, handle: int) -> Iterator[bytes]:
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise StoreError(f"{shown(os.fsencode(entry.path))} is no regular file")
        yield _headers(entry, status.st_size)
        at, size = 0, status.st_size
        for start, length in data_pieces(handle, size) if has_holes(status) else [(0, size)]:
            yield from _zeros(start - at)
            at, end = start, start + length
            while at < end:
                piece = os.pread(handle, min(end - at, _PIECE), at)
                if not piece:
                    raise StoreError(
                        f"{shown(os.fsencode(entry.path))} became shorter while it was read",
                        hint="Try again when nothing writes to it.",
                    )
                at += len(piece)
                yield piece
        if at % BLOCK:
            yield bytes(-at % BLOCK)
    except OSError as error:
        raise store_error(error, f"cannot read {shown(os.fsencode(entry.path))}") from error


def _zeros(count: int) -> Iterator[bytes]:
    """A hole: podman and docker cannot give away again what has the headers of sparse files."""
    for at in range(0, count, _PIECE):
        yield _NOTHING[: count - at]


def _headers(entry: Entry, size: int) -> bytes:
    """The entry's header block, behind an extended header where it needs one."""
    name = os.fsencode(entry.path) or b"."
    if entry.kind is Kind.DIRECTORY:
        name += b"/"
    target = os.fsencode(entry.target)
    records = {pax.XATTR + key: value for key, value in entry.xattrs.items()}
    seconds, fraction = divmod(entry.mtime_ns, 10**9)
    if len(name) > 100:
        records["path"] = name
    if len(target) > 100:
        records["linkpath"] = target
    if fraction or not 0 <= seconds < 8**11:
        records["mtime"] = _decimal(entry.mtime_ns)
        seconds = min(max(seconds, 0), 8**11 - 1)
    for key, value, most in (("uid", entry.uid, 8**7 - 1), ("gid", entry.gid, 8**7 - 1), ("size", size, 8**11 - 1)):
        if value > most:
            records[key] = b"%d" % value
    block = _block(
        name[:100],
        entry.mode & 0o7777,
        0 if "uid" in records else entry.uid,
        0 if "gid" in records else entry.gid,
        0 if "size" in records else size,
        seconds,
        _TYPES[entry.kind],
        target[:100],
        entry.device,
    )
    if not records:
        return block
    raw = b"".join(_record(key, value) for key, value in sorted(records.items()))
    extension = _block(b"././@PaxHeader", 0o644, 0, 0, len(raw), 0, b"x", b"", (0, 0))
    return extension + raw + bytes(-len(raw) % BLOCK) + block


def plain_header(name: str, size: int) -> bytes:
    """The one block before a regular file of an image archive, of no time and root's; `name` has at most 100 bytes.

    A size that octal digits cannot tell is written in base 256 (GNU tar manual, "Basic Tar Format").
    """
    raw = os.fsencode(name)
    if len(raw) > 100:
        raise ValueError(f"too long a name: {name}")
    block = _block(raw, 0o644, 0, 0, size if size < 8**11 else 0, 0, b"0", b"", (0, 0))
    if size < 8**11:
        return block
    fields = block[:124] + b"\x80" + size.to_bytes(11, "big") + block[136:]
    return _summed(fields)


def _block(
    name: bytes,
    mode: int,
    uid: int,
    gid: int,
    size: int,
    mtime: int,
    kind: bytes,
    target: bytes,
    device: tuple[int, int],
) -> bytes:
    fields = (
        name.ljust(100, b"\0"),
        b"%07o\0%07o\0%07o\0%011o\0%011o\0" % (mode, uid, gid, size, mtime),
        b" " * 8,
        kind,
        target.ljust(100, b"\0"),
        b"ustar\x0000",
        bytes(64),  # no names of owners: they mean nothing in an image
        b"%07o\0%07o\0" % device,
        bytes(167),
    )
    return _summed(b"".join(fields))


def _summed(block: bytes) -> bytes:
    """The block with its checksum, which is made with blanks in its place."""
    block = block[:148] + b" " * 8 + block[156:]
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def _record(key: str, value: bytes) -> bytes:
    """One PAX record: its own length in decimal, itself included, then the rest."""
    rest = b" " + os.fsencode(key) + b"=" + value + b"\n"
    length = len(rest) + 1
    while len(b"%d" % length) + len(rest) != length:
        length += 1
    return b"%d" % length + rest


def _decimal(nanoseconds: int) -> bytes:
    seconds, fraction = divmod(abs(nanoseconds), 10**9)
    sign = b"-" if nanoseconds < 0 else b""
    return b"%s%d.%09d" % (sign, seconds, fraction)
