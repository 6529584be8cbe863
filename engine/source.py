"""Where an image is pulled from: what a registry and an image layout on disk have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from engine.disk import open_regular, store_error
from engine.jobs import Job
from engine.oci import Descriptor, ImageConfig, Manifest, Platform, check_coherent

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class FetchedImage:
    """One platform's image: its manifest and configuration, verified against their digests, as bytes and typed.

    Raises ContentError unless the configuration has one diff ID for each layer of the manifest.
    """

    descriptor: Descriptor
    manifest_raw: bytes
    manifest: Manifest
    config_raw: bytes
    config: ImageConfig

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
