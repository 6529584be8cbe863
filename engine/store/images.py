"""The images of a layout: `index.json`, which gives names to manifests (image-spec image-layout.md, "index.json").

A name is the annotation org.opencontainers.image.ref.name, and holds the whole reference, so that skopeo, podman
and umoci call the image `oci:images:docker.io/library/debian:12`. What other programs wrote into index.json is kept.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from engine.digest import Digest, chain_ids
from engine.disk import DataRoot, read_regular, store_error
from engine.errors import ContentError, ImageUnknown, StoreError, UsageError
from engine.oci import (
    DOCUMENT_LIMIT,
    DOCUMENT_READ,
    INDEX,
    MANIFEST,
    MANIFEST_TYPES,
    REF_NAME,
    Descriptor,
    ImageConfig,
    Manifest,
    check_coherent,
    encode,
    parse_config,
    parse_index,
    parse_manifest,
)
from engine.reference import Reference, check_digest, command_to_get
from engine.store.blobs import Blobs
from engine.text import as_json, visible

_LOCK = "index"
_INDEX_DIGEST = "io.cutaway.index"
"""An entry's annotation: the digest of the index by which the image came, where its name has that."""
_ID = re.compile(r"[0-9a-f]{4,64}")


class ImageRecord(msgspec.Struct, frozen=True):
    """One named image of the store: its manifest's descriptor, and what it points to, typed."""

    name: str
    descriptor: Descriptor
    manifest: Manifest
    config: ImageConfig
    in_place: tuple[Path, ...] = ()
    """Directories of another program that it is made of, lowest first, instead of layers of this store."""

    @property
    def config_digest(self) -> Digest:
        """The image's id, as docker and podman show it."""
        return self.manifest.config.digest

    @property
    def chain_ids(self) -> list[Digest]:
        """Its expanded layers, lowest first; none where it is used in place."""
        if self.in_place:
            return []
        return chain_ids(self.config.rootfs.diff_ids)


