"""Archives that come from elsewhere, plain or compressed by any of the usual programs: their tar stream.

Unlike a layer's blob such a stream has no digest to be held to, so that its end has to be seen.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any

from engine.errors import ContentError, HostError
from engine.layers.stream import CHUNK, Counted, Source

_MAGIC = 6
_ZSTD = b"\x28\xb5\x2f\xfd"
_ZSTD_INPUT = 1024  # bytes; zstd may make 32,000 times as many of them, and they are held in memory


class ChunkSource:
    """Chunks as an engine.layers.stream.Source."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._held = b""

    def read(self, size: int, /) -> bytes:
        if not self._held:
            self._held = next(self._chunks, b"")
        data, self._held = self._held[:size], self._held[size:]
        return data


def is_compressed(first: bytes) -> bool:
    """Whether an archive with these first bytes is compressed in a way that `plain` knows."""
    return first.startswith(_ZSTD) or _decoder(first) is not None


def plain(source: Source, what: str) -> Iterator[bytes]:
    """The tar stream in an archive, by what its first bytes are, whatever it is called.

    Raises ContentError, naming `what`, where it is damaged or cut short, HostError where this Python has no decoder for
    it, and what reading raises.
    """
    counted = Counted(source)
    first = counted.peek(_MAGIC)
    if first.startswith(_ZSTD):
        return _frames(counted, what)
    if (make := _decoder(first)) is not None:
        return _members(counted, make, what)
    return iter(lambda: counted.read(CHUNK), b"")


def _decoder(first: bytes) -> Callable[[], Any] | None:
    if first.startswith(b"\x1f\x8b"):
        from isal import igzip_lib

        return lambda: igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    if first.startswith(b"\xfd7zXZ\x00"):
        return lambda: _of_python("lzma", "LZMADecompressor")
    if first.startswith(b"BZh"):
        return lambda: _of_python("bz2", "BZ2Decompressor")
    return None


def _of_python(module: str, name: str) -> Any:
    """A decoder of the standard library's. Python can be built without these, and is, where their headers are not."""
    try:
        return getattr(importlib.import_module(module), name)()
    except ImportError as error:
        raise HostError(f"this Python was built without {module}, which is needed to decompress it") from error


def _members(source: Counted, make: Callable[[], Any], what: str) -> Iterator[bytes]:
    """All members of a compressed stream, one after the other, in bounded pieces."""
    data = source.read()
    while data:
        reader = make()
        while not reader.eof:
            try:
                chunk = reader.decompress(data, CHUNK)
            except Exception as error:  # each decoder has a class of its own for it
                raise ContentError(f"{what} is damaged: {error}") from error
            if chunk:
                yield chunk
            if reader.eof:
                break
            data = source.read() if reader.needs_input else b""
            if reader.needs_input and not data:
                raise _cut_short(what)
        data = reader.unused_data or source.read()


def _frames(source: Counted, what: str) -> Iterator[bytes]:
    import zstandard

    reader: Any = None
    while data := source.read(_ZSTD_INPUT):
        while data:
            reader = reader or zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()
            try:
                chunk = reader.decompress(data)
            except zstandard.ZstdError as error:
                raise ContentError(f"{what} is damaged: {error}") from error
            if chunk:
                yield chunk
            data = b""
            if reader.eof:
                data, reader = reader.unused_data, None
    if reader is not None:
        raise _cut_short(what)


def _cut_short(what: str) -> ContentError:
    return ContentError(f"{what} is damaged: it ends too early")
