"""An OCI image layout on disk as a source of images: skopeo's, umoci's, podman's, docker's, or a store of ours."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from engine.digest import Digest
from engine.errors import ContentError, ImageUnknown, StoreError, UsageError
from engine.jobs import Job
from engine.oci import (
    DOCUMENT_READ,
    INDEX_TYPES,
    MANIFEST_TYPES,
    Descriptor,
    Platform,
    offered,
    parse_config,
    parse_index,
    parse_manifest,
    pick_platform,
    read_verified,
)
from engine.reference import Reference, check_digest, is_tag, own_name
from engine.source import Directory, FetchedImage, Folder
from engine.text import visible
from engine.trace import StepKind

FULL_NAME = "io.containerd.image.name"
"""The annotation by which Docker and containerd name an image in full, where ref.name is the tag alone."""

_DEPTH = 4
"""Indexes in indexes; builders nest two deep at most."""


class LayoutSource:
    """The image that `tag` names in the layout at `path`; without a tag the only one there (an engine.source.Source).

    `path` is a directory, or any other Folder, e.g. an archive of a layout; `tag` is a name as the layout has it (its
    org.opencontainers.image.ref.name), or a short form of a full reference.
    Raises StoreError if there is no layout, ContentError if it is damaged, ImageUnknown naming what is on offer.
    """

    def __init__(self, path: Path | Folder, tag: str | None = None) -> None:
        self._folder = path = Directory(path) if isinstance(path, Path) else path
        self._prefix = "oci:" if isinstance(path, Directory) else "oci-archive:"
        self._entries = _choose(_entries(path), f"{self._prefix}{path.path}", tag)
        self._offers = offered(self._entries) if len(self._entries) > 1 else []

    @staticmethod
    def names(folder: Folder) -> list[str]:
        """The names of the images in a layout, in order; "" for those without. Raises StoreError, ContentError."""
        return list(dict.fromkeys(entry.ref_name for entry in _entries(folder)))

    @property
    def name(self) -> str:
        """Its own name if that is a full reference (or Docker and containerd wrote one beside it), with localhost as
        its registry if it is a short one, otherwise `localhost/<directory>:<tag>`."""
        own = self._entries[0].ref_name
        for full in (own, (self._entries[0].annotations or {}).get(FULL_NAME, "")):
            if full and _canonical(full) == full:
                return full
        with suppress(UsageError):
            if own and not is_tag(own):  # a word that can be a tag is one: so the layout's specification has it
                return own_name(own)
        return local_name(self._folder.path, own)

    def image(self, platform: Platform, job: Job) -> FetchedImage:
        """Follow the index to one platform's image, each document verified.

        Raises ContentError, StoreError; UsageError where the image's name has the digest of another one.
        """
        with job.step(StepKind.REQUEST, self._command()) as step:
            descriptor = self._manifest(self._entries, platform, frozenset())
            manifest_raw = self._read(descriptor)
            manifest = parse_manifest(manifest_raw, f"the manifest {descriptor.digest}")
            config_raw = self._read(manifest.config)
            config = parse_config(config_raw, f"the image configuration {manifest.config.digest}")
            step.detail = str(descriptor.digest)
        asked = self._entries[0].digest if len(self._entries) == 1 else None
        check_digest(self.name, descriptor.digest, asked)  # whoever made the layout wrote it: before any layer comes
        return FetchedImage(descriptor, manifest_raw, manifest, config_raw, config, tuple(self._offers), asked)

    def blob(self, descriptor: Descriptor, offset: int, job: Job) -> Iterator[bytes]:
        """The bytes of a blob from `offset` on. Raises StoreError, Cancelled."""
        return self._folder.chunks(_blob(descriptor.digest), offset, job)

    def close(self) -> None:
        """Nothing is held open."""

    def _command(self) -> str:
        own = self._entries[0].ref_name
        return shlex.join(["skopeo", "inspect", "--raw", f"{self._prefix}{self._folder.path}" + f":{own}" * bool(own)])

    def _manifest(self, offers: list[Descriptor], platform: Platform, above: frozenset[Digest]) -> Descriptor:
        """The image manifest for `platform` below `offers`, which stand in the indexes `above`."""
        chosen = offers[0] if len(offers) == 1 and not above else pick_platform(offers, platform)
        if chosen.media_type in MANIFEST_TYPES:
            return chosen
        if chosen.media_type not in INDEX_TYPES:
            raise ContentError(f"{chosen.digest} is no image: its media type is {visible(chosen.media_type)[:100]!r}")
        if chosen.digest in above or len(above) >= _DEPTH:
            raise ContentError(f"the index {chosen.digest} leads back to itself, or more than {_DEPTH} levels down")
        index = parse_index(self._read(chosen), f"the index {chosen.digest}")
        self._offers = self._offers or offered(index.manifests)
        return self._manifest(index.manifests, platform, above | {chosen.digest})

    def _read(self, descriptor: Descriptor) -> bytes:
        name = _blob(descriptor.digest)
        what = f"the content of {self._folder.path / name}"
        return read_verified(partial(self._folder.read, name), descriptor, what, "It is damaged: make it again.")


def local_name(path: Path, tag: str) -> str:
    """A full reference for an image that has none: `localhost/<the file or directory it came from>:<tag>`."""
    stem = re.sub(r"(\.(tar|tgz|gz|xz|bz2|zst|oci|docker))+$", "", path.resolve().name.lower())
    folder = re.sub(r"[^a-z0-9]+", "-", stem).strip("-") or "image"
    word = re.sub(r"[^A-Za-z0-9_.-]+", "-", tag).lstrip(".-")[:128] or "latest"
    return f"localhost/{folder[:128]}:{word}"


def _blob(digest: Digest) -> str:
    return f"blobs/{digest.algorithm}/{digest.hex}"


def _entries(folder: Folder) -> list[Descriptor]:
    if not folder.has("oci-layout"):
        raise StoreError(
            f"{folder.path} is not an OCI image layout: it has no file oci-layout",
            hint="Make one with, for example: skopeo copy docker://IMAGE oci:DIR:TAG",
        )
    return parse_index(folder.read("index.json", DOCUMENT_READ), str(folder.path / "index.json")).manifests


def _choose(entries: list[Descriptor], place: str, tag: str | None) -> list[Descriptor]:
    """The entries of index.json that are meant: several of one name are one image for several platforms."""
    names = list(dict.fromkeys(entry.ref_name for entry in entries))
    if tag is None:
        wanted = names
    else:
        wanted = [name for name in names if name == tag] or [name for name in names if name == _canonical(tag)]
    if len(wanted) == 1:
        return [entry for entry in entries if entry.ref_name == wanted[0]]
    offers = ", ".join(f"{place}:{visible(name)}" for name in names if name)
    hint = f"There are: {offers[:1000]}" if offers else "It has no names in it." if names else "It is empty."
    if tag is None and names:
        raise ImageUnknown(f"{place} has {len(names)} images: name one", hint=hint)
    raise ImageUnknown(f"{place} has no image {visible(tag or '')!r}", hint=hint)


def _canonical(name: str) -> str | None:
    try:
        return str(Reference.parse(name))
    except UsageError:
        return None
