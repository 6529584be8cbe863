"""Where an image is pulled from: what a registry and an image layout on disk have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from engine.jobs import Job
from engine.oci import Descriptor, ImageConfig, Manifest, Platform


@dataclass(frozen=True, slots=True)
class FetchedImage:
    """One platform's image: its manifest and configuration, verified against their digests, as bytes and typed."""

    descriptor: Descriptor
    manifest_raw: bytes
    manifest: Manifest
    config_raw: bytes
    config: ImageConfig


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
