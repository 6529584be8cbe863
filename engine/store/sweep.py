"""Mark and sweep: what no name in index.json leads to goes, unless somebody uses it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import msgspec

from engine.digest import Digest, chain_ids
from engine.disk import read_regular
from engine.errors import ContentError, StoreError
from engine.oci import DOCUMENT_LIMIT, DOCUMENT_READ, parse_config
from engine.store.blobs import Blobs
from engine.store.layers import Layers


class Swept(msgspec.Struct, frozen=True):
    """What went: blobs, layers, bytes of unfinished transfers (`partial`), and the bytes of it all, as far as known."""

    blobs: tuple[Digest, ...] = ()
    layers: tuple[Digest, ...] = ()
    size: int = 0
    partial: int = 0


class Marked(msgspec.Struct, frozen=True):
    """What must stay."""

    blobs: frozenset[Digest]
    layers: frozenset[Digest]


def mark(roots: Iterable[Digest], blobs: Blobs, layers: Layers) -> Marked:
    """Follow what starts at `roots`: digests of manifests and indexes, and chain IDs of layers in use.

    Documents are followed by their form, not by their media type, so that what this program does not understand
    (another one's artifacts, signatures) keeps all its parts.
    """
    seen: set[Digest] = set()
    chains: set[Digest] = set()
    waiting = list(roots)
    while waiting:
        digest = waiting.pop()
        if digest in seen:
            continue
        seen.add(digest)
        if layers.exists(digest):
            chains.add(digest)
        if (layer := layers.find(digest)) is not None:
            waiting += [layer.blob, *([layer.parent] if layer.parent else [])]
        if (document := _document(digest, blobs)) is not None:
            waiting += _named_in(document)
            chains.update(_chains(digest, document, blobs))
    return Marked(frozenset(seen), frozenset(chains))


def sweep(marked: Marked, blobs: Blobs, layers: Layers) -> Swept:
    """Remove every blob and layer that is not marked. The caller sees to it that none comes meanwhile."""
    gone_layers = [chain_id for chain_id in layers.all() if chain_id not in marked.layers]
    gone_blobs = [digest for digest in blobs.all() if digest not in marked.blobs]
    size = sum(layers.remove(chain_id) for chain_id in gone_layers) + sum(map(blobs.remove, gone_blobs))
    return Swept(tuple(gone_blobs), tuple(gone_layers), size)


def _document(digest: Digest, blobs: Blobs) -> dict[str, Any] | None:
    """A blob as a JSON object, if it is one."""
    path = blobs.path(digest)
    try:
        if path.stat().st_size > DOCUMENT_LIMIT:
            return None
        raw = read_regular(path, DOCUMENT_READ)
        tree = json.loads(raw) if raw[:1] in b"{ \t\r\n" else None
    except (OSError, StoreError, ValueError, RecursionError):
        return None
    return tree if isinstance(tree, dict) else None


def _named_in(document: dict[str, Any]) -> list[Digest]:
    """The digests that an index's or a manifest's descriptors name."""
    several = [document.get(key) for key in ("manifests", "layers", "blobs")]
    descriptors = [document.get(key) for key in ("config", "subject")]
    for each in several:
        descriptors += each if isinstance(each, list) else []
    found = []
    for descriptor in descriptors:
        if isinstance(descriptor, dict):
            try:
                found.append(Digest.parse(descriptor.get("digest", "")))
            except ContentError:
                continue
    return found


def _chains(digest: Digest, document: dict[str, Any], blobs: Blobs) -> list[Digest]:
    """The chain IDs of an image configuration; none where it is something else."""
    if "rootfs" not in document:
        return []
    try:
        return chain_ids(parse_config(read_regular(blobs.path(digest), DOCUMENT_READ)).rootfs.diff_ids)
    except (ContentError, StoreError):
        return []
