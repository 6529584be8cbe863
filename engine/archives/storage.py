"""An image in podman's storage as a source: its layers' tar streams are put together again, to the byte.

containers/storage keeps beside each layer what tar-split noted at its unpacking: lines
of JSON, a segment's bytes or the name and size of a file whose content is on disk now. Together they are the stream.
"""

from __future__ import annotations

import base64
import os
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec

from engine.archives.plain import PlainLayer, PlainSource
from engine.disk import store_error
from engine.errors import ContentError, StoreError, UsageError
from engine.jobs import Job
from engine.layers.foreign import plain
from engine.layers.rooted import open_below
from engine.layers.stream import FileSource
from engine.reference import Reference
from engine.store import Store, podman_parts

_PIECE = 1 << 20
_LINE = 1 << 24  # bytes; a segment has a header and at most some padding
_FILE, _SEGMENT = 1, 2


class _Piece(msgspec.Struct, frozen=True):
    """One line of a tar-split file (tar/storage/entry.go)."""

    type: int
    name: str = ""
    name_raw: str = ""
    size: int = 0
    payload: str | None = None


def storage_source(text: str, store: Store) -> PlainSource:
    """The image that `containers-storage:TEXT` means. Raises ImageUnknown, StoreError, ContentError."""
    image, config, names = podman_parts(text)
    full = [name for name in names if _canonical(name) == name]
    asked = text.rpartition("]")[2]
    wanted = [name for name in full if name in (_canonical(asked), _canonical(f"localhost/{asked}"))]
    name = [*wanted, *full, f"localhost/podman:{image.config_digest.short}"][0]
    return PlainSource(store, config, [_layer(path) for path in image.in_place], name)


def _canonical(name: str) -> str:
    try:
        return str(Reference.parse(name))
    except UsageError:
        return ""


def _layer(path: Path) -> PlainLayer:
    """The layer whose files are in `overlay/<id>/diff`."""
    number, root = path.parent.name, path.parents[2]
    notes = root / "overlay-layers" / f"{number}.tar-split.gz"
    command = f"tar --create --xattrs --numeric-owner --directory={shlex.quote(str(path))} ."
    return PlainLayer(lambda job: _stream(notes, path, job), command)


def _stream(notes: Path, diff: Path, job: Job) -> Iterator[bytes]:
    try:
        with notes.open("rb", buffering=0) as file:
            root = os.open(diff, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                for line in _lines(plain(FileSource(file.fileno()), str(notes))):
                    job.check()
                    piece = _parsed(line, notes)
                    if piece.type == _SEGMENT:
                        yield base64.b64decode(piece.payload or "")
                    elif piece.type == _FILE and piece.size:
                        yield from _content(root, piece, diff)
            finally:
                os.close(root)
    except FileNotFoundError as error:
        raise StoreError(
            f"podman's storage does not have what is needed to make the layer {diff.parent.name[:12]} again",
            hint="podman save IMAGE | cutaway load",
        ) from error
    except OSError as error:
        raise store_error(error, f"cannot read {diff}") from error


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
        if len(rest) > _LINE:
            raise ContentError("a line of tar-split's notes is too long")
    if rest:
        yield rest


def _parsed(line: bytes, notes: Path) -> _Piece:
    try:
        return msgspec.json.decode(line, type=_Piece)
    except ValueError as error:
        raise ContentError(f"{notes} cannot be read: {error}") from error


def _content(root: int, piece: _Piece, diff: Path) -> Iterator[bytes]:
    name = base64.b64decode(piece.name_raw) if piece.name_raw else os.fsencode(piece.name)
    handle = open_below(root, name, os.O_RDONLY | os.O_NONBLOCK)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_size != piece.size:
            raise StoreError(f"{diff} was changed: a file in it is not what podman unpacked")
        left = piece.size
        while left:
            data = os.read(handle, min(left, _PIECE))
            if not data:
                raise StoreError(f"{diff} was changed while it was read")
            left -= len(data)
            yield data
    finally:
        os.close(handle)
