"""Extended headers: PAX records (POSIX.1-2017 pax(1), "pax Extended Header") and what the engine takes from them."""

from __future__ import annotations

import re

from engine.errors import LayerError
from engine.layers.names import shown
from engine.text import visible

XATTR = "SCHILY.xattr."
XATTR_LIMIT = 65536
"""Bytes; the kernel's XATTR_SIZE_MAX (xattr(7))."""

_SPARSE_PIECE = frozenset({"GNU.sparse.offset", "GNU.sparse.numbytes"})
_LENGTH = re.compile(rb"([1-9][0-9]{0,9}) ")
_DECIMAL = re.compile(rb"[0-9]{1,20}")
_TIME = re.compile(rb"(-?)([0-9]{1,18})(?:\.([0-9]*))?")

Records = dict[str, bytes]


def parse(raw: bytes) -> Records:
    """The records of one extended header, by keyword; a later record wins. Raises LayerError."""
    records: Records = {}
    at = 0
    while at < len(raw):
        match = _LENGTH.match(raw, at)
        if match is None:
            raise LayerError("an extended tar header (PAX) is malformed: no record length")
        end = at + int(match[1])
        keyword, equals, value = raw[match.end() : end - 1].partition(b"=")
        if end > len(raw) or end <= match.end() or raw[end - 1 : end] != b"\n" or not equals or not keyword:
            raise LayerError("an extended tar header (PAX) is malformed: a record does not end where it says")
        name = keyword.decode("utf-8", "surrogateescape")
        if "\0" in name:
            raise LayerError("an extended tar header (PAX) has a NUL in a keyword")
        if name in _SPARSE_PIECE:  # form 0.0 repeats these; written as form 0.1 writes its map
            records["GNU.sparse.map"] = (
                records["GNU.sparse.map"] + b"," + value if "GNU.sparse.map" in records else value
            )
        else:
            records[name] = value
        at = end
    return records


def path(value: bytes) -> bytes:
    """A name from a record. Raises LayerError."""
    if b"\0" in value:
        raise LayerError(f"a name with a NUL in it: {shown(value)}")
    return value


def integer(value: bytes, what: str) -> int:
    """A count from a record. Raises LayerError: negative numbers, signs and spaces included."""
    if _DECIMAL.fullmatch(value) is None:
        raise LayerError(f"an extended tar header (PAX) has a bad {what}: {shown(value)}")
    return int(value)


def nanoseconds(value: bytes) -> int:
    """A time from a record: decimal seconds since the epoch, cut to nanoseconds. Raises LayerError."""
    match = _TIME.fullmatch(value)
    if match is None:
        raise LayerError(f"an extended tar header (PAX) has a bad time: {shown(value)}")
    count = int(match[2]) * 10**9 + int((match[3] or b"").ljust(9, b"0")[:9])
    return -count if match[1] else count


def xattrs(records: Records) -> dict[str, bytes] | None:
    """The extended attributes among the records, None where there are none. Raises LayerError."""
    found = None
    for keyword, value in records.items():
        if keyword.startswith(XATTR):
            name = keyword[len(XATTR) :]
            if len(value) > XATTR_LIMIT or not 0 < len(name) < 256:
                raise LayerError(f"an extended attribute is over {XATTR_LIMIT} bytes: {visible(name)[:100]}")
            found = found or {}
            found[name] = value
    return found
