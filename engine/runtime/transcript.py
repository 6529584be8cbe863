"""The rows of a container's log by number, wherever they are: the log on disk is the truth, this is an index of it.

A row is a line as the process wrote it, which may be several lines of conmon's log (see `logfile`). Of every 16 KiB
one place is remembered, so that two million rows cost a few hundred kilobytes, and any of them is found in no time.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import StoreError
from engine.events import LogLine, Stream
from engine.jobs import CancelToken
from engine.runtime.logfile import HEAD, QUIET, TIME
from engine.runtime.output import moment_of
from engine.runtime.waiting import CREATED, MODIFIED, MOVED_HERE, Watch, wait_readable

_CHUNK = 1 << 14  # bytes of log between two remembered places
_AT_ONCE = 64  # chunks that are indexed before somebody is told
_TAIL = 1 << 12
_SEARCHED = 1 << 22  # bytes of a row's text that are looked through for what is searched
_CACHED = 16  # chunks kept cut into lines
_BREATH = 0.05  # seconds between two looks at a log that grows: so many pictures a second are enough

_STREAMS = {b"stdout": Stream.STDOUT, b"stderr": Stream.STDERR}
_BITS = {Stream.STDOUT: 1, Stream.STDERR: 2}
_LINE = re.compile(rb"([0-9T:.+Z-]{20,40}) (stdout|stderr) ([PF]) (.*)", re.DOTALL)
_PARTS = (b" stdout P ", b" stderr P ")

LONGEST = 1 << 16
"""Bytes of a row's text that are read from its beginning; of what is longer, `_TAIL` of its end too."""
LEFT_OUT = " … "
"""Stands in a row longer than what is read of it, between its beginning and its end."""


class Transcript:
    """Rows are numbered from 0 and keep their numbers. `first` moves on where a rotated log has gone, `end` as the log
    grows. `follow` (or `update`) reads on, in one thread; everything else may be called from any."""

    def __init__(self, path: Path, still_running: Callable[[], bool] = lambda: False) -> None:
        self._path = path
        self._still_running = still_running
        self._lock = threading.RLock()
        self._segments: list[_Segment] = []
        self._closed = False
        self.caught_up = False
        """Whether all that stood in the log when `follow` last looked has its rows; when it has ended, too."""

    @property
    def first(self) -> int:
        """The number of the oldest row that is still there."""
        with self._lock:
            return self._segments[0].first if self._segments else 0

    @property
    def end(self) -> int:
        """One more than the number of the newest row."""
        with self._lock:
            return self._segments[-1].end if self._segments else 0

    def close(self) -> None:
        """Let go of the files; there are no rows then, and there come none."""
        with self._lock:
            self._closed = True
            while self._segments:
                self._segments.pop().close()

    def update(self) -> bool:
        """Index what has come since, a megabyte at most; whether anything came. Raises StoreError."""
        grown = False
        for _ in range(_AT_ONCE):
            with self._lock:
                if not self._segments and not self._go_on():
                    return grown
                if self._segments[-1].take():
                    grown = True
                elif not self._go_on():
                    return grown
        return grown

    def follow(self, token: CancelToken) -> Iterator[None]:
        """Read on as the log grows; yields when there is more, and once at the beginning. Ends with the container.

        Raises Cancelled, StoreError.
        """
        with self._followed(), Watch(self._path.parent, MODIFIED | CREATED | MOVED_HERE) as watch:
            running = self._still_running()
            yield
            while True:
                token.check()
                while self.update():
                    self.caught_up = False
                    yield
                    token.sleep(_BREATH)
                if not self.caught_up:
                    self.caught_up = True
                    yield
                if not running:
                    return
                if wait_readable([watch.fileno()], token, QUIET):
                    watch.read()
                else:
                    running = self._still_running()  # asked before the last look: what came before the end is read

    @contextmanager
    def _followed(self) -> Iterator[None]:
        try:
            yield
        finally:
            self.caught_up = True

    def read(self, first: int, count: int, *, whole: bool = False) -> list[LogLine]:
        """These rows, as many of them as there are; a `partial` one may still go on. Raises StoreError.

        What is longer than `LONGEST` is cut, unless all of it is asked for (`whole`). What has not the form of a log
        line (a full disk tears them) is a row with the time 0.
        """
        found: list[LogLine] = []
        with self._lock:
            for segment in self._segments:
                low, high = max(first, segment.first), min(first + count, segment.end)
                if low < high:
                    found += segment.read(low - segment.first, high - segment.first, sys.maxsize if whole else LONGEST)
        return found

    def texts(self, first: int) -> Iterator[tuple[int, list[str]]]:
        """The texts of all rows from `first` to the present end, some hundred at a time, with the first one's number.

        For searching: ten times as fast as `read`.
        """
        stop = self.end
        while first < stop:
            with self._lock:
                segment = next((s for s in self._segments if first < s.end), None)
                if segment is None:
                    return
                first = max(first, segment.first)
                texts = segment.texts(first - segment.first)
            yield first, texts
            first += len(texts)

    def at(self, moment: float) -> int:
        """The number of the first row at or after a time, in seconds since the epoch; `end` where there is none."""
        with self._lock:
            for segment in self._segments:
                row = segment.at(moment)
                if row < segment.rows:
                    return segment.first + row
            return self.end

    def _go_on(self) -> bool:
        """Open the file that conmon has begun since, if it has. The one before it stays readable, older ones go."""
        if self._closed:
            return False
        try:
            handle = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StoreError(f"cannot read {self._path}: {error.strerror}") from error
        if self._segments and os.path.samestat(os.fstat(handle), os.fstat(self._segments[-1].handle)):
            os.close(handle)
            return False
        self._segments.append(_Segment(handle, self.end))
        if len(self._segments) > 2:
            self._segments.pop(0).close()
        return True


