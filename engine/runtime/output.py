"""A container's output: as lines for people to look at (`read_log`), or as it was written (`copy_log`)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from engine.events import LogLine, Stream
from engine.jobs import CancelToken
from engine.runtime.logfile import HEAD, TIME, Extent, read_blocks

_LINE = re.compile(r"^([0-9T:.+Z-]{20,40}) (stdout|stderr) ([PF]) (.*)$", re.MULTILINE)
_STREAMS = {"stdout": Stream.STDOUT, "stderr": Stream.STDERR}

_PLAIN, _PART = b" stdout F ", b" stdout P "


def read_log(path: Path, extent: Extent, token: CancelToken) -> Iterator[list[LogLine]]:
    """The lines of a log in batches, oldest first. No log yet is an empty one.

    While it follows, an empty batch is a sign of life. What has not the form of a line is left out (a full disk tears
    them). Raises Cancelled, StoreError.
    """
    for block in read_blocks(path, extent, token):
        lines = parse_lines(block)
        if extent.is_limited_in_time:
            lines = [line for line in lines if extent.covers(line.time)]
        if lines or not block:
            yield lines


def copy_log(
    path: Path, stdout: int, stderr: int, extent: Extent, token: CancelToken, *, timestamps: bool = False
) -> None:
    """Write a log's text to two descriptors, as the process wrote it; with `timestamps` each line after its time.

    Much faster than `read_log`: lines of one kind are not looked at one by one. Raises Cancelled, StoreError, and
    OSError where a descriptor cannot be written to (BrokenPipeError: nobody reads).
    """
    targets = {"stdout": stdout, "stderr": stderr}
    whole = dict.fromkeys(targets, True)  # whether the last line of a stream was ended
    for block in read_blocks(path, extent, token):
        if not timestamps and not extent.is_limited_in_time and (plain := _plain_text(block)) is not None:
            _write(stdout, plain)
            continue
        for stream, run in groupby(_fields(block), key=itemgetter(1)):
            pieces: list[str] = []
            for moment, _, kind, text in run:
                if extent.is_limited_in_time and not extent.covers(_seconds(moment) or 0.0):
                    continue
                pieces += (f"{moment} " if timestamps and whole[stream] else "", text, "" if kind == "P" else "\n")
                whole[stream] = kind == "F"
            _write(targets[stream], "".join(pieces).encode("utf-8", "surrogateescape"))


def _fields(block: bytes) -> list[tuple[str, str, str, str]]:
    """Time, stream, kind and text of each line in a block."""
    return _LINE.findall(block.decode("utf-8", "surrogateescape"))


def parse_lines(block: bytes) -> list[LogLine]:
    """Lines of the log (without the last newline)."""
    return [
        LogLine(moment, _STREAMS[stream], text, kind == "P")
        for time, stream, kind, text in _fields(block)
        if (moment := _seconds(time)) is not None
    ]


def moment_of(stamp: bytes) -> float | None:
    """Seconds since the epoch of a log line's time; None for what is none."""
    return _seconds(stamp.decode("ascii", "replace"))


def _plain_text(block: bytes) -> bytes | None:
    """The text of a block in which every line is of the standard output; None for any other block."""
    texts: list[bytes] = []
    start = 0
    while start < len(block):
        part = _next_part(block, start)
        if part > start:
            lines = block[start : part - 1].split(b"\n")
            whole = [line[HEAD:] for line in lines if line[TIME:HEAD] == _PLAIN]
            if len(whole) != len(lines):
                return None
            texts += (b"\n".join(whole), b"\n")
        end = (block.find(b"\n", part) + 1) or len(block) + 1
        texts.append(block[part + HEAD : end - 1])
        start = end
    return b"".join(texts)


def _next_part(block: bytes, start: int) -> int:
    """Where the next line begins that is a part alone: conmon parts a line where one of its read(2) ends. Where there
    is none, one after the newline that the block has been left without."""
    found = block.find(_PART, start)
    while found >= 0:
        line = found - TIME
        if line == start or (line > start and block[line - 1 : line] == b"\n"):
            return line
        found = block.find(_PART, found + 1)  # somebody's text
    return len(block) + 1


@lru_cache(maxsize=64)  # conmon gives all lines of one read(2) the same time
def _seconds(text: str) -> float | None:
    """Seconds since the epoch of `2024-01-02T03:04:05.678901234+01:00`."""
    try:
        zone = max(text.find("+", 19), text.find("-", 19), text.find("Z", 19))
        moment = datetime.fromisoformat(text[:19] + text[zone:])
        return moment.timestamp() + float("0" + text[19:zone])
    except ValueError:
        return None


def _write(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]
