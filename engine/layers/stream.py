"""Compressed bytes in, the tar stream's bytes out: sources, decompression by magic, and a thread that runs ahead.

Docker and OCI media types are often wrong about compression, so only the first bytes decide. gzip may have several
members (RFC 1952, 2.2), zstd several frames and skippable ones (RFC 8878, 3.1).
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from engine.errors import LayerError
from engine.layers.limits import Limits

if TYPE_CHECKING:
    from hashlib import _Hash

    from zstandard import ZstdDecompressor

    from engine.layers.frames import Frames

CHUNK = 256 * 1024
"""Bytes that go through inflate, hash and parser at a time: they stay in the processor's cache."""

_NOTHING = bytes(CHUNK)
_INPUT = 64 * 1024
_AHEAD = 8  # chunks that may wait for the parser
_ZSTD_WINDOW = 1 << 27  # bytes; the default bound of zstd(1), --memory

_FOREIGN = {b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"\x04\x22\x4d\x18": "lz4", b"\x1f\x9d": "compress"}


class Source(Protocol):
    """Where compressed bytes come from. A source may block until more has arrived (a download under way)."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; empty at the end alone."""


class FileSource:
    """A whole file, by its descriptor."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def read(self, size: int, /) -> bytes:
        return os.read(self._handle, size)


class Counted:
    """A source that counts what was taken from it, and gives back what was looked at first."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._head = b""
        self.taken = 0

    def peek(self, size: int) -> bytes:
        """The first bytes, without taking them."""
        while len(self._head) < size and (more := self._source.read(size - len(self._head))):
            self._head += more
        return self._head

    def read(self, size: int = _INPUT, /) -> bytes:
        if self._head:
            data, self._head = self._head[:size], self._head[size:]
        else:
            data = self._source.read(size)
        self.taken += len(data)
        return data


def decompressed(source: Counted) -> Iterator[bytes]:
    """The uncompressed stream in chunks of at most CHUNK bytes. Raises LayerError where it is damaged or unfinished."""
    magic = source.peek(6)
    for foreign, name in _FOREIGN.items():
        if magic.startswith(foreign):
            raise LayerError(
                f"the layer is compressed with {name}",
                hint="Image layers are plain, gzip or zstd (image-spec layer.md). Build or push the image again.",
            )
    if magic.startswith(b"\x1f\x8b"):
        from isal import igzip_lib  # now: the worker can load nothing once its root is the layer's

        return _gzip(source, igzip_lib)
    if magic.startswith(b"\x28\xb5\x2f\xfd") or (magic[1:4] == b"\x2a\x4d\x18" and magic[0] & 0xF0 == 0x50):
        import zstandard

        from engine.layers.frames import Frames

        decoder = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
        return _zstd(Frames(source), decoder, zstandard.ZstdError)
    return iter(lambda: source.read(CHUNK), b"")


def _gzip(source: Counted, igzip_lib: Any) -> Iterator[bytes]:
    data = source.read()
    try:
        while data:
            member = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)  # checks each member's checksum and length
            while True:
                chunk = member.decompress(data, CHUNK)
                if chunk:
                    yield chunk
                if member.eof:
                    break
                data = source.read() if member.needs_input else b""
                if member.needs_input and not data:
                    raise LayerError("the layer's gzip stream ends too early")
            data = member.unused_data or source.read()
    except igzip_lib.error as error:
        raise LayerError(f"the layer's gzip stream is damaged: {error}") from error


def _zstd(source: Frames, decoder: ZstdDecompressor, failure: type[Exception]) -> Iterator[bytes]:
    try:
        # Bounded output, whatever the input.
        with decoder.stream_reader(source, read_size=_INPUT, read_across_frames=True) as reader:  # type: ignore[arg-type]
            while chunk := reader.read(CHUNK):
                yield chunk
    except failure as error:
        raise LayerError(f"the layer's zstd stream is damaged: {error}") from error
    if not source.whole:
        raise LayerError("the layer's zstd stream ends too early")


def unlike(seen: str, promised: str) -> LayerError:
    """What is said of a layer that is not the one its image names."""
    return LayerError(
        f"the layer unpacks to {seen}, the image's configuration promises {promised}",
        hint="The image is damaged or forged. Pull it again, or ask who built it.",
    )


def is_nothing(data: bytes | memoryview) -> bool:
    """Whether a piece of at most CHUNK bytes is zeros alone; of nearly all others the first or the last byte tells."""
    return not data[0] and not data[-1] and bytes(data) == _NOTHING[: len(data)]


def guarded(source: Counted, hasher: _Hash, limits: Limits, progress: Callable[[int], None]) -> Iterator[bytes]:
    """The uncompressed stream, each chunk hashed and held to the limits before it is handed out.

    `progress` hears behind each chunk how many compressed bytes have been taken. What decompresses is loaded by the
    call, not by the iteration. Raises LayerError where the stream is damaged, unfinished or beyond the limits.
    """
    return _guarded(decompressed(source), source, hasher, limits, progress)


def _guarded(
    chunks: Iterator[bytes], source: Counted, hasher: _Hash, limits: Limits, progress: Callable[[int], None]
) -> Iterator[bytes]:
    size = 0
    filled = 0  # without chunks of zeros: they become holes, and take no room
    for chunk in chunks:
        hasher.update(chunk)
        size += len(chunk)
        filled += 0 if is_nothing(chunk) else len(chunk)
        limits.hold(size, filled, source.taken)
        yield chunk
        progress(source.taken)


class Pump:
    """A thread that runs through chunks ahead of the parser; iterating gives them."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._queue: queue.Queue[bytes | BaseException] = queue.Queue(_AHEAD)

    def __iter__(self) -> Iterator[bytes]:
        threading.Thread(target=self._run, name="inflate", daemon=True).start()
        while chunk := self._queue.get():
            if isinstance(chunk, BaseException):
                raise chunk
            yield chunk

    def _run(self) -> None:
        try:
            for chunk in self._chunks:
                self._queue.put(chunk)
            self._queue.put(b"")
        except BaseException as error:  # whatever it is must reach the thread that waits
            self._queue.put(error)
