"""A tar archive in a file as a folder: what an image archive has inside is looked up by name, and read where it is.

Headers are read as strictly as those of layers; data is passed over, not read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.disk import store_error
from engine.errors import ContentError, LayerError
from engine.jobs import CancelToken, Job
from engine.layers import names
from engine.layers.archive import Archive, Kind
from engine.layers.limits import Limits
from engine.layers.names import shown
from engine.text import visible

_MOST = 100_000
"""Entries: a file or two for each layer of each image."""

_HEADERS = 64 * 1024
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a file's data is; of a link the name that it leads to."""

    offset: int
    size: int
    target: bytes | None


class Members:
    """The files in a tar archive (an engine.source.Folder), by an open descriptor, which stays the caller's.

    `path` is what the archive is called. Raises ContentError where it is no tar archive, or one that can be read in
    two ways; StoreError, Cancelled.
    """

    def __init__(self, path: Path, handle: int, token: CancelToken) -> None:
        self.path = path
        self._handle = handle
        self._places: dict[bytes, _Place] = {}
        reader = _Headers(handle)
        try:
            while (member := reader.next()) is not None:
                token.check()
                name = names.clean(member.name)
                if member.kind is Kind.FILE and member.holes is None:
                    self._add(name, _Place(reader.offset, member.size, None))
                elif member.kind is Kind.LINK:
                    self._add(name, _Place(0, 0, names.clean(member.target)))
                elif member.kind is Kind.SYMLINK:
                    self._add(name, _Place(0, 0, names.clean(names.join(names.split(name)[0], member.target))))
                elif member.kind is not Kind.DIRECTORY:
                    raise ContentError(f"{visible(str(path))} is no image archive: {shown(name)} is no regular file")
        except LayerError as error:
            why = error.message if self._places else "it is no tar archive"
            raise ContentError(f"{visible(str(path))} is no image archive: {why}") from error
        except OSError as error:
            raise store_error(error, f"cannot read {path}") from error
        if not self._places:
            raise ContentError(f"{visible(str(path))} is no image archive: it is empty")

    def _add(self, name: bytes, place: _Place) -> None:
        if name in self._places and b"/" not in name:
            raise ContentError(f"{visible(str(self.path))} has {shown(name)} twice: it could be read in two ways")
        if len(self._places) >= _MOST:
            raise ContentError(f"{visible(str(self.path))} has more than {_MOST} files: no image archive has so many")
        self._places[name] = place

    def has(self, name: str) -> bool:
        return self._find(name) is not None

    def size(self, name: str) -> int:
        return self._located(name).size

    def read(self, name: str, limit: int) -> bytes:
        place = self._located(name)
        return b"".join(self._pieces(place.offset, min(place.size, limit)))

    def chunks(self, name: str, offset: int, job: Job) -> Iterator[bytes]:
        place = self._located(name)
        for piece in self._pieces(place.offset + offset, place.size - offset):
            job.check()
            yield piece

    def _pieces(self, at: int, size: int) -> Iterator[bytes]:
        while size > 0:
            try:
                piece = os.pread(self._handle, min(size, _CHUNK), at)
            except OSError as error:
                raise store_error(error, f"cannot read {self.path}") from error
            if not piece:
                raise ContentError(f"{visible(str(self.path))} became shorter while it was read")
            at, size = at + len(piece), size - len(piece)
            yield piece

    def _find(self, name: str) -> _Place | None:
        place = self._places.get(names.clean(os.fsencode(name)))
        for _ in range(names.LINKS):
            if place is None or place.target is None:
                return place
            place = self._places.get(place.target)
        return None

    def _located(self, name: str) -> _Place:
        place = self._find(name)
        if place is None:
            raise ContentError(f"{visible(str(self.path))} has no file {visible(name)[:200]!r}")
        return place


class _Headers(Archive):
    """The entries of an archive in a file that can be read at any place."""

    def __init__(self, handle: int) -> None:
        super().__init__((), Limits())
        self._handle = handle
        self._size = os.fstat(handle).st_size
        self._next = 0  # where in the file the next piece begins

    @property
    def offset(self) -> int:
        """Where the present entry's data begins in the file."""
        return self._next - len(self._buffer) + self._at

    def _more(self) -> bool:
        self._buffer, self._at = os.pread(self._handle, _HEADERS, self._next), 0
        self._next += len(self._buffer)
        return bool(self._buffer)

    def _skip(self, size: int) -> None:
        here = len(self._buffer) - self._at
        if size <= here:
            self._at += size
            return
        self._next += size - here
        self._buffer, self._at = b"", 0
        if self._next > self._size:
            raise LayerError("it ends in the middle of an entry")