class Images:
    """Names, and the images that they name."""

    def __init__(self, root: DataRoot, blobs: Blobs) -> None:
        self._root = root
        self._blobs = blobs
        self._path = root.images / "index.json"
        self._known: dict[Digest, tuple[Manifest, ImageConfig]] = {}

    def prepare(self) -> None:
        """Make an empty layout where there is none. Where index.json alone is gone, it is made as `rebuild` does, lest
        a sweep takes everything for needless."""
        marker = self._root.images / "oci-layout"
        if not marker.exists():
            self._root.write(marker, b'{"imageLayoutVersion":"1.0.0"}')
        if not self._path.exists():
            with self._root.lock(_LOCK):
                if not self._path.exists():
                    self._write_anew()

    def all(self) -> list[ImageRecord]:
        """Every named image that is whole, by name."""
        return _whole(self.each())

    def each(self) -> Iterator[tuple[Descriptor, ImageRecord | ContentError | StoreError]]:
        """Every named image, or why its manifest or configuration cannot be read: the others can be used all the same.

        Raises StoreError if index.json is damaged.
        """
        for entry in self.named():
            try:
                image: ImageRecord | ContentError | StoreError = self.load(entry)
            except (ContentError, StoreError) as error:
                image = error
            yield entry, image

    def named(self) -> list[Descriptor]:
        """What index.json has a name for and is an image, whole or not. Raises StoreError if it is damaged."""
        return [entry for entry in self.entries() if entry.ref_name and entry.media_type in MANIFEST_TYPES]

    def entries(self) -> list[Descriptor]:
        """What index.json points to, whatever it is; nothing without one. Raises StoreError if it is damaged."""
        try:
            self._path.lstat()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise store_error(error, f"cannot read {self._path}") from error
        try:
            return parse_index(self._raw(), str(self._path)).manifests
        except ContentError as error:
            raise StoreError(
                f"the store is damaged: {error}",
                hint="cutaway system check --repair puts it aside and makes a new one from the images that are here.",
            ) from error

    def find(self, text: str) -> ImageRecord:
        """The image that a person means: a name or a familiar short form of it, an id or its beginning, a digest.

        Raises ImageUnknown, UsageError if it can mean several.
        """
        each = list(self.each())
        images = _whole(each)
        for match in _matchers(text):
            found = [image for image in images if match(image)]
            if len({image.config_digest for image in found}) == 1:
                return found[0]
            if found:
                names = ", ".join(f"{visible(image.name)} ({image.config_digest.short})" for image in found)
                raise UsageError(f"{visible(text)!r} can mean several images: {names}", hint="Give more of the name.")
        for entry, image in each:
            if not isinstance(image, ImageRecord) and _can_mean(text, entry):
                name = visible(entry.ref_name)
                raise ImageUnknown(f"the image {name} is damaged: {image.message}", hint=mending(entry.ref_name))
        raise ImageUnknown(f"no image {visible(text)!r} here", hint=_hint(text))

    def tag(self, name: str, descriptor: Descriptor, index: Digest | None = None) -> None:
        """Let `name` mean this image from now on. A digest in it must be the image's own, or that of the `index` by
        which it came, and which was verified.

        Raises UsageError if it is not a full reference, StoreError if a part of the image is not here.
        """
        if str(Reference.parse(name)) != name:
            raise UsageError(f"not a full reference: {visible(name)!r}", hint=f"Write {Reference.parse(name)}.")
        check_digest(name, descriptor.digest, index)
        if missing := self.missing_parts(descriptor):
            raise StoreError(f"{descriptor.digest} is not whole: {', '.join(missing)} is missing")
        notes = {REF_NAME: name}
        if index is not None and Reference.parse(name).digest == index != descriptor.digest:
            notes[_INDEX_DIGEST] = index
        entry = Descriptor(descriptor.media_type, descriptor.digest, descriptor.size, notes, descriptor.platform)
        with self._root.lock(_LOCK):
            tree = self._tree()
            others = [other for other in tree["manifests"] if _name(other) != name]
            self._write({**tree, "manifests": [*others, json.loads(encode(entry))]})

    def untag(self, name: str) -> None:
        """Let `name` mean nothing. Raises ImageUnknown if it does not mean anything."""
        with self._root.lock(_LOCK):
            tree = self._tree()
            others = [other for other in tree["manifests"] if _name(other) != name]
            if len(others) == len(tree["manifests"]):
                raise ImageUnknown(f"no image {visible(name)!r} here", hint="cutaway images lists what there is.")
            self._write({**tree, "manifests": others})

    def rebuild(self) -> None:
        """Put an index.json that cannot be read aside, as `index.json.damaged`, and write one with every manifest among
        the blobs. The names are lost: what is an image is called `localhost/recovered:<12 digits of its digest>`.

        Raises StoreError.
        """
        with self._root.lock(_LOCK):
            aside = self._path.with_name(f"{self._path.name}.damaged")
            try:
                aside.unlink(missing_ok=True)
                if self._path.is_file():
                    os.link(self._path, aside)  # at no time is there none
                else:
                    os.rename(self._path, aside)
            except OSError as error:
                raise store_error(error, f"cannot put {self._path} aside") from error
            self._write_anew()

    def _write_anew(self) -> None:
        found = [entry for digest in self._blobs.all() if (entry := self._recovered(digest)) is not None]
        entries = [json.loads(encode(entry)) for entry in found]
        self._write({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries})

    def _recovered(self, digest: Digest) -> Descriptor | None:
        """An index's entry for a blob that is a manifest, with a name if it is an image's."""
        if self._blobs.size(digest) > DOCUMENT_LIMIT:
            return None
        try:
            raw = read_regular(self._blobs.path(digest), DOCUMENT_READ)
            entry = Descriptor(parse_manifest(raw).media_type or MANIFEST, digest, len(raw))
        except (ContentError, StoreError):
            return None
        try:
            self.load(entry)
        except (ContentError, StoreError):
            return entry  # another program's, which keeps its parts
        return msgspec.structs.replace(entry, annotations={REF_NAME: f"localhost/recovered:{digest.short}"})

    def missing_parts(self, descriptor: Descriptor) -> list[Digest]:
        """What an image's manifest names and is not here. Raises ContentError, StoreError if it cannot be read."""
        manifest = parse_manifest(self._blobs.read(descriptor))
        return [part.digest for part in (manifest.config, *manifest.layers) if not self._blobs.has(part.digest)]

    def load(self, descriptor: Descriptor) -> ImageRecord:
        """The image that an entry of index.json points to. Raises ContentError, StoreError if it cannot be read."""
        known = self._known.get(descriptor.digest)
        if known is None or not self._blobs.has(descriptor.digest):
            manifest = parse_manifest(self._blobs.read(descriptor))
            known = (manifest, parse_config(self._blobs.read(manifest.config)))
            check_coherent(*known)
            self._known[descriptor.digest] = known
        _check_own(descriptor)
        return ImageRecord(descriptor.ref_name, descriptor, *known)

    def of_digest(self, digest: Digest) -> ImageRecord:
        """The image whose manifest has this digest, whether a name leads to it or not. Raises ImageUnknown."""
        for descriptor in self.entries():
            if descriptor.digest == digest:
                with suppress(ContentError, StoreError):
                    return self.load(descriptor)
        try:
            raw = read_regular(self._blobs.path(digest), DOCUMENT_READ)
            kind = parse_manifest(raw).media_type or MANIFEST
            return self.load(Descriptor(kind, digest, len(raw)))
        except (ContentError, StoreError) as error:
            raise ImageUnknown(f"the image {digest} is not here any more") from error

    def _raw(self) -> bytes:
        return read_regular(self._path, DOCUMENT_READ)

    def _tree(self) -> dict[str, Any]:
        """index.json with all that is in it, known to this program or not."""
        self.entries()
        tree: dict[str, Any] = json.loads(self._raw())
        return tree

    def _write(self, tree: dict[str, Any]) -> None:
        self._root.write(self._path, as_json(tree, indent=2))


