"""A tar stream as entries: extended headers joined with the headers they belong to, sparse maps read, sizes kept.

Rules beyond the format's own: one extended header of each kind per entry, no number that is negative or beyond its
range, no NUL in a name, a data size within the limit, known entry types alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import NamedTuple

from engine.errors import LayerError
from engine.layers import header, pax, sparse
from engine.layers.header import number
from engine.layers.limits import Limits
from engine.layers.names import shown
from engine.layers.stream import is_nothing

_ZEROS = bytes(header.BLOCK)
_EXTENSION_LIMIT = 1 << 20  # bytes of one extended header; what Go's archive/tar, and so docker and podman, allow
_LARGEST_ID = (1 << 32) - 2  # 2^32 - 1 is "no id" (chown(2))
_LARGEST_TIME = (1 << 62) * 1_000_000_000  # nanoseconds
_KNOWN = 1000  # kinds of headers that are kept
_SMALL = 8192  # bytes that are copied in less time than a view of them is made


class Kind(Enum):
    """What an entry is."""

    FILE = "file"
    LINK = "hard link"
    SYMLINK = "symbolic link"
    CHARACTER = "character device"
    BLOCK = "block device"
    DIRECTORY = "directory"
    FIFO = "FIFO"


_KINDS = {
    b"0": Kind.FILE,
    b"\0": Kind.FILE,
    b"7": Kind.FILE,
    b"S": Kind.FILE,
    b"1": Kind.LINK,
    b"2": Kind.SYMLINK,
    b"3": Kind.CHARACTER,
    b"4": Kind.BLOCK,
    b"5": Kind.DIRECTORY,
    b"6": Kind.FIFO,
}


_FILE, _LINK, _SYMLINK = Kind.FILE, Kind.LINK, Kind.SYMLINK  # an enum's own look-up costs as much as a call


class Member(NamedTuple):
    """One entry of the archive as its headers tell it.

    `mtime` is nanoseconds since the epoch, `size` bytes of the file in the end; `name` and `target` are raw.
    """

    name: bytes
    kind: Kind
    mode: int
    uid: int
    gid: int
    size: int
    mtime: int
    target: bytes
    device: tuple[int, int]
    xattrs: dict[str, bytes] | None
    holes: sparse.SparseMap | None


class Archive:
    """Reads entries one after the other from the chunks of a tar stream."""

    def __init__(self, chunks: Iterable[bytes], limits: Limits) -> None:
        self._chunks: Iterator[bytes] = iter(chunks)
        self._buffer = b""
        self._at = 0
        self._left = 0  # bytes of the present entry's data not taken yet
        self._padding = 0  # bytes behind them, up to the next block
        self._limits = limits
        self._known: dict[bytes, tuple[Kind, int, int, int]] = {}  # what the rest of a header says

    def next(self) -> Member | None:
        """The next entry, None at the archive's end. Data of the present one that was not taken is skipped.

        Raises LayerError.
        """
        if skip := self._left + self._padding:
            self._skip(skip)
            self._left = self._padding = 0
        records: pax.Records | None = None
        name = target = None
        while raw := self._block():
            if raw == _ZEROS:
                break
            if records is None and name is None and target is None and (member := self._alike(raw)) is not None:
                return member
            block = header.read_block(raw)
            kind = block.kind
            if kind in _KINDS:
                return self._entry(raw, block, records, name, target)
            if kind == b"x" and records is None:
                records = pax.parse(self._extension(block))
            elif kind == b"g":
                pax.parse(self._extension(block))  # docker and podman take nothing from it either
            elif kind == b"L" and name is None:
                name = header.text(self._extension(block))
            elif kind == b"K" and target is None:
                target = header.text(self._extension(block))
            elif kind in b"xLK":
                raise LayerError("two extended tar headers of one kind stand before one entry")
            else:
                raise LayerError(f"a tar entry of an unknown type, {kind!r}: {shown(header.full_name(block))}")
        if records is not None or name is not None or target is not None:
            raise LayerError("the archive ends after an extended tar header")
        if raw:
            self._end()
        return None

    def _alike(self, raw: bytes) -> Member | None:
        """The entry of a header that differs from an earlier one's in name, size and time alone, as most do; None for
        any other. What both have in common has been looked at, and costs nothing a second time."""
        known = self._known.get(raw[100:124] + raw[156:])
        name = raw[:100].rstrip(b"\0")
        if known is None or b"\0" in name or not header.is_sound(raw):
            return None
        size, mtime = number(raw[124:136]), number(raw[136:148]) * 1_000_000_000
        if not 0 <= size <= self._limits.size or not -_LARGEST_TIME <= mtime <= _LARGEST_TIME:
            return None
        kind, mode, uid, gid = known
        if kind is _FILE:
            self._left, self._padding = size, -size % header.BLOCK
        return Member(name, kind, mode, uid, gid, size, mtime, b"", (0, 0), None, None)

    def copy(self, handle: int, member: Member) -> None:
        """Write the present entry's data to a file. Raises LayerError, OSError."""
        if member.holes is None:
            at, end = self._at, self._at + self._left
            if end <= len(self._buffer):  # nearly every file lies within one chunk
                self._at, self._left = end, 0
                small = end - at < _SMALL
                write_all(handle, self._buffer[at:end] if small else memoryview(self._buffer)[at:end])
                return
            for piece in self._pieces(self._left):
                if is_nothing(piece):
                    os.lseek(handle, len(piece), os.SEEK_CUR)  # a hole, as it may have been where it comes from
                else:
                    write_all(handle, piece)
            os.ftruncate(handle, member.size)  # it may end with a hole
        else:
            for offset, length in member.holes.pieces:
                os.lseek(handle, offset, os.SEEK_SET)
                for piece in self._pieces(length):
                    write_all(handle, piece)
            os.ftruncate(handle, member.holes.size)

    def _entry(
        self, raw: bytes, block: header.Block, records: pax.Records | None, name: bytes | None, target: bytes | None
    ) -> Member:
        if name is None:
            name = header.full_name(block)
        kind = _KINDS[block.kind]
        if kind is _LINK or kind is _SYMLINK:
            target = header.text(block.target) if target is None else target
        mode, uid, gid = number(block.mode), number(block.uid), number(block.gid)
        size, mtime = number(block.size), number(block.mtime) * 1_000_000_000
        device = (0, 0)
        xattrs = holes = None
        if records:
            name = pax.path(records.get("path") or name)
            if target is not None:
                target = pax.path(records.get("linkpath") or target)
            uid = pax.integer(records["uid"], "uid") if records.get("uid") else uid
            gid = pax.integer(records["gid"], "gid") if records.get("gid") else gid
            size = pax.integer(records["size"], "size") if records.get("size") else size
            mtime = pax.nanoseconds(records["mtime"]) if records.get("mtime") else mtime
            xattrs = pax.xattrs(records)
        if not 0 <= uid <= _LARGEST_ID >= gid >= 0:
            raise LayerError(f"an owner that no Linux system can have, {uid}:{gid}: {shown(name)}")
        if size < 0 or mode < 0 or not -_LARGEST_TIME <= mtime <= _LARGEST_TIME:
            raise LayerError(f"a negative size or mode, or an impossible time: {shown(name)}")
        if kind is _FILE:
            if block.kind == b"\0" and name.endswith(b"/"):
                kind = Kind.DIRECTORY  # how v7 archives say it
            else:
                if size > self._limits.size:
                    raise self._too_long(size, name)
                self._left, self._padding = size, -size % header.BLOCK
                if records or block.kind == b"S":
                    holes = self._sparse(raw, block, records or {})
                if holes is not None:
                    size = holes.size
                    name = pax.path((records or {}).get("GNU.sparse.name") or name)
                    if size > self._limits.size:
                        raise self._too_long(size, name)
        elif kind is Kind.CHARACTER or kind is Kind.BLOCK:
            device = (number(block.major), number(block.minor))
        if records is None and block.kind in b"05" and block.prefix == header.NO_PREFIX:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            self._known[raw[100:124] + raw[156:]] = (kind, mode & 0o7777, uid, gid)
        # Entries of other kinds have no data, whatever their size says: so read Go's archive/tar and GNU tar.
        return Member(name, kind, mode & 0o7777, uid, gid, size, mtime, target or b"", device, xattrs, holes)

    def _sparse(self, raw: bytes, block: header.Block, records: pax.Records) -> sparse.SparseMap | None:
        if block.kind == b"S":
            return sparse.from_old_gnu(raw, self._take_block, self._left)
        if sparse.is_version_1(records):
            holes, used = sparse.from_data(self._take_block, records.get("GNU.sparse.realsize", b""), self._left)
            self._left -= used
            return holes
        return sparse.from_pax(records, self._left)

    def _extension(self, block: header.Block) -> bytes:
        size = header.number(block.size)
        if not 0 <= size <= _EXTENSION_LIMIT:
            raise LayerError(f"an extended tar header of {size} bytes; at most {_EXTENSION_LIMIT} are taken")
        data = b"".join(bytes(piece) for piece in self._pieces(size))
        self._skip(-size % header.BLOCK)
        return data

    def _too_long(self, size: int, name: bytes) -> LayerError:
        return LayerError(
            f"a file of {size} bytes, more than a whole layer may have: {shown(name)}", hint=self._limits.hint("size")
        )

    def _block(self) -> bytes:
        """One block; empty where the stream ends before it."""
        at, end = self._at, self._at + header.BLOCK
        if end <= len(self._buffer):
            self._at = end
            return self._buffer[at:end]
        if at == len(self._buffer) and not self._more():
            return b""
        return b"".join(bytes(piece) for piece in self._raw(header.BLOCK))

    def _take_block(self) -> bytes:
        block = self._block()
        if not block:
            raise _truncated()
        return block

    def _pieces(self, size: int) -> Iterator[memoryview]:
        """The next `size` bytes, counted off the present entry's data."""
        self._left = max(0, self._left - size)
        return self._raw(size)

    def _raw(self, size: int) -> Iterator[memoryview]:
        while size:
            here = min(size, len(self._buffer) - self._at)
            if here:
                piece = memoryview(self._buffer)[self._at : self._at + here]
                self._at += here
                size -= here
                yield piece
            elif not self._more():
                raise _truncated()

    def _skip(self, size: int) -> None:
        here = len(self._buffer) - self._at
        while size > here:
            size -= here
            if not self._more():
                raise _truncated()
            here = len(self._buffer)
        self._at += size

    def _more(self) -> bool:
        """Go on to the next chunk; the present one must be used up or dropped."""
        self._buffer, self._at = next(self._chunks, b""), 0
        return bool(self._buffer)

    def _end(self) -> None:
        """Behind the first of two zero blocks: read on to the stream's end, so that its hash is complete."""
        second = self._block()
        if second and second != _ZEROS:
            raise LayerError("a zero block stands between the entries of the archive")
        after = len(self._buffer) - self._at
        while after <= self._limits.after_end and self._more():
            after += len(self._buffer)
        if after > self._limits.after_end:
            raise LayerError(
                f"more than {self._limits.after_end} bytes follow the end of the archive",
                hint=self._limits.hint("after_end"),
            )


def write_all(handle: int, data: bytes | memoryview) -> None:
    """write(2) until everything is written. Raises OSError."""
    written = os.write(handle, data)
    while written < len(data):
        written += os.write(handle, data[written:])


def _truncated() -> LayerError:
    return LayerError("the tar archive ends in the middle of an entry")
