"""Whether a zstd stream ends where a frame does: the frames are followed on their compressed side (RFC 8878, 3.1).

The decompressor gives what it has, and does not say that the last frame lacks its end. Blocks are stepped over by the
size that stands before each, so that this costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Generator

from engine.layers.stream import Source

_FRAME, _SKIPPABLE = 0xFD2FB528, 0x184D2A50
_MAGIC = 4  # bytes
_RLE = 1  # the block type that has one byte, however many it stands for

_Walk = Generator[tuple[int, int], int, None]
"""Gives how many bytes to step over, and of how many the field behind them is; gets that field as a number."""


class Frames:
    """A source of zstd frames that is read through. What is no zstd at all is not judged: the decompressor says so."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._walk: _Walk | None = _walk()
        self._skip, self._size = next(self._walk)
        self._field = b""

    @property
    def whole(self) -> bool:
        """Whether what was read ends where a frame does."""
        return self._walk is None or (self._size == _MAGIC and not self._skip and not self._field)

    def read(self, size: int, /) -> bytes:
        data = self._source.read(size)
        at = 0
        while self._walk is not None and at < len(data):
            if self._skip:
                at += (step := min(self._skip, len(data) - at))
                self._skip -= step
                continue
            self._field += data[at : (at := at + self._size - len(self._field))]
            if len(self._field) == self._size:
                try:
                    self._skip, self._size = self._walk.send(int.from_bytes(self._field, "little"))
                except StopIteration:
                    self._walk = None
                self._field = b""
        return data


def _walk() -> _Walk:
    """Over frame after frame. A field of the magic number's size stands between frames alone."""
    skip = 0
    while True:
        magic = yield skip, _MAGIC
        if magic & ~0xF == _SKIPPABLE:
            low = yield 0, 3  # in two parts, so that the size is not taken for a magic number
            skip = low | (yield 0, 1) << 24
        elif magic == _FRAME:
            skip = yield from _frame()
        else:
            return


def _frame() -> Generator[tuple[int, int], int, int]:
    """Up to the last block's content; how many bytes follow from there on."""
    told = yield 0, 1
    single = told >> 5 & 1
    size = (single, 2, 4, 8)[told >> 6]  # of the content's size, as a field
    skip = (0 if single else 1) + (0, 1, 2, 4)[told & 3] + size
    while True:
        block = yield skip, 3
        skip = 1 if block >> 1 & 3 == _RLE else block >> 3
        if block & 1:
            return skip + (4 if told >> 2 & 1 else 0)
