"""Blobs: the content of an image layout, each under its own digest (image-spec image-layout.md, "Blobs")."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from engine.digest import Digest
from engine.disk import DataRoot, open_regular, read_regular, store_error, sync_directory
from engine.errors import ContentError
from engine.jobs import CancelToken
from engine.oci import Descriptor, read_verified

_CHUNK = 1 << 20

ALGORITHMS = ("sha256", "sha512")
"""What blobs are named by; each has a folder."""


def read_document(path: Path, descriptor: Descriptor) -> bytes:
    """Read a small document and check it against its descriptor.

    Raises ContentError if it is not what the descriptor promises or over DOCUMENT_LIMIT, StoreError if it cannot be
    read. Neither a FIFO nor a device nor an endless file in its place holds the reader up.
    """
    what = f"the content of {path}"
    return read_verified(partial(read_regular, path), descriptor, what, "It is damaged: pull it again.")


class BlobWriter:
    """A blob on its way in. Write `descriptor.size - offset` more bytes and commit.

    `complete` says that the blob is here already: there is nothing to write. `offset` is how many bytes are here: at
    first what an earlier attempt left, which has been hashed again. Not safe for several threads at once.
    """

    def __init__(self, descriptor: Descriptor, target: Path, part: tuple[Path, int] | None, token: CancelToken) -> None:
        self.complete = part is None
        self.offset = descriptor.size if part is None else 0
        self._descriptor = descriptor
        self._target = target
        self._hasher = descriptor.digest.hasher()
        if part is not None:
            self._path, self._handle = part
            self._resume(token)

    def _resume(self, token: CancelToken) -> None:
        size = os.fstat(self._handle).st_size
        if size > self._descriptor.size:
            self._restart()
            return
        while chunk := os.pread(self._handle, _CHUNK, self.offset):
            token.check()
            self._hasher.update(chunk)
            self.offset += len(chunk)
        if self.offset == self._descriptor.size:
            if self._descriptor.digest.names(self._hasher):
                self.commit()
            else:
                self._restart()

    def _restart(self) -> None:
        os.ftruncate(self._handle, 0)
        self._hasher = self._descriptor.digest.hasher()
        self.offset = 0

    def write(self, chunk: bytes) -> None:
        """Add bytes. Raises ContentError at the first byte too many, StoreError if the disk is full."""
        if self.complete:
            raise ValueError("nothing is to be written to a complete blob")
        if self.offset + len(chunk) > self._descriptor.size:
            self.discard()
            raise ContentError(
                f"{self._descriptor.digest} should have {self._descriptor.size} bytes, but more arrived",
                hint="The registry's manifest and its content do not agree; nothing was kept.",
            )
        self._hasher.update(chunk)
        rest = memoryview(chunk)
        try:
            while rest:
                written = os.pwrite(self._handle, rest, self.offset)
                self.offset += written
                rest = rest[written:]
        except OSError as error:
            raise store_error(error, f"cannot write {self._path}") from error

    def commit(self) -> None:
        """Check size and digest and put the blob in its place, durably. Raises ContentError, StoreError."""
        if self.complete:
            return
        if self.offset != self._descriptor.size:
            raise ContentError(
                f"{self._descriptor.digest} should have {self._descriptor.size} bytes, but only {self.offset} arrived",
                hint="Try again: what has arrived is kept.",
            )
        if not self._descriptor.digest.names(self._hasher):
            found = f"{self._descriptor.digest.algorithm}:{self._hasher.hexdigest()}"
            self.discard()
            raise ContentError(
                f"what arrived is not {self._descriptor.digest}, but {found}",
                hint="It was damaged or exchanged on its way; nothing was kept. Try again.",
            )
        try:
            os.fchmod(self._handle, 0o644)
            os.fsync(self._handle)
            os.rename(self._path, self._target)
            sync_directory(self._target.parent)
        except OSError as error:
            raise store_error(error, f"cannot keep {self._target}") from error
        self.complete = True

    def discard(self) -> None:
        """Throw away what has arrived; it is of no use to a next attempt."""
        if not self.complete:
            self._restart()


class Blobs:
    """The blobs below `images/blobs`."""

    def __init__(self, root: DataRoot) -> None:
        self._root = root
        self._path = root.images / "blobs"

    def prepare(self) -> None:
        """Make the directories. Raises StoreError."""
        try:
            for algorithm in ALGORITHMS:
                if not (place := self._path / algorithm).is_dir():
                    place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise store_error(error, f"cannot prepare {self._path}") from error

    def path(self, digest: Digest) -> Path:
        """Where a blob is, or would be."""
        return self._path.joinpath(digest.algorithm, digest.hex)

    def has(self, digest: Digest) -> bool:
        """Whether a blob is here, whole."""
        return self.path(digest).is_file()

    def read(self, descriptor: Descriptor) -> bytes:
        """A small document, verified. Raises ContentError, StoreError."""
        return read_document(self.path(descriptor.digest), descriptor)

    def put(self, data: bytes, media_type: str, digest: Digest | None = None) -> Descriptor:
        """Store a small document under `digest`, which names it, or else its sha256. Raises StoreError."""
        descriptor = Descriptor(media_type, digest or Digest.of(data), len(data))
        self._root.write(self.path(descriptor.digest), data)
        return descriptor

    def adopt(self, path: Path, descriptor: Descriptor) -> None:
        """Take in a blob that this program has just written to a file of the data directory, and hashed.

        Raises StoreError.
        """
        target = self.path(descriptor.digest)
        try:
            with path.open("rb") as file:
                os.fchmod(file.fileno(), 0o644)
                os.fsync(file.fileno())
            os.rename(path, target)
            sync_directory(target.parent)
        except OSError as error:
            raise store_error(error, f"cannot keep {target}") from error

    def all(self) -> list[Digest]:
        """Every blob that is here."""
        found = []
        for folder in self._path.iterdir() if self._path.exists() else ():
            for entry in folder.iterdir():
                try:
                    found.append(Digest.parse(f"{folder.name}:{entry.name}"))
                except ContentError:
                    continue  # another program's
        return sorted(found)

    def size(self, digest: Digest) -> int:
        """How many bytes a blob has; 0 if it is not here. Raises StoreError."""
        path = self.path(digest)
        try:
            return path.lstat().st_size
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise store_error(error, f"cannot read {path}") from error

    def verify(self, digest: Digest, token: CancelToken) -> bool:
        """Hash a blob again: False if it is not what its name says. One that is not here is not wrong.

        Raises StoreError, Cancelled.
        """
        path, hasher = self.path(digest), digest.hasher()
        try:
            with open(open_regular(path), "rb", buffering=0) as file:
                while chunk := file.read(_CHUNK):
                    token.check()
                    hasher.update(chunk)
        except FileNotFoundError:
            return True
        except OSError as error:
            raise store_error(error, f"cannot read {path}") from error
        return digest.names(hasher)

    def remove(self, digest: Digest) -> int:
        """Take a blob away; returns how many bytes it had. Raises StoreError."""
        path, size = self.path(digest), self.size(digest)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise store_error(error, f"cannot remove {path}") from error
        return size

    @contextmanager
    def ingest(self, descriptor: Descriptor, token: CancelToken) -> Iterator[BlobWriter]:
        """Take a blob in. One at a time works on it: others wait here, and find it complete.

        What has arrived stays in tmp/ for a next attempt unless it was committed or found wrong.
        Raises ContentError if a blob is here under this digest, but with another size; StoreError, Cancelled.
        """
        target = self.path(descriptor.digest)
        if self._is_here(descriptor):
            yield BlobWriter(descriptor, target, None, token)
            return
        with self._root.partial(f"blob-{descriptor.digest.hex}", token) as part:
            if self._is_here(descriptor):  # another process finished it while this one waited
                yield BlobWriter(descriptor, target, None, token)
            else:
                yield BlobWriter(descriptor, target, part, token)

    def _is_here(self, descriptor: Descriptor) -> bool:
        try:
            size = self.path(descriptor.digest).stat().st_size
        except FileNotFoundError:
            return False
        except OSError as error:
            raise store_error(error, f"cannot read {self.path(descriptor.digest)}") from error
        if size != descriptor.size:
            raise ContentError(f"{descriptor.digest} is named with {descriptor.size} bytes, but here it has {size}")
        return True