def _whole(each: Iterable[tuple[Descriptor, ImageRecord | ContentError | StoreError]]) -> list[ImageRecord]:
    return sorted((image for _, image in each if isinstance(image, ImageRecord)), key=lambda image: image.name)


def _check_own(entry: Descriptor) -> None:
    """Raises ContentError where the name of an entry of index.json, which other programs write to as well, has the
    digest of something else: who asks for a digest must get what it names."""
    if "@" not in entry.ref_name:
        return
    try:
        index = (entry.annotations or {}).get(_INDEX_DIGEST)
        check_digest(entry.ref_name, entry.digest, Digest.parse(index) if index else None)
    except UsageError as error:
        raise ContentError(error.message) from error


def _hint(text: str) -> str:
    try:
        Reference.parse(text)
    except UsageError:
        return "cutaway images shows what is here."
    return f"Get it with: {command_to_get(text)}"


def mending(name: str) -> str:
    """What to do about an image that is damaged, in words."""
    return f"cutaway system check --repair takes it away; then get it again with: {command_to_get(visible(name))}"


def _can_mean(text: str, descriptor: Descriptor) -> bool:
    """Whether a person can mean an entry of index.json by `text`; its manifest cannot be read."""
    name = descriptor.ref_name
    try:
        full = str(Reference.parse(text))
    except UsageError:
        full = text
    return name in (text, full) or name.endswith("/" + _with_tag(text)) or text == descriptor.digest


def _name(entry: dict[str, Any]) -> object:
    return (entry.get("annotations") or {}).get(REF_NAME)


def _matchers(text: str) -> list[Callable[[ImageRecord], bool]]:
    """What `text` can mean, the surest first."""
    matchers: list[Callable[[ImageRecord], bool]] = [lambda image: image.name == text]
    try:
        reference = Reference.parse(text)
    except UsageError:
        pass
    else:
        name, tail = str(reference), "/" + _with_tag(text)
        matchers += [
            lambda image: image.name == name,
            lambda image: image.descriptor.digest == reference.digest and _repository(image.name) == reference.name,
            lambda image: image.name == "localhost" + tail,
            lambda image: image.name.endswith(tail),
        ]
    bare = text.removeprefix("sha256:")
    if _ID.fullmatch(bare):
        matchers += [
            lambda image: image.config_digest.hex.startswith(bare),
            lambda image: image.descriptor.digest.hex.startswith(bare),
        ]
    return matchers


def _repository(name: str) -> str:
    try:
        return Reference.parse(name).name
    except UsageError:  # another program's name
        return ""


def _with_tag(text: str) -> str:
    """`text` with the tag that it means where it names none."""
    return text if ":" in text.rpartition("/")[2] or "@" in text else text + ":latest"
