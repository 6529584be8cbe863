"""What takes how much room."""

from __future__ import annotations

from collections import Counter

import msgspec

from engine.digest import Digest
from engine.store.blobs import Blobs
from engine.store.images import ImageRecord, Images
from engine.store.layers import Layers
from engine.store.partials import Partials
from engine.store.sweep import Marked


class ImageUsage(msgspec.Struct, frozen=True):
    """One image, whatever it is called: bytes of its blobs and expanded layers that no other image has (`unique`), and
    that others have too (`shared`)."""

    names: tuple[str, ...]
    id: Digest
    unique: int
    shared: int


class Usage(msgspec.Struct, frozen=True):
    """Bytes of all blobs, of all expanded layers' files, of unfinished transfers; and what `prune` would free."""

    images: tuple[ImageUsage, ...]
    blobs: int
    layers: int
    partial: int
    reclaimable: int


def usage(images: Images, blobs: Blobs, layers: Layers, marked: Marked, partial: Partials) -> Usage:
    """Add it all up. `marked` is what a sweep would leave, `partial` the unfinished transfers."""
    blob_sizes = {digest: blobs.size(digest) for digest in blobs.all()}
    layer_sizes = {chain_id: _layer_size(layers, chain_id) for chain_id in layers.all()}
    kept = sum(blob_sizes.get(digest, 0) for digest in marked.blobs)
    kept += sum(layer_sizes.get(chain_id, 0) for chain_id in marked.layers)
    total_blobs, total_layers = sum(blob_sizes.values()), sum(layer_sizes.values())
    return Usage(
        _by_image(images.all(), blob_sizes, layer_sizes),
        total_blobs,
        total_layers,
        partial.size,
        total_blobs + total_layers - kept + partial.idle,
    )


def _by_image(
    records: list[ImageRecord], blob_sizes: dict[Digest, int], layer_sizes: dict[Digest, int]
) -> tuple[ImageUsage, ...]:
    names: dict[Digest, list[str]] = {}
    parts: dict[Digest, dict[tuple[str, Digest], int]] = {}
    for record in records:
        names.setdefault(record.descriptor.digest, []).append(record.name)
        own = (record.descriptor.digest, record.config_digest, *(layer.digest for layer in record.manifest.layers))
        parts[record.descriptor.digest] = {
            **{("blob", digest): blob_sizes.get(digest, 0) for digest in own},
            **{("layer", chain_id): layer_sizes.get(chain_id, 0) for chain_id in record.chain_ids},
        }
    users = Counter(part for image in parts.values() for part in image)
    ids = {record.descriptor.digest: record.config_digest for record in records}
    return tuple(
        ImageUsage(
            tuple(names[digest]),
            ids[digest],
            sum(size for part, size in image.items() if users[part] == 1),
            sum(size for part, size in image.items() if users[part] > 1),
        )
        for digest, image in parts.items()
    )


def _layer_size(layers: Layers, chain_id: Digest) -> int:
    record = layers.find(chain_id)
    return record.size if record else 0
