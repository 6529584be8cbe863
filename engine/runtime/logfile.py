"""conmon's log of a container's output (its "k8s-file" form) as blocks of whole lines: from the end, or followed.

One line is `2024-01-02T03:04:05.678901234+01:00 stdout F text`: the time, the stream, F for a whole line or P for a
part of one that goes on in the next line of that stream, and the text as the process wrote it, in whatever bytes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from engine.errors import StoreError
from engine.jobs import CancelToken
from engine.runtime.waiting import CREATED, MODIFIED, MOVED_HERE, Watch, wait_readable

TIME, HEAD = 35, 45
"""Bytes of a line's time, and of all that stands before its text: conmon's time always has nine digits of a fraction
and the zone as +hh:mm."""
_BLOCK = 1 << 18  # bytes read at once; about 4,000 short lines
QUIET = 0.5  # seconds without news after which a follower looks whether the container still runs


class Extent(msgspec.Struct, frozen=True):
    """Which part of a log, and for how long.

    `tail` starts so many lines before the end (None: at the beginning). With `follow` it goes on with what is written
    until `still_running` says no and everything is read. `since` and `until` are seconds since the epoch.
    """

    tail: int | None = None
    since: float | None = None
    until: float | None = None
    follow: bool = False
    still_running: Callable[[], bool] = lambda: False

    @property
    def is_limited_in_time(self) -> bool:
        return self.since is not None or self.until is not None

    def covers(self, moment: float) -> bool:
        """Whether a moment (seconds since the epoch) is within the limits."""
        return (self.since is None or moment >= self.since) and (self.until is None or moment <= self.until)


def read_blocks(path: Path, extent: Extent, token: CancelToken) -> Iterator[bytes]:
    """Blocks of whole lines, the last newline of each left off. No log yet is an empty one.

    Goes on through a change of file by rotation. While it follows, an empty block is a sign of life.
    `since` and `until` are not looked at line by line here. Raises Cancelled, StoreError.
    """
    with _LogFile(path, extent.tail) as log:
        if not extent.follow:
            yield from log.blocks(token)
            return
        with Watch(path.parent, MODIFIED | CREATED | MOVED_HERE) as watch:
            while True:
                running = extent.still_running()  # asked before reading: what came before the end is read after it
                yield from log.blocks(token)
                if (fresh := log.successor()) is not None:
                    yield from log.blocks(token)  # what came between our reading and the change
                    log.go_on_with(fresh)
                    continue
                if not running or (extent.until is not None and time.time() > extent.until):
                    return
                if not wait_readable([watch.fileno()], token, QUIET):
                    yield b""
                watch.read()


class _LogFile:
    """The log file as it is read: where we are in it, and the line that is not complete yet."""

    def __init__(self, path: Path, tail: int | None) -> None:
        self._path = path
        self._rest = b""
        self._handle = self._open()
        if tail is not None and self._handle is not None:
            os.lseek(self._handle, tail_offset(self._handle, tail), os.SEEK_SET)

    def __enter__(self) -> _LogFile:
        return self

    def __exit__(self, *_: object) -> None:
        if self._handle is not None:
            os.close(self._handle)

    def blocks(self, token: CancelToken) -> Iterator[bytes]:
        """What there is from here to the present end."""
        if self._handle is None:
            self._handle = self._open()
        while self._handle is not None:
            token.check()
            piece = os.read(self._handle, _BLOCK)
            if not piece:
                return
            whole, newline, self._rest = (self._rest + piece).rpartition(b"\n")
            if newline:
                yield whole

    def successor(self) -> int | None:
        """The file that conmon has put in this one's place, if it has."""
        if self._handle is None:
            return None  # `blocks` opens it
        fresh = self._open()
        if fresh is None or not os.path.samestat(os.fstat(fresh), os.fstat(self._handle)):
            return fresh
        os.close(fresh)
        return None

    def go_on_with(self, fresh: int) -> None:
        if self._handle is not None:
            os.close(self._handle)
        self._handle, self._rest = fresh, b""

    def _open(self) -> int | None:
        try:
            return os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"cannot read {self._path}: {error.strerror}") from error


def tail_offset(handle: int, lines: int) -> int:
    """Where in an open log its last `lines` lines begin, found from the end; parts count with the line they make."""
    end = position = os.fstat(handle).st_size
    found = -1  # ends of whole lines seen; what the very last newline ends is the line that we are in
    while position > 0 and lines > 0:
        start = max(0, position - _BLOCK)
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
        size = min(start, _BLOCK)
        block, newline = os.pread(handle, size + newline, start - size), size + newline
        begin = block.rfind(b"\n", 0, newline) + 1
    return block[begin:newline].split(b" ", 3)[2:3] != [b"P"]
