"""A container's output, read from the log that conmon writes (its "k8s-file" form).

One line is `2024-01-02T03:04:05.678901234+01:00 stdout F text`: the time, the stream, F for a whole line or P for a
part of one that goes on in the next line of that stream, and the text as the process wrote it, in whatever bytes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from engine.errors import StoreError
from engine.events import LogLine, Stream
from engine.jobs import CancelToken
from engine.runtime.waiting import CREATED, MODIFIED, MOVED_HERE, Watch, wait_readable

_CHUNK = 1 << 18  # bytes read at once; about 4,000 short lines
_QUIET = 0.5  # seconds without news after which a follower looks whether the container still runs
_STREAMS = {b"stdout": Stream.STDOUT, b"stderr": Stream.STDERR}


def read_log(
    path: Path,
    *,
    tail: int | None = None,
    since: float | None = None,
    until: float | None = None,
    follow: bool = False,
    token: CancelToken,
    still_running: Callable[[], bool] = lambda: False,
) -> Iterator[list[LogLine]]:
    """The lines of a log in batches, oldest first. No log yet is an empty one.

    `tail` starts so many lines before the end; `since` and `until` are seconds since the epoch. With `follow` it goes
    on with what is written, through a change of file by rotation, until the container has ended (`still_running`)
    and everything is read; an empty batch is a sign of life. Raises Cancelled, StoreError.
    """
    with _Log(path, tail) as log:
        if not follow:
            yield from _within(log.batches(token), since, until)
            return
        with Watch(path.parent, MODIFIED | CREATED | MOVED_HERE) as watch:
            while True:
                running = still_running()  # asked before reading: what came before the end is read after it
                yield from _within(log.batches(token), since, until)
                if log.rotated():
                    continue
                if not running or (until is not None and time.time() > until):
                    return
                if not wait_readable([watch.fileno()], token, _QUIET):
                    yield []
                watch.read()


class _Log:
    """The log file as it is read: where we are in it, and the line that is not complete yet."""

    def __init__(self, path: Path, tail: int | None) -> None:
        self._path = path
        self._rest = b""
        self._handle = self._open()
        if tail is not None and self._handle is not None:
            os.lseek(self._handle, tail_offset(self._handle, tail), os.SEEK_SET)

    def __enter__(self) -> _Log:
        return self

    def __exit__(self, *_: object) -> None:
        if self._handle is not None:
            os.close(self._handle)

    def batches(self, token: CancelToken) -> Iterator[list[LogLine]]:
        """What there is from here to the present end."""
        if self._handle is None:
            self._handle = self._open()
        while self._handle is not None:
            token.check()
            piece = os.read(self._handle, _CHUNK)
            if not piece:
                return
            whole, newline, self._rest = (self._rest + piece).rpartition(b"\n")
            if newline:
                yield parse_lines(whole)

    def rotated(self) -> bool:
        """Whether conmon has begun a new file; if so, we are at its beginning now."""
        fresh = self._open()
        if fresh is None:
            return False
        if self._handle is not None and os.path.samestat(os.fstat(fresh), os.fstat(self._handle)):
            os.close(fresh)
            return False
        if self._handle is not None:
            os.close(self._handle)
        self._handle, self._rest = fresh, b""
        return True

    def _open(self) -> int | None:
        try:
            return os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"cannot read {self._path}: {error.strerror}") from error


def parse_lines(raw: bytes) -> list[LogLine]:
    """Lines of the log (without the last newline); what has not their form is left out (a full disk tears lines)."""
    lines = []
    for line in raw.split(b"\n"):
        parts = line.split(b" ", 3)
        if len(parts) == 4 and (stream := _STREAMS.get(parts[1])) is not None:
            moment = _seconds(parts[0])
            if moment is not None:
                lines.append(LogLine(moment, stream, parts[3].decode("utf-8", "surrogateescape"), parts[2] == b"P"))
    return lines


@lru_cache(maxsize=64)  # conmon gives all lines of one read(2) the same time
def _seconds(raw: bytes) -> float | None:
    """Seconds since the epoch of `2024-01-02T03:04:05.678901234+01:00`."""
    try:
        text = raw.decode("ascii")
        fraction_end = max(text.find("+", 19), text.find("-", 19), text.find("Z", 19))
        moment = datetime.fromisoformat(text[:19] + text[fraction_end:])
        return moment.timestamp() + float("0" + text[19:fraction_end])
    except ValueError:
        return None


def tail_offset(handle: int, lines: int) -> int:
    """Where in an open log its last `lines` lines begin, found from the end; parts count with the line they make."""
    end = position = os.fstat(handle).st_size
    found = -1  # ends of whole lines seen; what the very last newline ends is the line that we are in
    while position > 0 and lines > 0:
        start = max(0, position - _CHUNK)
        block = os.pread(handle, position - start, start)
        newline = len(block)
        while (newline := block.rfind(b"\n", 0, newline)) >= 0:
            if found < 0 or _ends_whole_line(block, newline, handle, start):
                found += 1
            if found == lines:
                return start + newline + 1
        position = start
    return 0 if lines > 0 else end


def _ends_whole_line(block: bytes, newline: int, handle: int, start: int) -> bool:
    """Whether the log line that ends at `newline` is whole (F): look at its own head, before it in the block."""
    begin = block.rfind(b"\n", 0, newline) + 1
    if begin == 0 and start > 0:  # its head is in an earlier block
        size = min(start, 1 << 16)
        block, newline = os.pread(handle, size + newline, start - size), size + newline
        begin = block.rfind(b"\n", 0, newline) + 1
    return block[begin:newline].split(b" ", 3)[2:3] != [b"P"]


def _within(batches: Iterator[list[LogLine]], since: float | None, until: float | None) -> Iterator[list[LogLine]]:
    for batch in batches:
        if since is not None:
            batch = [line for line in batch if line.time >= since]
        if until is not None:
            batch = [line for line in batch if line.time <= until]
        if batch:
            yield batch
