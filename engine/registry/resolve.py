"""From a reference to one platform's image: index, manifest, configuration, each verified before it is used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import msgspec

from engine.digest import Digest
from engine.errors import ContentError, NotInRegistry
from engine.events import Problem
from engine.jobs import Job
from engine.oci import (
    CONFIG,
    DOCKER_CONFIG,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    DOCUMENT_LIMIT,
    INDEX,
    INDEX_TYPES,
    MANIFEST,
    MANIFEST_TYPES,
    Descriptor,
    Index,
    Manifest,
    Platform,
    need_document,
    offered,
    parse_config,
    parse_index,
    parse_manifest,
    pick_platform,
    verify,
)
from engine.reference import Reference
from engine.registry.hosts import Endpoint
from engine.registry.session import Ask, Session
from engine.source import FetchedImage, Held, nothing_held
from engine.text import visible

_ACCEPT = (MANIFEST, INDEX, DOCKER_MANIFEST, DOCKER_LIST)
_NOT_USED = "What the registry holds is damaged or forged. Nothing of it was used."
_NESTING = 4  # documents on the way to a manifest; real images have an index and a manifest


class Resolver:
    """Finds the way from a reference to one platform's image at one endpoint."""

    def __init__(self, session: Session, reference: Reference, job: Job, held: Held = nothing_held) -> None:
        self._session = session
        self._held = held
        self._reference = reference
        self._job = job

    def image(self, wanted: Platform) -> FetchedImage:
        descriptor, raw = self._first()
        asked = descriptor.digest
        offers: list[str] = []
        from_index = False
        for _ in range(_NESTING):
            if descriptor.media_type in MANIFEST_TYPES:
                image = self._finish(descriptor, raw, wanted, warn=not from_index)
                return replace(image, offers=tuple(offers), asked=asked)
            index = parse_index(raw, self._what)
            from_index = True
            offers = offers or offered(index.manifests)
            entry = self._pick(index, wanted)
            raw = self._manifest(entry)
            # Without the entry's annotations: a name in there would be the registry's choice, not the user's.
            descriptor = Descriptor(entry.media_type, entry.digest, entry.size)
        raise ContentError(f"{self._what} leads from index to index without end")

    @property
    def _what(self) -> str:
        return f"the manifest of {self._reference.familiar}"

    def _first(self) -> tuple[Descriptor, bytes]:
        """What the reference itself names."""
        selector = self._reference.selector
        raw, headers = self._ask_manifest(selector, DOCUMENT_LIMIT)
        digest = self._reference.digest or _announced(headers) or Digest.of(raw)
        verify(raw, Descriptor("", digest, len(raw)), self._what, _NOT_USED)
        return Descriptor(_kind(raw, headers, self._what), digest, len(raw)), raw

    def _pick(self, index: Index, wanted: Platform) -> Descriptor:
        try:
            return pick_platform(index.manifests, wanted)
        except ContentError as error:  # another place may have it
            raise NotInRegistry(f"{self._reference.familiar}: {error.message}", hint=error.hint) from error

    def _manifest(self, descriptor: Descriptor) -> bytes:
        """What an index's entry names: it must be of the kind, the size and the digest that stand there."""
        need_document(descriptor.size, self._what)
        headers: Mapping[str, str] = {}
        raw = self._held(descriptor)
        if raw is None:
            raw, headers = self._ask_manifest(descriptor.digest, descriptor.size)
            verify(raw, descriptor, self._what, _NOT_USED)
        if _kind(raw, headers, self._what) != descriptor.media_type:
            raise ContentError(f"{self._what} is of another kind than the index says: {visible(descriptor.media_type)}")
        return raw

    def _ask_manifest(self, selector: str, limit: int) -> tuple[bytes, Mapping[str, str]]:
        peer = skopeo("inspect --raw", self._session.endpoint, self._reference, selector)
        path = f"{self._session.endpoint.repository}/manifests/{selector}"
        return self._session.document(Ask(path, self._what, _ACCEPT, peer=peer), limit, self._job)

    def _finish(self, descriptor: Descriptor, raw: bytes, wanted: Platform, *, warn: bool) -> FetchedImage:
        manifest = parse_manifest(raw, self._what)
        config_raw = self._config(manifest)
        config = parse_config(config_raw)
        if warn and (config.os, config.architecture) != (wanted.os, wanted.architecture):
            there = visible(str(Platform(config.architecture, config.os, config.variant)))
            self._job.emit(
                Problem(
                    "other-platform",
                    f"{self._reference.familiar} is there for {there} alone, not for {wanted}",
                    "It can be looked at; running it needs an emulator.",
                )
            )
        return FetchedImage(descriptor, raw, manifest, config_raw, config)

    def _config(self, manifest: Manifest) -> bytes:
        descriptor = manifest.config
        if descriptor.media_type not in (CONFIG, DOCKER_CONFIG):
            raise ContentError(
                f"{self._reference.familiar} is not a container image: its configuration is"
                f" {visible(descriptor.media_type)[:100]!r}",
                hint="Registries hold other things too, such as charts and signatures.",
            )
        need_document(descriptor.size, "the image configuration")
        if (here := self._held(descriptor)) is not None:
            return here
        endpoint = self._session.endpoint
        peer = skopeo("inspect --config --raw", endpoint, self._reference)
        ask = Ask(f"{endpoint.repository}/blobs/{descriptor.digest}", "the image configuration", peer=peer)
        raw, _ = self._session.document(ask, descriptor.size, self._job)
        verify(raw, descriptor, "the image configuration", _NOT_USED)
        return raw


