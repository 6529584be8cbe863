"""Pull: join a source, the store and the layers. Blobs come side by side, layers are expanded as they arrive.

Nothing is visible before it is whole: the image is tagged last, when every layer stands in place.
"""

from __future__ import annotations

import os
import shlex
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from engine import layers
from engine.digest import Digest, chain_ids
from engine.disk import DataRoot
from engine.events import LayerPhase, LayerProgress
from engine.jobs import Job, all_or_none
from engine.journalling import keep
from engine.oci import Descriptor, Platform
from engine.source import FetchedImage, Source
from engine.store import ImageRecord, LayerRecord, Store
from engine.text import human_size
from engine.trace import StepKind

DOWNLOADS = 4
"""Blobs fetched at once: enough to fill a line, few enough to be polite to a registry."""

_EVERY = 0.1  # seconds between two progress events of one layer

T = TypeVar("T")


def pull(source: Source, store: Store, root: DataRoot, platform: Platform, job: Job) -> ImageRecord:
    """Bring the image that `source` names into the store, expanded, and return it.

    Content that is here already is not fetched again. Raises RegistryError, ContentError, StoreError, UsageError,
    Cancelled; what had arrived by then stays for the next try.
    """
    image, fresh = bring(source, store, platform, job)
    store.tag(source.name, image.descriptor, image.asked)
    if fresh:
        keep(root.traces / f"{image.descriptor.digest.hex}.jsonl", job.steps, job)
    return store.find(source.name)


def bring(source: Source, store: Store, platform: Platform, job: Job) -> tuple[FetchedImage, bool]:
    """Bring an image's content into the store and expand it, without giving it a name; whether anything was new.

    Raises what `pull` raises. The caller is `Store.holding`: what has no name yet could be swept away.
    """
    image = source.image(platform, job)
    fresh = _Pull(source, store, image, job).run()
    for raw, descriptor in ((image.config_raw, image.manifest.config), (image.manifest_raw, image.descriptor)):
        if not store.has_blob(descriptor.digest):
            store.put_blob(raw, descriptor.media_type, descriptor.digest)
            fresh = True
    return image, fresh


@dataclass(frozen=True, slots=True)
class _Layer:
    number: int
    descriptor: Descriptor
    diff_id: Digest
    chain_id: Digest
    parent: Digest | None
    lower: tuple[Digest, ...]


