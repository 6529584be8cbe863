"""Decompression: by magic, several members and frames, bounded memory, damage."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import random
import resource

import pytest
import zstandard

from engine.errors import LayerError
from engine.layers.limits import Limits
from engine.layers.stream import CHUNK, Counted, Pump, decompressed, guarded

NOISE = random.Random(7).randbytes(700_000)
TEXT = b"".join(b"%d some text that packs well\n" % number for number in range(40_000))
SKIPPABLE = b"\x5a\x2a\x4d\x18" + (13).to_bytes(4, "little") + b"not for you!!"


def unpack(data: bytes) -> bytes:
    source = Counted(io.BytesIO(data))
    chunks = list(decompressed(source))
    assert all(0 < len(chunk) <= CHUNK for chunk in chunks)
    assert source.taken == len(data)
    return b"".join(chunks)


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


@pytest.mark.parametrize(
    "content", [b"", b"x", TEXT, NOISE, bytes(3_000_000), bytes(CHUNK), NOISE[:CHUNK]], ids=range(7)
)
def test_all_compressions(content: bytes) -> None:
    assert unpack(content) == content
    assert unpack(gzip.compress(content)) == content
    assert unpack(gzip.compress(content, 0)) == content
    assert unpack(zstd(content)) == content


def test_several_members_and_frames() -> None:
    parts = [TEXT, b"", NOISE, b"end"]
    assert unpack(b"".join(map(gzip.compress, parts))) == b"".join(parts)
    assert unpack(b"".join(map(zstd, parts))) == b"".join(parts)
    assert unpack(SKIPPABLE + SKIPPABLE.join(map(zstd, parts)) + SKIPPABLE) == b"".join(parts)


def test_gzip_header_with_name_and_comment() -> None:
    named = io.BytesIO()
    with gzip.GzipFile("layer.tar", "wb", fileobj=named) as file:
        file.write(TEXT)
    assert unpack(named.getvalue()) == TEXT


def test_bomb_comes_in_bounded_chunks() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    count, nothing = 0, bytes(1_000_000)
    frame = zstandard.ZstdCompressor().compressobj()
    bomb = b"".join(frame.compress(nothing) for _ in range(400)) + frame.flush()
    assert len(bomb) < 100_000
    for chunk in decompressed(Counted(io.BytesIO(bomb))):
        assert len(chunk) <= CHUNK
        count += len(chunk)
    assert count == 400_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


@pytest.mark.parametrize("cut", [1, 4, 8, 9, 1000])
def test_unfinished_gzip(cut: int) -> None:
    with pytest.raises(LayerError, match="too early"):
        unpack(gzip.compress(TEXT)[:-cut])


@pytest.mark.parametrize("at", [-1, -5, -8, 5000])
def test_damaged_gzip(at: int) -> None:
    data = bytearray(gzip.compress(TEXT))
    data[at] ^= 0x55
    with pytest.raises(LayerError, match=r"damaged|too early"):
        unpack(bytes(data))


@pytest.mark.parametrize("garbage", [b"garbage behind the end", bytes(100), b"\x1f", b"\x1f\x8b\x08"])
def test_garbage_behind_gzip(garbage: bytes) -> None:
    with pytest.raises(LayerError):
        unpack(gzip.compress(TEXT) + garbage)


def test_damaged_zstd() -> None:
    data = bytearray(zstandard.ZstdCompressor(write_checksum=True).compress(NOISE))
    data[5000] ^= 1
    with pytest.raises(LayerError, match="damaged"):
        unpack(bytes(data))
    with pytest.raises(LayerError, match="damaged"):
        unpack(zstd(TEXT) + b"garbage behind the end")


def untold(data: bytes) -> bytes:
    writer = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    return writer.compress(data) + writer.flush()


FRAMES = {
    "with a checksum": zstandard.ZstdCompressor(write_checksum=True).compress(TEXT),
    "without": zstandard.ZstdCompressor(write_checksum=False).compress(TEXT),
    "of a length that is not told": untold(TEXT),
    "incompressible": zstandard.ZstdCompressor(write_checksum=True).compress(NOISE[:300_000]),
    "all alike": zstandard.ZstdCompressor(write_checksum=True).compress(bytes(1_000_000)),
    "empty": zstandard.ZstdCompressor(write_checksum=True).compress(b""),
    "to be skipped": b"\x5f\x2a\x4d\x18\x05\0\0\0hello",
}


@pytest.mark.parametrize("how", FRAMES)
def test_zstd_that_ends_too_early(how: str) -> None:
    """Also where all of the content is there, and nothing but the end of its frame is missing."""
    first, last = zstd(b"first"), FRAMES[how]
    unpack(first + last)
    unpack(last + first)
    for missing in {1, 2, 3, 4, 5, 6, 7, len(last) // 2, len(last) - 5, len(last) - 1}:
        if 0 < missing < len(last):
            with pytest.raises(LayerError, match="ends too early"):
                unpack(first + last[:-missing])


@pytest.mark.parametrize(("name", "data"), [("bzip2", bz2.compress(b"text")), ("xz", lzma.compress(b"text"))])
def test_other_compressions_are_named(name: str, data: bytes) -> None:
    with pytest.raises(LayerError, match=name):
        unpack(data)


class Trickle:
    """A source that gives a byte or two at a time, as a download may."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, size: int, /) -> bytes:
        return self._data.read(min(size, 2))


def test_a_slow_source() -> None:
    assert b"".join(decompressed(Counted(Trickle(gzip.compress(TEXT[:5000]))))) == TEXT[:5000]
    assert b"".join(decompressed(Counted(Trickle(zstd(TEXT[:5000]))))) == TEXT[:5000]


def pump(data: bytes, limits: Limits) -> tuple[bytes, str, list[int]]:
    told: list[int] = []
    hasher = hashlib.sha256()
    content = b"".join(Pump(guarded(Counted(io.BytesIO(data)), hasher, limits, told.append)))
    return content, hasher.hexdigest(), told


def test_pump_hashes_and_tells() -> None:
    data = gzip.compress(NOISE)
    content, digest, told = pump(data, Limits())
    assert content == NOISE
    assert digest == hashlib.sha256(NOISE).hexdigest()
    assert told == sorted(told)
    assert told[-1] == len(data)


def test_pump_limits() -> None:
    holes = bytes(10_000_000)
    bomb = gzip.compress(holes)
    with pytest.raises(LayerError, match="more than 100 times"):
        pump(gzip.compress(b"x" * 10_000_000), Limits(ratio=100, ratio_from=1_000_000))
    with pytest.raises(LayerError, match="more than 9000000 bytes"):
        pump(bomb, Limits(size=9_000_000))
    assert len(pump(bomb, Limits(ratio=100))[0]) == 10_000_000
    with pytest.raises(LayerError, match="more of them than 100 times"):
        pump(bomb, Limits(ratio=100, zeros=5_000_000))
    few = Limits(ratio=100, ratio_from=1_000_000, zeros=5_000_000)
    assert len(pump(gzip.compress(bytes(5_500_000)), few)[0]) == 5_500_000  # a little more, for what it takes
    assert pump(bomb, Limits(ratio=100, ratio_from=1_000_000))[0] == holes
