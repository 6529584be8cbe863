"""What `docker save` writes, and podman and skopeo as docker-archive (docker's image specification 1.2)."""

from __future__ import annotations

import shlex

import msgspec

from engine.archives.plain import PlainLayer, PlainSource
from engine.digest import Digest
from engine.errors import ContentError, ImageUnknown, UsageError
from engine.layers.foreign import ChunkSource, plain
from engine.oci import DOCUMENT_READ
from engine.reference import Reference
from engine.source import Folder
from engine.store import Store
from engine.store.layout import local_name
from engine.text import visible

MANIFEST_FILE = "manifest.json"


class Item(msgspec.Struct, frozen=True, rename="pascal"):
    """One image of `manifest.json`: the files of its configuration and of its layers, lowest first."""

    config: str
    layers: list[str]
    repo_tags: list[str] | None = None


def items(folder: Folder) -> list[Item]:
    """The images of an archive. Raises ContentError."""
    raw = folder.read(MANIFEST_FILE, DOCUMENT_READ)
    try:
        return msgspec.json.decode(raw, type=list[Item])
    except (ValueError, RecursionError) as error:
        raise ContentError(f"{MANIFEST_FILE} of {folder.path} cannot be read: {visible(str(error))[:200]}") from error


def encode(images: list[Item]) -> bytes:
    """The file `manifest.json`."""
    return msgspec.json.encode(images)


def sources(folder: Folder, store: Store) -> list[PlainSource]:
    """Every image of an archive. Raises ContentError."""
    return [_source(folder, item, store) for item in items(folder)]


def source(folder: Folder, name: str, store: Store) -> PlainSource:
    """The image that is meant by `name`: a reference, `@N` counted from 0, or "" for the only one
    (containers-transports(5)). Raises ContentError, ImageUnknown naming what is on offer, UsageError."""
    offers = items(folder)
    if name.startswith("@"):
        if not name[1:].isdigit() or int(name[1:]) >= len(offers):
            raise UsageError(f"{folder.path} has no image {visible(name)!r}", hint=f"There are {len(offers)}, from @0.")
        return _source(folder, offers[int(name[1:])], store)
    wanted = str(Reference.parse(name)) if name else ""
    found = [item for item in offers if not name or wanted in map(_canonical, item.repo_tags or [])]
    if len(found) != 1:
        names = [each for item in offers for each in item.repo_tags or []]
        what = f"has no image {visible(name)!r}" if name else f"has {len(offers)} images: name one"
        hint = f"There are: {visible(', '.join(names))[:1000]}" if names else "None has a name: give @0, @1, …"
        raise ImageUnknown(f"{folder.path} {what}", hint=hint if offers else "It is empty.")
    made = _source(folder, found[0], store)
    return made.named(wanted) if name else made


def _source(folder: Folder, item: Item, store: Store) -> PlainSource:
    raw = folder.read(item.config, DOCUMENT_READ)
    names = list(dict.fromkeys(full for tag in item.repo_tags or [] if (full := _canonical(tag))))
    for name in names:
        if "@" in name:  # a manifest's, and docker's archives have none
            raise ContentError(f"{folder.path} calls an image {visible(name)}: a digest that it cannot have")
    names = names or [local_name(folder.path, Digest.of(raw).short)]
    return PlainSource(store, raw, [_layer(folder, name) for name in item.layers], names[0], names[1:])


def _layer(folder: Folder, name: str) -> PlainLayer:
    """Some builders compress the layers even here; docker takes them so, too."""
    what = f"{visible(name)[:200]} of {folder.path}"
    return PlainLayer(
        lambda job: plain(ChunkSource(folder.chunks(name, 0, job)), what),
        shlex.join(["tar", "--extract", "--to-stdout", "--file", str(folder.path), name]),
        folder.size(name),
    )


def _canonical(tag: str) -> str:
    try:
        return str(Reference.parse(tag))
    except UsageError:
        return ""
