"""Looking for damage that shows only where store and layers are looked at together; a part of `system check`."""

from __future__ import annotations

from collections.abc import Iterator

from engine import layers
from engine.errors import LayerError
from engine.jobs import CancelToken
from engine.store import Damage, Store
from engine.text import visible


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
