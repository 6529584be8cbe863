"""Sparse files in tar archives: the four forms of GNU tar (GNU tar manual, "Storing Sparse Files").

A map lists the pieces that hold data, as (offset, length) in bytes of the unpacked file; the rest are holes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from engine.errors import LayerError
from engine.layers import header, pax

PIECES_LIMIT = 1_000_000
"""Pieces of one file: more than any real file has, few enough to hold in memory."""

_NUMBER = re.compile(rb"[0-9]{1,19}")


class SparseMap(NamedTuple):
    """Where a sparse file's data belongs, and how long the whole file is."""

    pieces: list[tuple[int, int]]
    size: int


def from_pax(records: pax.Records, data_size: int) -> SparseMap | None:
    """The map of forms 0.0 and 0.1, from the extended header; None: not sparse, or form 1.0. Raises LayerError."""
    if "GNU.sparse.map" not in records or "GNU.sparse.size" not in records:
        return None
    return _checked(
        [_count(part) for part in records["GNU.sparse.map"].split(b",")] if records["GNU.sparse.map"] else [],
        _count(records["GNU.sparse.size"]),
        data_size,
    )


def is_version_1(records: pax.Records) -> bool:
    """True where the map stands before the data (form 1.0)."""
    return records.get("GNU.sparse.major") == b"1" and records.get("GNU.sparse.minor") == b"0"


def from_data(take: Callable[[], bytes], real_size: bytes, data_size: int) -> tuple[SparseMap, int]:
    """Read the map of form 1.0, block by block with `take`; return it and how many bytes it took. Raises LayerError."""
    used = 0

    def lines() -> Iterator[bytes]:
        nonlocal used
        rest = b""
        while used + header.BLOCK <= data_size and len(rest) < 20:
            used += header.BLOCK
            *whole, rest = (rest + take()).split(b"\n")
            yield from whole
        raise LayerError("a sparse file's map is malformed, or longer than its data")

    numbers = map(_count, lines())
    count = next(numbers)
    if count > PIECES_LIMIT:
        raise LayerError(f"a sparse file has more than {PIECES_LIMIT} pieces")
    pieces = list(islice(numbers, 2 * count))
    return _checked(pieces, _count(real_size), data_size - used), used


def from_old_gnu(raw: bytes, take: Callable[[], bytes], data_size: int) -> SparseMap:
    """Read the map of the old GNU form, in the header block and in extension blocks after it. Raises LayerError."""
    numbers: list[int] = []
    real_size = header.number(raw[483:495])
    table, more = raw[386:482], raw[482]
    while True:
        for at in range(0, len(table), 24):
            if not table[at]:
                break
            numbers += header.number(table[at : at + 12]), header.number(table[at + 12 : at + 24])
        if not more:
            return _checked(numbers, real_size, data_size)
        if len(numbers) > 2 * PIECES_LIMIT:
            raise LayerError(f"a sparse file has more than {PIECES_LIMIT} pieces")
        raw = take()
        table, more = raw[:504], raw[504]


def _count(value: bytes) -> int:
    if _NUMBER.fullmatch(value) is None:
        raise LayerError("a sparse file's map is malformed")
    return int(value)


def _checked(numbers: Iterable[int], size: int, data_size: int) -> SparseMap:
    values = list(numbers)
    if len(values) % 2 or len(values) > 2 * PIECES_LIMIT:
        raise LayerError("a sparse file's map is malformed")
    pieces = list(zip(values[::2], values[1::2], strict=True))
    end = 0
    for offset, length in pieces:
        if length < 0 or offset < end or offset + length > size:
            raise LayerError("a sparse file's map has pieces that overlap or lie outside the file")
        end = offset + length
    if sum(length for _, length in pieces) != data_size:
        raise LayerError("a sparse file's map does not fit its data")
    return SparseMap(pieces, size)
