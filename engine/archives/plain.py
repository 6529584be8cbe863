"""An image whose layers come as plain tar streams, without a manifest: blobs and manifest are made here."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from engine.digest import Digest, chain_ids
from engine.disk import store_error
from engine.errors import ContentError
from engine.events import LayerPhase, LayerProgress
from engine.jobs import Job
from engine.layers.compress import compress
from engine.oci import CONFIG, LAYER_GZIP, LAYER_ZSTD, MANIFEST, Descriptor, Manifest, Platform, encode, parse_config
from engine.source import FetchedImage
from engine.store import Store
from engine.text import human_size
from engine.trace import StepKind

_EVERY = 0.1  # seconds between two progress events of one layer


@dataclass(frozen=True, slots=True)
class PlainLayer:
    """A layer: `open` gives its tar stream anew, `command` is a shell command that prints it; `size` in bytes, 0 where
    it is not known."""

    open: Callable[[Job], Iterator[bytes]]
    command: str
    size: int = 0


class PlainSource:
    """An image by its configuration and its layers, lowest first (an engine.source.Source).

    `image` compresses what the store does not have yet, and holds every stream to its diff ID. The configuration stays
    as it is to the byte (`config`), and so does the image's id. `name` and `more` are full references.
    """

    def __init__(
        self, store: Store, config_raw: bytes, layers: Sequence[PlainLayer], name: str, more: Sequence[str] = ()
    ) -> None:
        self.name = name
        self.more = tuple(more)
        self._store = store
        self.config = config_raw
        self._typed = parse_config(config_raw, f"the configuration of {name}")
        self._layers = tuple(layers)
        found, told = len(layers), len(self._typed.rootfs.diff_ids)
        if found != told:
            raise ContentError(f"{name} is not coherent: it has {found} layers, and {told} in its configuration")

    @property
    def id(self) -> Digest:
        """The configuration's digest."""
        return Digest.of(self.config)

    def named(self, name: str) -> PlainSource:
        """The same image under another name alone."""
        return PlainSource(self._store, self.config, self._layers, name)

    def image(self, platform: Platform, job: Job) -> FetchedImage:
        """Raises ContentError, LayerError, StoreError, Cancelled."""
        diff_ids = self._typed.rootfs.diff_ids
        descriptors = [
            self._held(chain_id) or self._packed(number, diff_id, job)
            for number, (diff_id, chain_id) in enumerate(zip(diff_ids, chain_ids(diff_ids), strict=True))
        ]
        config = Descriptor(CONFIG, self.id, len(self.config))
        manifest = Manifest(2, config, descriptors, MANIFEST)
        raw = encode(manifest)
        descriptor = Descriptor(MANIFEST, Digest.of(raw), len(raw))
        return FetchedImage(descriptor, raw, manifest, self.config, self._typed)

    def blob(self, descriptor: Descriptor, offset: int, job: Job) -> Iterator[bytes]:
        raise ContentError(f"the layer {descriptor.digest} is gone again", hint="Load it once more.")

    def close(self) -> None:
        """Nothing is held open."""

    def _held(self, chain_id: Digest) -> Descriptor | None:
        """The blob of a layer that is here already."""
        record = self._store.layer(chain_id)
        if record is None or not self._store.has_blob(record.blob):
            return None
        path = self._store.blob_path(record.blob)
        with path.open("rb") as file:
            magic = file.read(4)
        kind = {b"\x1f\x8b": LAYER_GZIP, b"\x28\xb5": LAYER_ZSTD}.get(magic[:2])
        return Descriptor(kind, record.blob, path.stat().st_size) if kind else None

    def _packed(self, number: int, diff_id: Digest, job: Job) -> Descriptor:
        layer, last = self._layers[number], 0.0

        def tell(done: int) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= _EVERY:
                last = now
                count, done = len(self._layers), min(done, layer.size or done)
                job.emit(LayerProgress(job.id, diff_id, number + 1, count, LayerPhase.PACKING, done, layer.size))

        with self._store.root.staging("load") as folder, job.step(StepKind.LAYER, f"{layer.command} | gzip") as step:
            path = folder / "layer"
            try:
                with path.open("wb") as out:
                    built = compress(layer.open(job), out, on_progress=tell, token=job.token)
            except OSError as error:
                raise store_error(error, f"cannot pack layer {number + 1} of {self.name}") from error
            if built.diff_id != diff_id:
                raise ContentError(
                    f"layer {number + 1} of {self.name} is {built.diff_id}, not {diff_id} as its configuration says",
                    hint="It was damaged or exchanged on its way; nothing of it was kept.",
                )
            descriptor = Descriptor(LAYER_GZIP, built.digest, built.size)
            self._store.adopt_blob(path, descriptor)
            step.command += f" > {shlex.quote(str(self._store.blob_path(built.digest)))}"
            step.detail = f"{human_size(built.diff_size)}, {human_size(built.size)} compressed"
        return descriptor
