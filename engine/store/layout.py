"""An OCI image layout on disk as a source of images: skopeo's, umoci's, podman's, docker's, or a store of ours."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from engine.digest import Digest
from engine.disk import read_regular
from engine.errors import ContentError, ImageUnknown, StoreError, UsageError
from engine.jobs import Job
from engine.oci import (
    DOCUMENT_LIMIT,
    INDEX_TYPES,
    MANIFEST_TYPES,
    Descriptor,
    Platform,
    parse_config,
    parse_index,
    parse_manifest,
    pick_platform,
)
from engine.reference import Reference
from engine.source import FetchedImage, file_chunks
from engine.store.blobs import read_verified
from engine.text import visible
from engine.trace import StepKind

_DEPTH = 4
"""Indexes in indexes; builders nest two deep at most."""


class LayoutSource:
    """The image that `tag` names in the layout at `path`; without a tag the only one there (an engine.source.Source).

    `tag` is a name as the layout has it (its org.opencontainers.image.ref.name), or a short form of a full reference.
    Raises StoreError if there is no layout, ContentError if it is damaged, ImageUnknown naming what is on offer.
    """

    def __init__(self, path: Path, tag: str | None = None) -> None:
        self._path = path
        if not (path / "oci-layout").is_file():
            raise StoreError(
                f"{path} is not an OCI image layout: it has no file oci-layout",
                hint="Make one with, for example: skopeo copy docker://IMAGE oci:DIR:TAG",
            )
        raw = read_regular(path / "index.json", DOCUMENT_LIMIT + 1)
        self._entries = _choose(parse_index(raw, str(path / "index.json")).manifests, path, tag)

    @property
    def name(self) -> str:
        """Its own name if that is a full reference, otherwise `localhost/<directory>:<tag>`."""
        own = self._entries[0].ref_name
        if _canonical(own) == own:
            return own
        folder = re.sub(r"[^a-z0-9]+", "-", self._path.resolve().name.lower()).strip("-") or "image"
        tag = re.sub(r"[^A-Za-z0-9_.-]+", "-", own).lstrip(".-")[:128] or "latest"
        return f"localhost/{folder[:128]}:{tag}"

    def image(self, platform: Platform, job: Job) -> FetchedImage:
        """Follow the index to one platform's image, each document verified. Raises ContentError, StoreError."""
        with job.step(StepKind.REQUEST, self._command()) as step:
            descriptor = self._manifest(self._entries, platform, frozenset())
            manifest_raw = self._read(descriptor)
            manifest = parse_manifest(manifest_raw, f"the manifest {descriptor.digest}")
            config_raw = self._read(manifest.config)
            config = parse_config(config_raw, f"the image configuration {manifest.config.digest}")
            step.detail = str(descriptor.digest)
        return FetchedImage(descriptor, manifest_raw, manifest, config_raw, config)

    def blob(self, descriptor: Descriptor, offset: int, job: Job) -> Iterator[bytes]:
        """The bytes of a blob from `offset` on. Raises StoreError, Cancelled."""
        return file_chunks(self._blob(descriptor.digest), offset, job)

    def close(self) -> None:
        """Nothing is held open."""

    def _command(self) -> str:
        own = self._entries[0].ref_name
        return shlex.join(["skopeo", "inspect", "--raw", f"oci:{self._path}" + (f":{own}" if own else "")])

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
        return self._manifest(index.manifests, platform, above | {chosen.digest})

    def _read(self, descriptor: Descriptor) -> bytes:
        return read_verified(self._blob(descriptor.digest), descriptor)

    def _blob(self, digest: Digest) -> Path:
        return self._path / "blobs" / digest.algorithm / digest.hex


def _choose(entries: list[Descriptor], path: Path, tag: str | None) -> list[Descriptor]:
    """The entries of index.json that are meant: several of one name are one image for several platforms."""
    names = list(dict.fromkeys(entry.ref_name for entry in entries))
    if tag is None:
        wanted = names
    else:
        wanted = [name for name in names if name == tag] or [name for name in names if name == _canonical(tag)]
    if len(wanted) == 1:
        return [entry for entry in entries if entry.ref_name == wanted[0]]
    offers = ", ".join(f"oci:{path}:{visible(name)}" for name in names if name)
    hint = f"There are: {offers[:1000]}" if offers else "It has no names in it." if names else "It is empty."
    if tag is None and names:
        raise ImageUnknown(f"{path} has {len(names)} images: name one", hint=hint)
    raise ImageUnknown(f"{path} has no image {visible(tag or '')!r}", hint=hint)


def _canonical(name: str) -> str | None:
    try:
        return str(Reference.parse(name))
    except UsageError:
        return None
