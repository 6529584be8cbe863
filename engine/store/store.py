"""The store: blobs, names and expanded layers of one data directory, and what becomes of those nobody needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from engine.digest import Digest
from engine.disk import DataRoot
from engine.errors import ContentError, StoreError
from engine.events import Problem
from engine.jobs import CancelToken
from engine.oci import Descriptor
from engine.store.blobs import ALGORITHMS, Blobs, BlobWriter
from engine.store.images import ImageRecord, Images, mending
from engine.store.layers import LayerRecord, Layers
from engine.text import visible

if TYPE_CHECKING:  # what tidies up is loaded where it is used: most commands only look
    from engine.store.checking import Damage, Finding
    from engine.store.sweep import Marked, Swept
    from engine.store.usage import Usage

_SWEEP_LOCK = "sweep"


class Store:
    """Images on disk. Any number of processes and threads may work on one at the same time."""

    def __init__(self, root: DataRoot) -> None:
        self.root = root
        self._blobs = Blobs(root)
        self._images = Images(root, self._blobs)
        self._layers = Layers(root)

    def prepare(self) -> None:
        """Make what is missing of the skeleton. Raises StoreError."""
        self.root.prepare()
        self._blobs.prepare()
        self._images.prepare()
        self.root.lay_by()

    def holding(self, token: CancelToken | None = None) -> AbstractContextManager[int]:
        """While inside, nothing is swept away, in no process: for who puts an image together, or starts to use one.

        The store is there from then on. May be held several times over. Raises StoreError; Cancelled while a sweep is
        waited for.
        """
        self.prepare()
        return self.root.lock(_SWEEP_LOCK, shared=True, token=token)

    # -- blobs -----------------------------------------------------------------------------------------

    def has_blob(self, digest: Digest) -> bool:
        """Whether a blob is here, whole."""
        return self._blobs.has(digest)

    def blob_path(self, digest: Digest) -> Path:
        """Where a blob is, or would be."""
        return self._blobs.path(digest)

    def read_blob(self, descriptor: Descriptor) -> bytes:
        """A small document, verified. Raises ContentError, StoreError."""
        return self._blobs.read(descriptor)

    def held(self, descriptor: Descriptor) -> bytes | None:
        """A small document if it is here, verified; None if it is not, or no longer what it was."""
        try:
            return self._blobs.read(descriptor) if self._blobs.has(descriptor.digest) else None
        except (ContentError, StoreError):
            return None

    def put_blob(self, data: bytes, media_type: str, digest: Digest | None = None) -> Descriptor:
        """Store a small document under `digest`, which names it, or else its sha256. Raises StoreError."""
        return self._blobs.put(data, media_type, digest)

    def adopt_blob(self, path: Path, descriptor: Descriptor) -> None:
        """Take in a blob that this program has just written to a file of the data directory, and hashed.

        Raises StoreError.
        """
        self._blobs.adopt(path, descriptor)

    def ingest(self, descriptor: Descriptor, token: CancelToken) -> AbstractContextManager[BlobWriter]:
        """Take a blob in, from where an earlier attempt ended (see BlobWriter). One at a time works on a blob.

        Raises ContentError, StoreError, Cancelled.
        """
        return self._blobs.ingest(descriptor, token)

    # -- images ----------------------------------------------------------------------------------------

    def images(self) -> list[ImageRecord]:
        """Every named image that is whole, by name."""
        return self._images.all()

    def find(self, name_or_id: str) -> ImageRecord:
        """The image that a person means: a name or a familiar short form of it, an id or its beginning, a digest.

        Raises ImageUnknown, UsageError if it can mean several.
        """
        return self._images.find(name_or_id)

    def of_digest(self, digest: Digest) -> ImageRecord:
        """The image whose manifest has this digest, whether a name leads to it or not. Raises ImageUnknown."""
        return self._images.of_digest(digest)

    def tag(self, name: str, descriptor: Descriptor, index: Digest | None = None) -> None:
        """Let `name` (a full reference) mean this image from now on. A digest in it must be the image's own, or that of
        the `index` by which it came, and which was verified.

        Raises UsageError if it is not one, StoreError if a part of the image is not here.
        """
        self._images.tag(name, descriptor, index)

    def untag(self, name: str) -> None:
        """Let `name` mean nothing. What it meant stays until it is swept. Raises ImageUnknown."""
        self._images.untag(name)

    def remove(self, name: str, in_use: Callable[[], Iterable[Digest]]) -> Swept:
        """Take a name away and sweep. Raises ImageUnknown. See `sweep` for `in_use`.

        Where an image is being put together at this moment, the name goes and the sweep is left to a next one. It
        works on a disk that is full, too.
        """
        with self.root.reserve():
            self._images.untag(name)
            return self.sweep(in_use)

    def prune(self, in_use: Callable[[], Iterable[Digest]]) -> Swept:
        """`sweep`, and remove what has come of transfers that were cut short, where nobody is at work on it."""
        from engine.store.partials import forget

        partial = forget(self.root)
        swept = self.sweep(in_use)
        return msgspec.structs.replace(swept, size=swept.size + partial, partial=partial)

    def sweep(self, in_use: Callable[[], Iterable[Digest]]) -> Swept:
        """Remove the blobs and layers that no name leads to.

        `in_use` gives the digests of what must stay all the same: manifests, and chain IDs of layers that containers
        stand on. It is called when nobody can begin to use anything. Nothing goes while somebody is `holding`.
        """
        from engine.store.sweep import Swept, sweep

        with self.root.try_lock(_SWEEP_LOCK) as alone:
            if not alone:
                return Swept()
            marked = self._mark(in_use)
            swept = sweep(marked, self._blobs, self._layers)
            self._sweep_traces(marked)
            return swept

    def _sweep_traces(self, marked: Marked) -> None:
        """Remove the journals of images that are gone."""
        kept = {digest.hex for digest in marked.blobs}
        for path in self.root.traces.glob("*.jsonl"):
            if path.stem not in kept:
                path.unlink(missing_ok=True)

    def usage(self, in_use: Callable[[], Iterable[Digest]]) -> Usage:
        """What takes how much room. See `sweep` for `in_use`. Raises StoreError."""
        from engine.store.partials import measure
        from engine.store.usage import usage

        return usage(self._images, self._blobs, self._layers, self._mark(in_use), measure(self.root))

    def unreadable_images(self) -> list[Problem]:
        """The named images that `images` leaves out, since their manifest or configuration cannot be read."""
        found = []
        for entry, image in self._images.each():
            if not isinstance(image, ImageRecord):
                message = f"the image {visible(entry.ref_name)} is damaged: {image.message}"
                found.append(Problem("image-damaged", message, mending(entry.ref_name)))
        return found

    def check(
        self,
        in_use: Callable[[], Iterable[Digest] | None],
        token: CancelToken,
        *,
        repair: bool = False,
        further: Callable[[frozenset[Digest] | None], Iterable[Damage]] = lambda used: (),
    ) -> list[Finding]:
        """Look at everything and say what is damaged. It reads every blob, and so takes its time.

        With `repair`, what is damaged is taken away, so that a next pull brings it; meanwhile nobody can put an image
        together or begin to use one. See `sweep` for `in_use`; where it gives None, that is not known, and every layer
        stays. `further` finds more by what is in use. Raises StoreError, Cancelled.
        """
        from engine.store.checking import Finding, damaged_blobs, damaged_images, damaged_layers

        found = []
        with self.root.lock(_SWEEP_LOCK, shared=not repair, token=token):
            in_use_now = in_use()
            used = None if in_use_now is None else frozenset(in_use_now)
            for damage in chain(
                damaged_blobs(self._blobs, token),
                damaged_layers(self._layers, used),
                damaged_images(self._images),
                self._strangers(),
                further(used),
            ):
                mend = damage.repair if repair else None
                if mend is not None:
                    mend()
                found.append(Finding.of(damage.problem, mended=mend is not None))
        return found

    def without(self, name: str, message: str) -> Damage:
        """The damage of an image that cannot be put right, in words; its name goes."""
        from engine.store.checking import useless

        return useless(self._images, name, message)

    def _strangers(self) -> Iterator[Damage]:
        from engine.store.checking import strangers

        yield from strangers(self.root.layers, {chain_id.hex for chain_id in self._layers.all()})
        blobs = {digest.hex for digest in self._blobs.all()}
        for algorithm in ALGORITHMS:
            yield from strangers(self.root.images / "blobs" / algorithm, blobs)

    def _mark(self, in_use: Callable[[], Iterable[Digest]]) -> Marked:
        from engine.store.sweep import mark

        roots = [*(entry.digest for entry in self._images.entries()), *in_use()]
        return mark(roots, self._blobs, self._layers)

    # -- layers ----------------------------------------------------------------------------------------

    def layer(self, chain_id: Digest) -> LayerRecord | None:
        """An expanded layer's record, or None if it is not here, whole."""
        return self._layers.find(chain_id)

    def note_layer(self, chain_id: Digest, blob: Digest) -> None:
        """Remember that a blob, too, was proved to hold an expanded layer. Raises StoreError."""
        self._layers.note(chain_id, blob)

    def layers(self) -> list[Digest]:
        """The chain IDs of all layers that are here, damaged ones too."""
        return self._layers.all()

    def layer_path(self, chain_id: Digest) -> Path:
        """The directory with a layer's files, or where it would be."""
        return self._layers.path(chain_id)

    def stage_layer(self, chain_id: Digest, token: CancelToken) -> AbstractContextManager[Path | None]:
        """An empty directory to make a layer's `diff` in, or None if the layer is here. One at a time works on a layer.

        It is gone at the end unless it was published. Stage layers from the lowest up, as all do, so that no two wait
        for each other. Raises StoreError, Cancelled.
        """
        return self._layers.stage(chain_id, token)

    def publish_layer(self, staging: Path, record: LayerRecord) -> None:
        """Put what was unpacked in a directory from `stage_layer` in its place, durably. Raises StoreError."""
        self._layers.publish(staging, record)