class _Segment:
    """One file: of every chunk where it begins, how many rows began before it, and which streams' lines go on in it."""

    def __init__(self, handle: int, first: int) -> None:
        self.handle, self.first = handle, first
        self.rows = 0
        self._size = 0  # bytes that are indexed: whole lines
        self._open = 0
        self._offsets, self._before, self._going_on = array("Q"), array("Q"), bytearray()
        self._cache: OrderedDict[tuple[int, int], list[bytes]] = OrderedDict()

    @property
    def end(self) -> int:
        return self.first + self.rows

    def close(self) -> None:
        os.close(self.handle)

    def take(self) -> bool:
        """Index the next chunk; False where there is no whole line more."""
        size = _CHUNK
        while not (end := (piece := self._pread(self._size, size)).rfind(b"\n") + 1):
            if len(piece) < size:
                return False
            size *= 4  # no line of conmon's is so long: the disk was full, or something else wrote here
        if not self._offsets or self._size - self._offsets[-1] >= _CHUNK:
            self._offsets.append(self._size)
            self._before.append(self.rows)
            self._going_on.append(self._open)
        piece = piece[:end]
        self._size += end
        # Each line begins a row, but one that goes on where the part before it in its stream left off. Counted so,
        # because lines cut one by one keep the interpreter, and the screen's thread from it, ten times as long.
        self.rows += piece.count(b"\n")
        for stream, bit in _BITS.items():
            parts = list(_ends(piece, stream, True))
            left_off = len(parts) + bool(self._open & bit)
            if left_off:
                goes_on = next(_ends(piece, stream, False, parts[-1] if parts else 0), None) is None
                self.rows -= left_off - goes_on
                self._open = self._open | bit if goes_on else self._open & ~bit
        return True

    def read(self, low: int, high: int, longest: int = LONGEST) -> list[LogLine]:
        chunk = bisect_right(self._before, low) - 1
        number = self._before[chunk]
        found: list[_Row] = []
        going: dict[Stream | None, _Row | None] = {
            stream: None for stream, bit in _BITS.items() if self._going_on[chunk] & bit
        }
        while chunk < len(self._offsets):
            for line in self._lines(chunk):
                stream, partial, moment, text = _cut(line)
                if stream in going:
                    row = going.pop(stream)
                else:
                    if number >= high and not any(going.values()):
                        return [row.as_line() for row in found]
                    row = _Row(moment, stream or Stream.STDOUT, longest) if low <= number < high else None
                    number += 1
                    if row is not None:
                        found.append(row)
                if row is not None:
                    row.add(text, partial)
                if partial:
                    going[stream] = row
            if number >= high and not any(going.values()):
                break
            chunk += 1
            if number >= high and all(row is None or row.is_long for row in going.values()):
                while self._is_inside(chunk) and self._is_inside(chunk + 1):
                    chunk += 1
        return [row.as_line() for row in found]

    def texts(self, first: int) -> list[str]:
        """The texts of the rows from `first` to the end of the chunk it begins in; one at least."""
        chunk = bisect_right(self._before, first) - 1
        last = chunk + 1 == len(self._offsets)
        before, after = self._before[chunk], self.rows if last else self._before[chunk + 1]
        if not self._going_on[chunk]:
            block = self._pread(self._offsets[chunk], self._chunk_end(chunk) - self._offsets[chunk])
            if not any(part in block for part in _PARTS):
                lines = block.decode("utf-8", "surrogateescape").removesuffix("\n").split("\n")
                return [
                    line[HEAD:] if line[HEAD - 3 : HEAD] == " F " else _text(line) for line in lines[first - before :]
                ]
        return [line.text for line in self.read(first, after, _SEARCHED)]

    def at(self, moment: float) -> int:
        """The first row at or after `moment`; `rows` where there is none."""

        def begins(chunk: int) -> float:
            return next((when for line in self._lines(chunk) if (when := moment_of(_cut(line)[2]) or 0.0)), 0.0)

        chunk = bisect_left(range(len(self._offsets)), moment, key=begins)
        low = self._before[chunk - 1] if chunk else 0
        high = self._before[chunk] if chunk < len(self._before) else self.rows
        for row, line in enumerate(self.read(low, high) if low < high else (), low):
            if line.time >= moment:
                return row
        return high

    def _is_inside(self, chunk: int) -> bool:
        """Whether no row begins and none ends in a chunk, and it is not the last."""
        nothing_begins = chunk + 1 < len(self._before) and self._before[chunk] == self._before[chunk + 1]
        return nothing_begins and self._going_on[chunk] == self._going_on[chunk + 1]

    def _chunk_end(self, chunk: int) -> int:
        return self._offsets[chunk + 1] if chunk + 1 < len(self._offsets) else self._size

    def _lines(self, chunk: int) -> list[bytes]:
        """A chunk's lines of the log."""
        start, end = self._offsets[chunk], self._chunk_end(chunk)
        lines = self._cache.pop((start, end), None)
        if lines is None:
            lines = self._pread(start, end - start).removesuffix(b"\n").split(b"\n")
            while len(self._cache) >= _CACHED:
                self._cache.popitem(last=False)
        self._cache[start, end] = lines
        return lines

    def _pread(self, start: int, size: int) -> bytes:
        try:
            return os.pread(self.handle, size, start)
        except OSError as error:
            raise StoreError(f"cannot read the log: {error.strerror}") from error


