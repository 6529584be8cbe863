"""What happened to containers, in the order in which it did: `events.jsonl` in the data directory.

States are not read from it (they come from runc and the kernel); it is for people and programs that want to know what
was done. It is written by whoever did it, also by conmon's clean-up, and keeps between one and two `_LIMIT`s of bytes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress

import msgspec

from engine.disk import DataRoot
from engine.errors import CutawayError
from engine.jobs import CancelToken
from engine.runtime.record import ContainerRecord
from engine.text import as_json

_NAME, _OLDER = "events.jsonl", "events.jsonl.1"
_LIMIT = 4 * 1024 * 1024


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was done to a container, or that it did.

    `time` is seconds since the epoch; `action` podman's word (create, start, died, stop, kill, pause, unpause, restart,
    rename, exec, update, mount, remove); `detail` what else is to say, such as `exit_code`.
    """

    time: float
    action: str
    id: str
    name: str
    image: str
    detail: dict[str, str] = {}


class Happenings:
    """The record of one data directory."""

    def __init__(self, root: DataRoot) -> None:
        self._root = root

    def add(self, record: ContainerRecord, action: str, when: float | None = None, **detail: str) -> None:
        """Write one down. What cannot be written (a full disk) is not worth failing for."""
        happening = Happening(
            time=time.time() if when is None else when,
            action=action,
            id=record.id,
            name=record.name,
            image=record.image,
            detail=detail,
        )
        with suppress(OSError, CutawayError):
            handle = os.open(
                self._root.path / _NAME, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
            )
            try:
                os.write(handle, as_json(happening) + b"\n")
                full = os.fstat(handle).st_size > _LIMIT
            finally:
                os.close(handle)
            if full:
                self._change()

    def read(
        self,
        token: CancelToken,
        *,
        since: float | None = None,
        until: float | None = None,
        follow: bool = False,
    ) -> Iterator[Happening]:
        """Those within the times, oldest first; with `follow` those to come, too, until `until` or cancelled.

        Raises Cancelled, StoreError.
        """
        from engine.runtime.logfile import Extent, read_blocks

        extent = Extent(None, since, until, follow, lambda: True)
        for name, each in ((_OLDER, Extent()), (_NAME, extent)):
            for block in read_blocks(self._root.path / name, each, token):
                yield from (happening for happening in _parsed(block) if extent.covers(happening.time))

    def how_it_went(self, name: str) -> str | None:
        """When a container, called by name or id, was removed, and how it had ended before, in words; None if not."""
        ended, told = "", None
        try:
            for happening in self.read(CancelToken()):
                if name not in (happening.name, happening.id):
                    continue
                if happening.action == "died" and (code := happening.detail.get("exit_code")) is not None:
                    ended = f"; it had ended with {code}"
                if happening.action == "remove":
                    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(happening.time))
                    told = f"was removed at {when}{ended}"
                if happening.action == "create":
                    ended = ""
        except CutawayError:
            return None
        return told

    def exit_code(self, id: str, began: float | None) -> int | None:
        """The exit code of the run of a container that began then; None where that is not written down."""
        with suppress(CutawayError, ValueError):
            for happening in self.read(CancelToken(), since=began):
                if happening.id == id and happening.action == "died":
                    return int(happening.detail.get("exit_code", ""))
        return None

    def _change(self) -> None:
        """Begin a new file. Two who find it full at once do it once."""
        with self._root.lock("events"):
            if (self._root.path / _NAME).stat().st_size > _LIMIT:
                os.rename(self._root.path / _NAME, self._root.path / _OLDER)


class Follower:
    """Tells which containers something has been done to since the last time it was asked."""

    def __init__(self, root: DataRoot) -> None:
        self._path = root.path / _NAME
        self._file, self._position = self._now()

    def ids(self) -> set[str] | None:
        """The ids in the lines that have come; None where that cannot be told, as another file has begun."""
        file, size = self._now()
        if file == self._file and size == self._position:
            return set()
        if file != self._file or size < self._position:
            self._file, self._position = file, size
            return None
        try:
            with self._path.open("rb") as opened:
                opened.seek(self._position)
                whole = opened.read(size - self._position).rpartition(b"\n")[0]
        except OSError:
            return None
        self._position += len(whole) + 1 if whole else 0
        return {happening.id for happening in _parsed(whole)}

    def _now(self) -> tuple[int, int]:
        """The number of the file, and its size; (0, 0) where there is none."""
        try:
            found = self._path.stat()
        except OSError:
            return 0, 0
        return found.st_ino, found.st_size


def _parsed(block: bytes) -> Iterator[Happening]:
    for line in block.split(b"\n"):
        with suppress(msgspec.MsgspecError, UnicodeDecodeError):  # a crash tore it
            yield msgspec.json.decode(line, type=Happening)
