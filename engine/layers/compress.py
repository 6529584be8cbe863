"""Layer blobs: a tar stream compressed and hashed on its way, on all cores."""

from __future__ import annotations

import hashlib
import queue
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import BinaryIO, Protocol, Self

from engine.digest import Digest
from engine.errors import UsageError
from engine.jobs import CancelToken

_AHEAD = 8  # batches that may wait between two threads
_BATCH = 1 << 20
_GZIP = 31  # window bits that ask for a gzip header; neither library writes a name or a time into it


class Compression(Enum):
    """How a layer blob is compressed."""

    GZIP = "gzip"
    ZSTD = "zstd"


LEVELS = {Compression.GZIP: range(10), Compression.ZSTD: range(1, 20)}
DEFAULT_LEVELS = {Compression.GZIP: 2, Compression.ZSTD: 3}
"""gzip's 2 is near gzip -6 in size, at a tenth of its time."""


@dataclass(frozen=True, slots=True)
class BuiltLayer:
    """A layer blob: `digest` and `size` (bytes) of it compressed, `diff_id` and `diff_size` of the tar stream in it."""

    digest: Digest
    size: int
    diff_id: Digest
    diff_size: int


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


def check_level(kind: Compression, level: int | None) -> None:
    """Raises UsageError for a level that there is not."""
    allowed = LEVELS[kind]
    if level is not None and level not in allowed:
        raise UsageError(f"{kind.value} has no level {level}", hint=f"There are {allowed.start} to {allowed.stop - 1}.")


def compressor(kind: Compression, level: int | None) -> _Compressor:
    """A compressor; gzip up to level 3 by isal, above by zlib. Raises UsageError for a level that there is not."""
    check_level(kind, level)
    level = DEFAULT_LEVELS[kind] if level is None else level
    made: _Compressor
    if kind is Compression.ZSTD:
        import zstandard

        made = zstandard.ZstdCompressor(level=level, write_checksum=True).compressobj()
    elif level <= 3:
        from isal import isal_zlib

        made = isal_zlib.compressobj(level, isal_zlib.DEFLATED, _GZIP)
    else:
        import zlib

        made = zlib.compressobj(level, zlib.DEFLATED, _GZIP)
    return made


def compress(
    pieces: Iterable[bytes],
    out: BinaryIO,
    *,
    kind: Compression = Compression.GZIP,
    level: int | None = None,
    on_progress: Callable[[int], None] = lambda done: None,
    token: CancelToken | None = None,
) -> BuiltLayer:
    """Write the blob of a tar stream that comes in pieces; `on_progress` hears how many bytes of it have been taken.

    The stream is hashed and compressed in two threads beside the caller's, who reads it.
    Raises UsageError, what reading raises, OSError of `out`, Cancelled.
    """
    token = token or CancelToken()
    packer = compressor(kind, level)
    inner, outer = hashlib.sha256(), hashlib.sha256()
    sizes = [0, 0]

    def write(data: bytes) -> None:
        outer.update(data)
        sizes[1] += len(data)
        out.write(data)

    hashing = _Stage(inner.update)
    packing = _Stage(lambda data: write(packer.compress(data)))
    with hashing, packing:
        for batch in _batches(pieces):
            token.check()
            sizes[0] += len(batch)
            hashing.put(batch)
            packing.put(batch)
            on_progress(sizes[0])
    write(packer.flush())
    return BuiltLayer(Digest("sha256:" + outer.hexdigest()), sizes[1], Digest("sha256:" + inner.hexdigest()), sizes[0])


def _batches(pieces: Iterable[bytes]) -> Iterable[bytes]:
    """The same stream in pieces of a megabyte, so that threads meet seldom, and that the compressed bytes do not depend
    on where the pieces were cut."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        while size >= _BATCH:
            whole = b"".join(held)
            yield whole[:_BATCH]
            held, size = [whole[_BATCH:]], size - _BATCH
    if size:
        yield b"".join(held)


class _Stage:
    """A thread that does one thing to each piece, in order. Leaving the `with` block waits for it, and raises what
    went wrong there."""

    def __init__(self, work: Callable[[bytes], object]) -> None:
        self._work = work
        self._queue: queue.Queue[bytes | None] = queue.Queue(_AHEAD)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="cutaway-pack", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def put(self, data: bytes) -> None:
        """Hand a piece on; waits while many are waiting. Raises what the work raised."""
        if self._failure is not None:
            raise self._failure
        self._queue.put(data)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._queue.put(None)
        self._thread.join()
        if self._failure is not None and kind is None:
            raise self._failure

    def _run(self) -> None:
        while (data := self._queue.get()) is not None:
            if self._failure is None:
                try:
                    self._work(data)
                except BaseException as error:  # it is raised in the thread that waits
                    self._failure = error