class _Pull:
    def __init__(self, source: Source, store: Store, image: FetchedImage, job: Job) -> None:
        self._source = source
        self._store = store
        self._job = job
        self._limits = layers.Limits.configured()  # before anything is fetched
        diff_ids = image.config.rootfs.diff_ids
        chain = chain_ids(diff_ids)
        self._layers = [
            _Layer(n + 1, descriptor, diff_ids[n], chain[n], chain[n - 1] if n else None, tuple(chain[:n]))
            for n, descriptor in enumerate(image.manifest.layers)
        ]
        self._fetching = threading.Semaphore(DOWNLOADS)
        self._expanding = threading.Semaphore(os.cpu_count() or 1)

    def run(self) -> bool:
        """Fetch and unpack every missing layer side by side; settle and publish them from the lowest up.

        Whether any was missing."""
        with ExitStack() as stack:
            for layer in self._layers:
                self._tell(layer, LayerPhase.WAITING, 0, layer.descriptor.size)
            stagings = [
                stack.enter_context(self._store.stage_layer(layer.chain_id, self._job.token)) for layer in self._layers
            ]
            stack.enter_context(layers.unpacking_ready(now=any(stagings)))
            pool = stack.enter_context(ThreadPoolExecutor(max(1, len(stagings)), thread_name_prefix="cutaway-layer"))
            unpacked = [pool.submit(self._bring, *pair) for pair in zip(self._layers, stagings, strict=True)]
            all_or_none(unpacked, self._job)
            for layer, staging, future in zip(self._layers, stagings, unpacked, strict=True):
                self._job.check()
                if staging is not None and (result := future.result()) is not None:
                    self._finish(layer, staging, result)
        return any(staging is not None for staging in stagings)

    def _finish(self, layer: _Layer, staging: Path, unpacked: layers.Unpacked) -> None:
        """Settle a layer on those below, which are finished, and put it in its place."""
        lower = [self._store.layer_path(below) for below in layer.lower]
        with self._hiding(layer) if unpacked.whiteouts else nullcontext():
            stats = layers.settle(unpacked, staging, lower=lower, token=self._job.token)
        self._store.publish_layer(
            staging,
            LayerRecord(
                chain_id=layer.chain_id,
                diff_id=layer.diff_id,
                parent=layer.parent,
                blob=layer.descriptor.digest,
                size=stats.size,
                files=stats.files,
            ),
        )
        self._tell(layer, LayerPhase.DONE, layer.descriptor.size, layer.descriptor.size)

    @contextmanager
    def _hiding(self, layer: _Layer) -> Iterator[None]:
        """The step that makes of an archive's whiteouts (image-spec, layer.md) what overlayfs goes by."""
        place = shlex.quote(str(self._store.layer_path(layer.chain_id)))
        opaque = 'rm "$1" && setfattr -n trusted.overlay.opaque -v y .'
        whiteout = 'rm "$1" && mknod -m 0 "${1#./.wh.}" c 0 0'
        command = " && ".join(
            f"find {place} -name {name} -execdir sh -c {shlex.quote(how)} sh {{}} ';'"
            for name, how in ((".wh..wh..opq", opaque), ("'.wh.*'", whiteout))
        )
        with self._job.step(StepKind.LAYER, command) as step:
            yield
            step.detail = "what the layer hides of those below it"

    def _bring(self, layer: _Layer, staging: Path | None) -> layers.Unpacked | None:
        """Fetch a layer's blob if it is not here, and unpack it unless it stands expanded already (no `staging`).

        What stands there may have come of another blob: this one has to be the same, or whoever made this image gave it
        a layer that others never see, and that would go on to wherever it is pushed.
        """
        with self._fetching:
            fetched = self._fetch(layer)
        if staging is None:
            record = self._store.layer(layer.chain_id)
            if record is None or not record.is_from(layer.descriptor.digest):
                with self._expanding:
                    self._prove(layer)
            phase = LayerPhase.DONE if fetched else LayerPhase.PRESENT
            self._tell(layer, phase, layer.descriptor.size, layer.descriptor.size)
            return None
        with self._expanding:
            return self._unpack(layer, staging)

    def _fetch(self, layer: _Layer) -> bool:
        """Whether there was something to fetch."""
        descriptor, size = layer.descriptor, layer.descriptor.size
        with self._store.ingest(descriptor, self._job.token) as blob:
            if blob.complete:
                return False
            tell = self._throttled(layer, LayerPhase.DOWNLOADING)
            done = blob.offset
            tell(done)
            for chunk in self._source.blob(descriptor, done, self._job):
                blob.write(chunk)
                done += len(chunk)
                tell(done)
            blob.commit()
            self._tell(layer, LayerPhase.DOWNLOADING, size, size)
        return True

    def _unpack(self, layer: _Layer, staging: Path) -> layers.Unpacked:
        blob = self._store.blob_path(layer.descriptor.digest)
        command = (
            f"mkdir -p {shlex.quote(str(self._store.layer_path(layer.chain_id)))} && "
            f"tar --extract --auto-compress --numeric-owner --xattrs-include='*' --file {shlex.quote(str(blob))}"
            f" --directory {shlex.quote(str(self._store.layer_path(layer.chain_id)))}"
        )
        with self._job.step(StepKind.LAYER, command) as step:
            unpacked = layers.unpack(
                blob,
                staging,
                diff_id=layer.diff_id,
                limits=self._limits,
                on_progress=self._throttled(layer, LayerPhase.EXPANDING),
                token=self._job.token,
            )
            step.detail = f"{human_size(layer.descriptor.size)} compressed"
        return unpacked

    def _prove(self, layer: _Layer) -> None:
        blob = self._store.blob_path(layer.descriptor.digest)
        command = f"zstd -dcf {shlex.quote(str(blob))} | {layer.diff_id.algorithm}sum"
        with self._job.step(StepKind.LAYER, command) as step:
            tell = self._throttled(layer, LayerPhase.EXPANDING)
            layers.prove(blob, layer.diff_id, self._limits, self._job.token, tell)
            step.detail = f"the content of a layer that is here: {layer.diff_id}"
        self._store.note_layer(layer.chain_id, layer.descriptor.digest)

    def _throttled(self, layer: _Layer, phase: LayerPhase) -> Callable[[int], None]:
        last = 0.0

        def tell(done: int) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= _EVERY:
                last = now
                self._tell(layer, phase, done, layer.descriptor.size)

        return tell

    def _tell(self, layer: _Layer, phase: LayerPhase, done: int, total: int) -> None:
        digest = layer.descriptor.digest
        self._job.emit(LayerProgress(self._job.id, digest, layer.number, len(self._layers), phase, done, total))
