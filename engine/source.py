"""Where an image is pulled from: what a registry and an image layout on disk have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from engine.digest import Digest
from engine.disk import open_regular, read_regular, store_error
from engine.errors import ContentError
from engine.jobs import Job
from engine.oci import Descriptor, ImageConfig, Manifest, Platform, check_coherent
from engine.text import visible

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class FetchedImage:
    """One platform's image: its manifest and configuration, verified against their digests, as bytes and typed.

    `offers` are the platforms that stood beside it, where it comes from an index; `asked` is the digest of the document
    that its name led to, that index's or the manifest's own.
    Raises ContentError unless the configuration has one diff ID for each layer of the manifest.
    """

    descriptor: Descriptor
    manifest_raw: bytes
    manifest: Manifest
    config_raw: bytes
    config: ImageConfig
    offers: tuple[str, ...] = ()
    asked: Digest | None = None

    def __post_init__(self) -> None:
        check_coherent(self.manifest, self.config)


Held: TypeAlias = Callable[[Descriptor], bytes | None]
"""Gives a document that is here already, verified, or None."""


def nothing_held(descriptor: Descriptor) -> None:
    """The `Held` of who has nothing."""


class Source(Protocol):
    """Something that images can be pulled from. Methods may be called from several threads at once."""

    @property
    def name(self) -> str:
        """The name that the image gets in the store, e.g. `docker.io/library/debian:12`."""

    def image(self, platform: Platform, job: Job) -> FetchedImage:
        """Resolve the name to one platform's image (index -> manifest -> config), each verified.

        Raises RegistryError, ContentError, StoreError, Cancelled.
        """

    def blob(self, descriptor: Descriptor, offset: int, job: Job) -> Iterator[bytes]:
        """The bytes of a blob from `offset` on; interruptions are mended inside.

        The consumer verifies size and digest. Raises RegistryError, ContentError, StoreError, Cancelled.
        """

    def close(self) -> None:
        """Let go of connections."""


class Folder(Protocol):
    """Files by name: a directory's, or those in an archive. Names have parts between slashes, and no `..`."""

    @property
    def path(self) -> Path:
        """Where it is, for messages and names."""

    def has(self, name: str) -> bool:
        """Whether there is a regular file of that name."""

    def size(self, name: str) -> int:
        """A file's bytes. Raises StoreError, ContentError where there is none."""

    def read(self, name: str, limit: int) -> bytes:
        """At most `limit` bytes of a file. Raises StoreError, ContentError where there is none."""

    def chunks(self, name: str, offset: int, job: Job) -> Iterator[bytes]:
        """A file's bytes from `offset` on. Raises StoreError, ContentError, Cancelled."""


class Directory:
    """A directory of the filesystem as a Folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def has(self, name: str) -> bool:
        return self._file(name).is_file()

    def size(self, name: str) -> int:
        try:
            return self._file(name).stat().st_size
        except OSError as error:
            raise store_error(error, f"cannot read {self._file(name)}") from error

    def read(self, name: str, limit: int) -> bytes:
        return read_regular(self._file(name), limit)

    def chunks(self, name: str, offset: int, job: Job) -> Iterator[bytes]:
        return file_chunks(self._file(name), offset, job)

    def _file(self, name: str) -> Path:
        if name.startswith("/") or ".." in name.split("/"):
            raise ContentError(f"a name that leads out of {self.path}: {visible(name)[:200]!r}")
        return self.path / name


def file_chunks(path: Path, offset: int, job: Job) -> Iterator[bytes]:
    """The bytes of a regular file from `offset` on. Raises StoreError, Cancelled."""
    try:
        with open(open_regular(path), "rb", buffering=0) as file:
            file.seek(offset)
            while chunk := file.read(_CHUNK):
                job.check()
                yield chunk
    except OSError as error:
        raise store_error(error, f"cannot read {path}") from error
