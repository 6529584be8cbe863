"""Looking for damage: every blob is hashed again, every layer and image looked at for what it lacks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path

import msgspec

from engine.digest import Digest
from engine.errors import ContentError, StoreError
from engine.events import Problem
from engine.jobs import CancelToken
from engine.reference import BUILT_IN, command_to_get
from engine.store.blobs import Blobs
from engine.store.images import Images
from engine.store.layers import Layers
from engine.text import visible

_AGAIN = "Pull the images again that have it."


def _again(name: str) -> str:
    return f"{'Make' if name == BUILT_IN else 'Pull'} it again: {command_to_get(visible(name))}"


class Damage(msgspec.Struct, frozen=True):
    """What is wrong with one thing, and how to put it right where that can be done: by taking the thing away, so that
    a next pull brings it whole."""

    problem: Problem
    repair: Callable[[], object] | None = None


class Finding(Problem, frozen=True):
    """What a check tells of one thing; `mended` where what was wrong has been taken away meanwhile."""

    mended: bool = False

    @classmethod
    def of(cls, problem: Problem, *, mended: bool) -> Finding:
        return cls(problem.code, problem.message, problem.hint, mended)


def damaged_blobs(blobs: Blobs, token: CancelToken) -> Iterator[Damage]:
    """Blobs whose content is not what their name says. Raises Cancelled."""
    for digest in blobs.all():
        try:
            whole = blobs.verify(digest, token)
        except StoreError as error:
            yield Damage(Problem("blob-unreadable", error.message, error.hint))
            continue
        if not whole:
            message = f"the blob {digest} has another content than its name says"
            yield Damage(Problem("blob-damaged", message, _AGAIN), partial(blobs.remove, digest))


def damaged_layers(layers: Layers, in_use: frozenset[Digest] | None) -> Iterator[Damage]:
    """Expanded layers that are not whole. One that a container stands on cannot be taken away, and none can where it is
    not known what is `in_use`."""
    for chain_id in layers.all():
        record = layers.find(chain_id)
        if record is None:
            message = f"the layer {chain_id} has no layer.json that can be read"
        elif not layers.path(chain_id).is_dir():
            message = f"the layer {chain_id} has no files"
        elif record.parent is not None and layers.find(record.parent) is None:
            message = f"the layer {chain_id} stands on {record.parent}, which is not here"
        else:
            continue
        if in_use is None:
            hint = "A container may stand on it whose record cannot be read: see to that first."
            yield Damage(Problem("layer-damaged", message, hint))
        elif chain_id in in_use:
            yield Damage(Problem("layer-damaged", message, "A container stands on it: remove that first."))
        else:
            yield Damage(Problem("layer-damaged", message, _AGAIN), partial(layers.remove, chain_id))


def useless(images: Images, name: str, message: str) -> Damage:
    """An image that cannot be put right: its name goes."""
    return Damage(Problem("image-damaged", message, _again(name)), partial(images.untag, name))


def damaged_images(images: Images) -> Iterator[Damage]:
    """An index.json that cannot be read, and names that do not lead to a whole image. One with layers that are not
    expanded is sound: whatever uses it next expands them."""
    try:
        entries = images.named()
    except StoreError as error:
        yield Damage(Problem("index-damaged", error.message, error.hint), images.rebuild)
        try:
            entries = images.named()  # it may have been repaired
        except StoreError:
            return
    for entry in entries:
        name = visible(entry.ref_name)
        try:
            images.load(entry)
            missing = images.missing_parts(entry)
        except (ContentError, StoreError) as error:
            yield useless(images, entry.ref_name, f"the image {name} cannot be used: {error.message}")
            continue
        if missing:
            yield useless(images, entry.ref_name, f"the image {name} is not whole without {', '.join(missing)}")


def strangers(folder: Path, known: Collection[str]) -> Iterator[Damage]:
    """What lies in a folder of the data directory and is none of its things. It is left for a person to judge."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name not in known:
            message = f"{visible(str(path))} is nothing that belongs there"
            yield Damage(Problem("stranger", message, "It is left alone. Remove it if you do not know it either."))
