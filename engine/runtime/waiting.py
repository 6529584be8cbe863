"""Wait for things without polling: processes by pidfd, files by inotify(7), and a token that can end the wait."""

from __future__ import annotations

import ctypes
import os
import select
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from engine.errors import StoreError
from engine.jobs import CancelToken
from engine.libc import libc

MODIFIED = 0x2  # sys/inotify.h
MOVED_AWAY = 0x40
MOVED_HERE = 0x80
CREATED = 0x100
DELETED = 0x200
DELETED_SELF = 0x400
MOVED_SELF = 0x800
OVERFLOW = 0x4000
"""More happened than the kernel keeps: look at everything. Comes without being asked for."""

_EVENT = struct.Struct("iIII")  # struct inotify_event without its name


class ProcessId(msgspec.Struct, frozen=True):
    """A process told apart from a later one with the same number: `start` is field 22 of /proc/<pid>/stat."""

    pid: int
    start: int

    @classmethod
    def of(cls, pid: int) -> ProcessId | None:
        """The identity of a process that lives; None for one that is not there or a zombie.

        One whose first thread alone has ended looks like a zombie, and lives as long as the others do.
        """
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                stat = file.read()
        except (FileNotFoundError, ProcessLookupError):
            return None
        # The command name, in parentheses, may contain anything: count from its end (proc(5)).
        fields = stat[stat.rindex(b")") + 2 :].split()
        if fields[0] == b"X" or (fields[0] == b"Z" and int(fields[17]) <= 1):  # state, num_threads
            return None
        return cls(pid, int(fields[19]))

    @property
    def alive(self) -> bool:
        """Whether the process is there, and no other by its number."""
        return ProcessId.of(self.pid) == self

    @contextmanager
    def opened(self) -> Iterator[int | None]:
        """A descriptor that becomes readable when the process ends (pidfd_open(2)); None if it has already."""
        handle: int | None = None
        try:
            try:
                handle = os.pidfd_open(self.pid)
            except ProcessLookupError:
                yield None
                return
            yield handle if self.alive else None
        finally:
            if handle is not None:
                os.close(handle)


class Watch:
    """Changes at or in one path, and those that are added, by inotify. A context manager."""

    def __init__(self, path: Path, mask: int) -> None:
        self._handle: int = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._handle < 0:
            raise _failed("inotify_init1", path)
        try:
            self.add(path, mask)
        except StoreError:
            os.close(self._handle)
            raise

    def add(self, path: Path, mask: int) -> None:
        """Watch a further path. Raises StoreError."""
        if libc.inotify_add_watch(self._handle, os.fsencode(path), ctypes.c_uint32(mask)) < 0:
            raise _failed("inotify_add_watch", path)

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._handle)

    def fileno(self) -> int:
        return self._handle

    def read(self) -> list[tuple[int, str]]:
        """What has happened since the last call, as (mask, name in the directory); does not block."""
        events: list[tuple[int, str]] = []
        while True:
            try:
                raw = os.read(self._handle, 65536)
            except BlockingIOError:
                return events
            offset = 0
            while offset < len(raw):
                _, mask, _, length = _EVENT.unpack_from(raw, offset)
                offset += _EVENT.size
                events.append((mask, os.fsdecode(raw[offset : offset + length].rstrip(b"\0"))))
                offset += length


@contextmanager
def wakened_by(token: CancelToken) -> Iterator[int]:
    """A descriptor that becomes readable when `token` is cancelled. Raises Cancelled if it is already."""
    handle = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
    try:
        with token.interrupting(lambda: os.eventfd_write(handle, 1)):
            yield handle
    finally:
        os.close(handle)


def wait_readable(handles: Sequence[int], token: CancelToken, timeout: float | None = None) -> set[int]:
    """Those of `handles` that can be read (or hung up); empty after `timeout` seconds. Raises Cancelled."""
    with wakened_by(token) as wakened:
        poll = select.poll()
        for handle in (*handles, wakened):
            poll.register(handle, select.POLLIN)
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
            ready = {handle for handle, _ in poll.poll(left)}
            token.check()
            if ready or left == 0:
                return ready


def _failed(call: str, path: Path) -> StoreError:
    number = ctypes.get_errno()
    return StoreError(
        f"cannot watch {path}: {call}: {os.strerror(number)}",
        hint="The limits are in /proc/sys/fs/inotify/ (max_user_instances, max_user_watches).",
    )
