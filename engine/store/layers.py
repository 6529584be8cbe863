"""Expanded layers: `layers/<chain id>/diff`, with `layer.json` beside it."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from engine.digest import Digest
from engine.disk import DataRoot, store_error, sync_directory
from engine.errors import ContentError
from engine.jobs import CancelToken
from engine.libc import libc
from engine.oci import digest_hook

_RECORD = "layer.json"
_DIFF = "diff"
_ALGORITHMS = {64: "sha256", 128: "sha512"}
"""By how many digits a directory's name has: the lowest layer's chain ID is its diff ID, whatever that is made with."""


class LayerRecord(msgspec.Struct, frozen=True):
    """What is known of an expanded layer.

    `parent` is the chain ID of the layer below (None at the bottom), `blob` the digest of what it was unpacked
    from, `size` the bytes of its files, `files` the number of its entries, `created` when it was unpacked (RFC 3339;
    filled in when it is published), `also` other blobs with the same content, proved to have it.
    """

    chain_id: Digest
    diff_id: Digest
    parent: Digest | None
    blob: Digest
    size: int
    files: int
    created: str = ""
    also: tuple[Digest, ...] = ()

    def is_from(self, blob: Digest) -> bool:
        """Whether a blob is known to hold this layer."""
        return blob == self.blob or blob in self.also


class Layers:
    """The layers of one data directory."""

    def __init__(self, root: DataRoot) -> None:
        self._root = root

    def find(self, chain_id: Digest) -> LayerRecord | None:
        """A layer's record, or None if it is not here, whole."""
        try:
            raw = (self._home(chain_id) / _RECORD).read_bytes()
            record = msgspec.json.decode(raw, type=LayerRecord, dec_hook=digest_hook)
        except (FileNotFoundError, ValueError, ContentError):
            return None
        except OSError as error:
            raise store_error(error, f"cannot read the layer {chain_id}") from error
        return record if record.chain_id == chain_id else None

    def path(self, chain_id: Digest) -> Path:
        """The directory with a layer's files, or where it would be."""
        return self._home(chain_id) / _DIFF

    def exists(self, chain_id: Digest) -> bool:
        """Whether a layer's directory is here, damaged or not."""
        return self._home(chain_id).is_dir()

    def all(self) -> list[Digest]:
        """The chain IDs of all layers that are here, damaged ones too."""
        found = []
        for entry in self._root.layers.iterdir() if self._root.layers.exists() else ():
            try:
                found.append(Digest.parse(f"{_ALGORITHMS.get(len(entry.name))}:{entry.name}"))
            except ContentError:
                continue
        return sorted(found)

    @contextmanager
    def stage(self, chain_id: Digest, token: CancelToken) -> Iterator[Path | None]:
        """A directory to make a layer's `diff` in, or None if the layer is here already.

        One process at a time unpacks a layer: others wait here. Raises StoreError, Cancelled.
        """
        if self.find(chain_id) is not None:
            yield None
            return
        with self._root.lock(f"layer-{chain_id.hex}", token=token):
            if self.find(chain_id) is not None:  # another process finished it while this one waited
                yield None
                return
            with self._root.staging("layer") as home:
                yield home

    def publish(self, staging: Path, record: LayerRecord) -> None:
        """Put what was unpacked in a directory of `stage` in its place, durably. Raises StoreError."""
        target = self._home(record.chain_id)
        created = record.created or datetime.now(UTC).isoformat(timespec="seconds")
        try:
            (staging / _RECORD).write_bytes(_encoded(msgspec.structs.replace(record, created=created)))
            sync_filesystem(staging)
            if os.path.lexists(target):  # its record cannot be read: it was damaged from outside
                self.remove(record.chain_id)
            os.rename(staging, target)
            sync_directory(target.parent)
        except OSError as error:
            raise store_error(error, f"cannot keep the layer {record.chain_id}") from error

    def note(self, chain_id: Digest, blob: Digest) -> None:
        """Remember that a blob, too, was proved to hold a layer that is here. Raises StoreError."""
        # A lock for all of them, since who has a layer's own waits for others' (see `stage`).
        with self._root.lock("layer-notes"):
            record = self.find(chain_id)
            if record is not None and not record.is_from(blob):
                noted = msgspec.structs.replace(record, also=(*record.also, blob))
                self._root.write(self._home(chain_id) / _RECORD, _encoded(noted))

    def remove(self, chain_id: Digest) -> int:
        """Take a layer away, at once and as a whole; returns the bytes it had, as far as known. Raises StoreError."""
        record = self.find(chain_id)
        with self._root.staging("gone") as grave:
            try:
                os.rename(self._home(chain_id), grave / "layer")
                sync_directory(self._root.layers)
            except FileNotFoundError:
                return 0
            except OSError as error:
                raise store_error(error, f"cannot remove the layer {chain_id}") from error
        return record.size if record else 0

    def _home(self, chain_id: Digest) -> Path:
        return self._root.layers / chain_id.hex


def sync_filesystem(path: Path) -> None:
    """Make everything below `path` durable at once: far cheaper than an fsync for each of many files (syncfs(2))."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.syncfs(handle) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))
    finally:
        os.close(handle)


def _encoded(record: LayerRecord) -> bytes:
    return msgspec.json.format(msgspec.json.encode(record, enc_hook=str))