class _Row:
    """A row while it is put together."""

    def __init__(self, moment: bytes, stream: Stream, longest: int) -> None:
        self._moment, self._stream, self._longest = moment, stream, longest
        self._text: list[bytes] = []
        self._size = 0
        self._tail = b""
        self._partial = False

    @property
    def is_long(self) -> bool:
        return self._size > self._longest

    def add(self, text: bytes, partial: bool) -> None:
        self._partial = partial
        if self._size <= self._longest:
            self._text.append(text)
        else:
            self._tail = (self._tail + text)[-_TAIL:]
        self._size += len(text)

    def as_line(self) -> LogLine:
        text = b"".join(self._text).decode("utf-8", "surrogateescape")
        if self._tail:
            text += LEFT_OUT + self._tail.decode("utf-8", "surrogateescape")
        return LogLine(moment_of(self._moment) or 0.0, self._stream, text, self._partial)


def _ends(piece: bytes, stream: Stream, partial: bool, start: int = 0) -> Iterator[int]:
    """Where each line of this stream and kind ends, of whole lines from `start` on."""
    tag = f" {stream.value} {'P' if partial else 'F'} ".encode()
    while (found := piece.find(tag, start)) >= 0:
        begin, start = piece.rfind(b"\n", start, found) + 1 or start, piece.index(b"\n", found) + 1
        if _cut(piece[begin : start - 1])[:2] == (stream, partial):  # and it is not somebody's text
            yield start


def _cut(line: bytes) -> tuple[Stream | None, bool, bytes, bytes]:
    """Stream, whether it is a part, time and text of a log line; of anything else no stream, and all of it."""
    stream = _STREAMS.get(line[TIME + 1 : HEAD - 3])
    if stream is not None and (kind := line[HEAD - 3 : HEAD]) in (b" F ", b" P "):
        return stream, kind == b" P ", line[:TIME], line[HEAD:]
    if match := _LINE.fullmatch(line):
        return _STREAMS[match[2]], match[3] == b"P", match[1], match[4]
    return None, False, b"", line


def _text(line: str) -> str:
    return _cut(line.encode("utf-8", "surrogateescape"))[3].decode("utf-8", "surrogateescape")
