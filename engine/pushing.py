"""Push: join the store and a registry. Blobs go side by side, the manifest last: then the image is there, whole."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import msgspec

from engine.digest import Digest
from engine.errors import StoreError, UsageError
from engine.events import LayerPhase, LayerProgress
from engine.jobs import Job, all_or_none
from engine.oci import Descriptor, ManifestKind, encode
from engine.reference import Reference, command_to_get
from engine.store import ImageRecord, Store

UPLOADS = 4
"""Blobs sent at once."""

_SOURCES = 5

_EVERY = 0.1  # seconds between two progress events of one blob


class Target(Protocol):
    """What an image is pushed to (see engine.registry.RegistryTarget)."""

    def blob(self, descriptor: Descriptor, path: Path, tell: Callable[[int], None], mount_from: list[str]) -> bool:
        """See that it has a blob; whether it was there already."""

    def manifest(self, raw: bytes, media_type: str) -> Digest:
        """Take the manifest."""


def push(
    store: Store,
    image: ImageRecord,
    target: Target,
    destination: Reference,
    job: Job,
    *,
    kind: ManifestKind | None = None,
) -> Digest:
    """Bring an image of the store to `target`, and return its manifest's digest there.

    Without `kind` the manifest goes as it is, under the same digest. What the target has, or can have from another of
    its repositories, is not sent. Raises UsageError, StoreError, RegistryError, Cancelled.
    """
    raw, media_type = manifest_as(store, image, kind)
    if destination.digest not in (None, Digest.of(raw)):
        raise UsageError(
            f"what would be pushed is {Digest.of(raw)}, not {destination.digest}", hint="Push it under a tag."
        )
    blobs = list({each.digest: each for each in (*image.manifest.layers, image.manifest.config)}.values())
    for blob in blobs:
        if not store.has_blob(blob.digest):
            raise StoreError(
                f"{image.name}: the blob {blob.digest} is not here any more", hint=command_to_get(image.name)
            )
    _Push(store, blobs, len(blobs) - 1, mountable(store, destination, blobs), target, job).run()
    return target.manifest(raw, media_type)


def mountable(store: Store, destination: Reference, blobs: list[Descriptor]) -> dict[Digest, list[str]]:
    """For each blob the other repositories of the destination's registry that, by the names in the store, have it."""
    wanted = {blob.digest for blob in blobs}
    found: dict[Digest, list[str]] = {}
    for image in store.images():
        try:
            name = Reference.parse(image.name)
        except UsageError:  # another program's name
            continue
        if name.domain != destination.domain or name.repository == destination.repository:
            continue
        for blob in (*image.manifest.layers, image.manifest.config):
            if blob.digest in wanted and name.repository not in found.setdefault(blob.digest, []):
                found[blob.digest].append(name.repository)
    return found


def sources(store: Store, image: ImageRecord, destination: Reference) -> list[str]:
    """The repositories that blobs of an image might be mounted from, few enough to ask a token for."""
    blobs = [*image.manifest.layers, image.manifest.config]
    found = mountable(store, destination, blobs)
    return list(dict.fromkeys(repositories[0] for repositories in found.values()))[:_SOURCES]


def manifest_as(store: Store, image: ImageRecord, kind: ManifestKind | None) -> tuple[bytes, str]:
    """The manifest's bytes and media type in the wanted kind; its own where it is of that kind already.

    Raises UsageError where a layer has no place in that kind.
    """
    if kind is None or image.descriptor.media_type == kind.media_type:
        return store.read_blob(image.descriptor), image.descriptor.media_type
    manifest = msgspec.structs.replace(
        image.manifest,
        media_type=kind.media_type,
        config=kind.of(image.manifest.config),
        layers=[kind.of(layer) for layer in image.manifest.layers],
        annotations=None if kind is ManifestKind.DOCKER else image.manifest.annotations,
    )
    return encode(manifest), kind.media_type


class _Push:
    def __init__(
        self,
        store: Store,
        blobs: list[Descriptor],
        layers: int,
        mounts: dict[Digest, list[str]],
        target: Target,
        job: Job,
    ) -> None:
        self._store = store
        self._layers = layers
        self._blobs = blobs
        self._mounts = mounts
        self._target = target
        self._job = job

    def run(self) -> None:
        """Send every blob; when one fails the others stop, and what failed first is raised."""
        for number, blob in enumerate(self._blobs, 1):
            self._tell(number, blob, LayerPhase.WAITING, 0)
        with ThreadPoolExecutor(UPLOADS, thread_name_prefix="cutaway-push") as pool:
            futures = [pool.submit(self._send, number, blob) for number, blob in enumerate(self._blobs, 1)]
            all_or_none(futures, self._job)

    def _send(self, number: int, blob: Descriptor) -> None:
        last = 0.0
        lock = threading.Lock()

        def tell(done: int) -> None:
            nonlocal last
            with lock:
                now = time.monotonic()
                if now - last < _EVERY:
                    return
                last = now
            self._tell(number, blob, LayerPhase.UPLOADING, done)

        self._job.check()
        was_there = self._target.blob(blob, self._store.blob_path(blob.digest), tell, self._mounts.get(blob.digest, []))
        phase = LayerPhase.PRESENT if was_there else LayerPhase.DONE
        self._tell(number, blob, phase, blob.size)

    def _tell(self, number: int, blob: Descriptor, phase: LayerPhase, done: int) -> None:
        """Progress is told of layers, as a pull does; the configuration comes after them and is no layer."""
        if number <= self._layers:
            self._job.emit(LayerProgress(self._job.id, blob.digest, number, self._layers, phase, done, blob.size))