def skopeo(verb: str, endpoint: Endpoint, reference: Reference, selector: str = "") -> str:
    """skopeo's line for the same; it takes a tag or a digest, not both."""
    selector = selector or reference.selector
    flag = "" if not endpoint.insecure else " --src-tls-verify=false" if verb == "copy" else " --tls-verify=false"
    sign = "@" if ":" in selector else ":"
    return f"skopeo {verb}{flag} docker://{endpoint.domain}/{endpoint.repository}{sign}{selector}"


class _Shape(msgspec.Struct, rename="camel"):
    """Just enough of a manifest to tell what it is."""

    schema_version: int = 0
    media_type: str = ""
    manifests: msgspec.Raw = msgspec.Raw()
    layers: msgspec.Raw = msgspec.Raw()


def _kind(raw: bytes, headers: Mapping[str, str], what: str) -> str:
    """The media type of a manifest or index: what it says of itself, which the header must not contradict.

    A document that is one thing by its header and another by its fields is how CVE-2021-41190 works.
    Raises ContentError.
    """
    try:
        shape = msgspec.json.decode(raw, type=_Shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ContentError(f"{what} cannot be read: {visible(str(error))[:200]}") from error
    if shape.schema_version == 1:
        raise ContentError(
            f"{what} is of the old kind, Docker schema 1",
            hint="Ask for it to be pushed again with a tool of this decade.",
        )
    header = headers.get("Content-Type", "").partition(";")[0].strip()
    known = INDEX_TYPES | MANIFEST_TYPES
    fallback = INDEX if bytes(shape.manifests) else MANIFEST
    kind = shape.media_type or (header if header in known else fallback)
    if kind not in known:
        raise ContentError(f"{what} is of an unknown kind, {visible(kind)[:100]!r}")
    if header in known and header != kind:
        raise ContentError(f"{what} calls itself {kind}, the registry calls it {header}")
    if (kind in INDEX_TYPES) != bool(bytes(shape.manifests)) or (kind in MANIFEST_TYPES) != bool(bytes(shape.layers)):
        raise ContentError(f"{what} calls itself {kind}, but its fields are another kind's")
    return kind


def _announced(headers: Mapping[str, str]) -> Digest | None:
    text = headers.get("Docker-Content-Digest", "")
    return Digest.parse(text) if text else None
