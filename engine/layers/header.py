"""One 512-byte tar header block, read strictly: ustar, v7, star and GNU.

Sources: POSIX.1-2017 pax(1), "ustar Interchange Format"; GNU tar manual, "Basic Tar Format".
Where two programs could read one block in two ways, the block is refused.
"""

from __future__ import annotations

import re
import struct
import zlib
from functools import lru_cache
from typing import NamedTuple

from engine.errors import LayerError

BLOCK = 512

_FIELDS = struct.Struct("100s 8s 8s 8s 12s 12s 8s c 100s 8s 64x 8s 8s 155s 12s")
_unpack = _FIELDS.unpack
_make = tuple.__new__
_OCTAL = re.compile(rb" *([0-7]*)[ \0]*")
_adler = zlib.adler32
NO_PREFIX = bytes(155)


class Block(NamedTuple):
    """The fields of a header block, not yet interpreted; `magic` is the 8 bytes of magic and version. The names of
    user and group are left out: nobody looks at them."""

    name: bytes
    mode: bytes
    uid: bytes
    gid: bytes
    size: bytes
    mtime: bytes
    checksum: bytes
    kind: bytes
    target: bytes
    magic: bytes
    major: bytes
    minor: bytes
    prefix: bytes
    tail: bytes


def read_block(raw: bytes) -> Block:
    """Split a header block after checking its checksum. Raises LayerError."""
    if not is_sound(raw):
        raise LayerError("a tar header has a wrong checksum: the layer is damaged, or no tar archive")
    return _make(Block, _unpack(raw))


def is_sound(raw: bytes) -> bool:
    """Whether a block's checksum is right. Raises LayerError where it is none."""
    # The low half of Adler-32 is one plus the sum of all bytes, at a tenth of the cost of adding in Python. It is
    # modulo 65521, which neither the sum of a block of ASCII can reach nor that of half a block.
    wanted = _adler_by(raw[148:156])
    if raw.isascii():
        return _adler(raw) & 0xFFFF == wanted
    return (_adler(raw[:256]) & 0xFFFF) + (_adler(raw[256:]) & 0xFFFF) == wanted + 1


@lru_cache(maxsize=4096)
def _adler_by(field: bytes) -> int:
    """What the low half of a block's Adler-32 is by its checksum field: that counts itself as spaces."""
    return number(field) - 8 * 0x20 + sum(field) + 1


@lru_cache(maxsize=4096)
def number(field: bytes) -> int:
    """A number: octal digits, or base-256 where the first bit is set (GNU); may be negative. Raises LayerError."""
    if (digits := field[:-1]).isdigit() and field[-1] in b"\0 " and not (b"8" in digits or b"9" in digits):
        return int(digits, 8)  # how nearly every writer writes
    if field[0] & 0x80:
        bits = 8 * len(field) - 1
        value = int.from_bytes(field, "big") & ((1 << bits) - 1)
        return value - (1 << bits) if value >> (bits - 1) else value
    match = _OCTAL.fullmatch(field)
    if match is None:
        raise LayerError(f"a tar header has a number that is none: {field!r}")
    return int(match[1], 8) if match[1] else 0


def text(field: bytes) -> bytes:
    """A name field up to its NUL. Raises LayerError where something stands behind the NUL: other readers may see it."""
    value = field.rstrip(b"\0")
    if b"\0" in value:
        raise LayerError(f"a tar header has a NUL inside a name: {field.rstrip(bytes(1))!r}")
    return value


def full_name(block: Block) -> bytes:
    """The entry's name, joined with the prefix where the format has one (POSIX ustar; star has a shorter one)."""
    if block.prefix == NO_PREFIX or block.magic[:6] != b"ustar\0":
        return text(block.name)  # v7, or GNU, which keeps other things in the prefix's place
    prefix = text(block.prefix[:131] if block.tail.endswith(b"tar\0") else block.prefix)
    return prefix + b"/" + text(block.name) if prefix else text(block.name)
