"""Looking for damage that shows only where store and layers are looked at together; a part of `system check`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from engine import layers
from engine.digest import Digest
from engine.errors import LayerError, StoreError
from engine.events import Problem
from engine.jobs import CancelToken
from engine.layers.comparing import difference
from engine.store import Damage, LayerRecord, Store
from engine.text import visible

_IN_USE = "A container stands on it, or may: remove that first; then cutaway system check --repair makes it anew."


def forged_images(store: Store, token: CancelToken) -> Iterator[Damage]:
    """Images with a blob that is not what stands expanded for it, as their configuration has it.

    Raises StoreError, Cancelled.
    """
    limits = layers.Limits.configured()
    for image in store.images():
        parts = zip(image.manifest.layers, image.config.rootfs.diff_ids, image.chain_ids, strict=True)
        for descriptor, diff_id, chain_id in parts:
            record = store.layer(chain_id)
            if record is None or record.is_from(descriptor.digest) or not store.has_blob(descriptor.digest):
                continue  # whatever expands it looks at it
            try:
                layers.prove(store.blob_path(descriptor.digest), diff_id, limits, token)
            except LayerError as error:
                message = f"the image {visible(image.name)} has a layer that is not its own: {error.message}"
                yield store.without(image.name, message)
                break


def altered_layers(store: Store, used: frozenset[Digest] | None, token: CancelToken) -> Iterator[Damage]:
    """Expanded layers that are not what their blobs expand to now. Each is made anew for that, and put in the place of
    the other by a repair, unless a container stands on it or it is not known what is `used`.

    Raises StoreError, Cancelled. Needs root.
    """
    with layers.unpacking_ready():
        yield from _altered(store, used, token)


def _altered(store: Store, used: frozenset[Digest] | None, token: CancelToken) -> Iterator[Damage]:
    limits = layers.Limits.configured()
    wrong: set[Digest] = set()
    for record, lower in _from_the_lowest(store):
        if record.parent in wrong:
            wrong.add(record.chain_id)  # what it should look like depends on what is below
            continue
        if not store.has_blob(record.blob):
            continue
        with store.root.staging("layer") as staging:
            try:
                blob = store.blob_path(record.blob)
                made = layers.unpack(
                    blob, staging, diff_id=record.diff_id, on_progress=lambda done: None, token=token, limits=limits
                )
                layers.settle(made, staging, lower=lower, token=token)
                found = difference(staging / "diff", store.layer_path(record.chain_id), token)
            except LayerError:  # the blob is not what it was, and that has been told
                wrong.add(record.chain_id)
                continue
            except StoreError as error:
                wrong.add(record.chain_id)
                message = f"the layer {record.chain_id} cannot be compared with its blob: {error.message}"
                yield Damage(Problem("layer-unchecked", message, error.hint))
                continue
            if found is None:
                continue
            free = used is not None and record.chain_id not in used
            hint = "cutaway system check --repair makes it anew." if free else _IN_USE
            repair = partial(store.publish_layer, staging, record) if free else None
            message = f"the layer {record.chain_id} is not what it was: {found}"
            yield Damage(Problem("layer-altered", message, hint), repair)
            if (staging / "diff").exists():  # it was not put in its place
                wrong.add(record.chain_id)


def _from_the_lowest(store: Store) -> Iterator[tuple[LayerRecord, list[Path]]]:
    """Every expanded layer whose lower ones are all here, and where those are, lowest first."""
    found = []
    for chain_id in store.layers():
        here, lower = store.layer(chain_id), list[Path]()
        below: Digest | None = here.parent if here is not None else None
        while below is not None and (parent := store.layer(below)) is not None:
            lower.insert(0, store.layer_path(below))
            below = parent.parent
        if here is not None and below is None and store.layer_path(chain_id).is_dir():
            found.append((here, lower))
    yield from sorted(found, key=lambda pair: len(pair[1]))
