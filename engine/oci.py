"""OCI documents, typed: descriptors, manifests, indexes and image configurations.

The bytes are the truth (a digest names them); these are read-only views of the parts the engine uses.
Unknown fields are allowed, as the image-spec asks. What is ambiguous is refused: duplicate keys, and fields in
another letter case (`Layers`), mean different things to different parsers; a document with both `manifests`
and `layers` is both an index and a manifest (CVE-2021-41190).
"""

# Annotations are values here, not text: msgspec reads them when it first decodes, and would compile each one.

import json
import re
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from functools import cache
from typing import Any, Self, TypeVar, get_args

import msgspec

from engine.digest import Digest
from engine.errors import ContentError, UsageError
from engine.text import visible

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
LAYER_GZIP = LAYER + "+gzip"
LAYER_ZSTD = LAYER + "+zstd"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
DOCKER_LAYER_GZIP = DOCKER_LAYER + ".gzip"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"

INDEX_TYPES = frozenset({INDEX, DOCKER_LIST})
MANIFEST_TYPES = frozenset({MANIFEST, DOCKER_MANIFEST})

_DOCKER_TYPES = {
    LAYER: DOCKER_LAYER,
    LAYER_GZIP: DOCKER_LAYER_GZIP,
    CONFIG: DOCKER_CONFIG,
}
_OCI_TYPES = {**{docker: oci for oci, docker in _DOCKER_TYPES.items()}, LAYER_ZSTD: LAYER_ZSTD}

REF_NAME = "org.opencontainers.image.ref.name"
"""The annotation by which an image layout names its images (image-spec annotations.md)."""

DOCUMENT_LIMIT = 4 * 1024 * 1024
"""Bytes; distribution-spec: registries refuse manifests above 4 MiB."""

DOCUMENT_READ = DOCUMENT_LIMIT + 1
"""How much is read of a document whose size nobody has told: whoever parses it sees by the last byte that it is longer
than it may be."""


class Platform(msgspec.Struct, frozen=True):
    """What a manifest runs on (image-spec image-index.md)."""

    architecture: str
    os: str
    variant: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read OS/ARCHITECTURE[/VARIANT], or an architecture alone. Raises UsageError."""
        parts = text.split("/")
        if len(parts) > 3 or not all(re.fullmatch(r"[A-Za-z0-9_.-]+", part) for part in parts):
            raise UsageError(f"not a platform: {visible(text)!r}", hint="Give OS/ARCH[/VARIANT], e.g. linux/arm64/v8.")
        os, architecture, *variant = parts if len(parts) > 1 else ["linux", *parts]
        return cls(architecture, os, *variant)

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


class Descriptor(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Names content by media type, digest and size (image-spec descriptor.md)."""

    media_type: str
    digest: Digest
    size: int
    annotations: dict[str, str] | None = None
    platform: Platform | None = None
    urls: list[str] | None = None

    @property
    def ref_name(self) -> str:
        """The name this image goes by in a layout, or ""."""
        return (self.annotations or {}).get(REF_NAME, "")


class ManifestKind(Enum):
    """Whose words a manifest uses."""

    OCI = "oci"
    DOCKER = "v2s2"

    @property
    def media_type(self) -> str:
        """The manifest's own."""
        return DOCKER_MANIFEST if self is ManifestKind.DOCKER else MANIFEST

    def of(self, part: Descriptor) -> Descriptor:
        """A configuration or layer as a manifest of this kind names it. Raises UsageError where it has no word."""
        types = _DOCKER_TYPES if self is ManifestKind.DOCKER else _OCI_TYPES
        name = types.get(part.media_type, part.media_type)
        if name not in types.values():
            raise UsageError(
                f"a manifest of the kind {self.value} has no place for {visible(part.media_type)[:100]}",
                hint="Leave the kind out, or take the other.",
            )
        return Descriptor(name, part.digest, part.size, urls=part.urls)


class Index(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """An image index: one manifest per platform, or the images of a layout."""

    schema_version: int
    manifests: list[Descriptor]
    media_type: str = ""
    annotations: dict[str, str] | None = None


class Manifest(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """An image manifest: its configuration and its layers, lowest first."""

    schema_version: int
    config: Descriptor
    layers: list[Descriptor]
    media_type: str = ""
    annotations: dict[str, str] | None = None


class History(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a layer (or an empty step) was made."""

    created: str = ""
    created_by: str = ""
    author: str = ""
    comment: str = ""
    empty_layer: bool = False


class RootFS(msgspec.Struct, frozen=True):
    """The layers by the digests of their uncompressed tar streams, lowest first."""

    type: str
    diff_ids: list[Digest]


class Execution(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True):
    """The image's say in how a container of it runs (image-spec config.md, "config")."""

    user: str = ""
    exposed_ports: dict[str, Any] | None = None
    env: list[str] | None = None
    entrypoint: list[str] | None = None
    cmd: list[str] | None = None
    volumes: dict[str, Any] | None = None
    working_dir: str = ""
    labels: dict[str, str] | None = None
    stop_signal: str = ""


class ImageConfig(msgspec.Struct, frozen=True, omit_defaults=True):
    """An image configuration (image-spec config.md)."""

    architecture: str
    os: str
    rootfs: RootFS
    config: Execution | None = None
    created: str | None = None
    author: str = ""
    variant: str = ""
    history: list[History] | None = None

    @property
    def execution(self) -> Execution:
        """The `config` part, empty where the image has none."""
        return self.config or Execution()


_VARIANTS = {
    "arm": ("v8", "v7", "v6", "v5"),
    "amd64": ("v4", "v3", "v2", "v1"),
}
"""Downwards compatible variants, the newest first (image-spec image-index.md, "Platform Variants"; GOAMD64)."""

_IMPLIED = {"arm": "v7", "arm64": "v8", "amd64": "v1"}
"""The variant that is meant where an architecture has none."""


def pick_platform(manifests: list[Descriptor], platform: Platform) -> Descriptor:
    """The manifest of an index that suits `platform` best: its own variant, otherwise the newest that it can run.

    A manifest that names no platform comes last. Raises ContentError saying what is on offer.
    """
    wanted = _variants(platform)
    usable = [each for each in manifests if each.media_type in MANIFEST_TYPES | INDEX_TYPES]
    suiting = [
        (wanted.index(variant), number)
        for number, descriptor in enumerate(usable)
        if (offer := descriptor.platform) is not None
        and (offer.os, offer.architecture) == (platform.os, platform.architecture)
        and (variant := offer.variant or _IMPLIED.get(offer.architecture, "")) in wanted
    ]
    if not suiting and (unspecific := [each for each in usable if each.platform is None]):
        return unspecific[0]
    if not suiting:
        offers = offered(manifests)
        hint = f"There are: {visible(', '.join(offers))[:500]}; choose with --platform." if offers else "It has none."
        raise ContentError(f"there is no image for {platform} in the index", hint=hint)
    return usable[min(suiting)[1]]


def offered(manifests: list[Descriptor]) -> list[str]:
    """The platforms that an index has something for; what builders add beside that (attestations) left out."""
    usable = [each for each in manifests if each.media_type in MANIFEST_TYPES | INDEX_TYPES]
    return sorted({str(each.platform) for each in usable if each.platform and each.platform.os != "unknown"})


def _variants(platform: Platform) -> list[str]:
    """What runs on `platform`, the best first."""
    own = platform.variant or _IMPLIED.get(platform.architecture, "")
    known = _VARIANTS.get(platform.architecture, ())
    return list(known[known.index(own) :]) if own in known else [own]


def need_document(size: int, what: str) -> None:
    """Raise ContentError for what is too long to be taken for a document."""
    if size > DOCUMENT_LIMIT:
        raise ContentError(f"{what} is over {DOCUMENT_LIMIT} bytes")


def read_verified(read: Callable[[int], bytes], descriptor: Descriptor, what: str, hint: str) -> bytes:
    """A document by `read`, which gives at most so many bytes of what lies under the descriptor's digest.

    Raises ContentError if it is not what the descriptor promises (see `verify`) or over DOCUMENT_LIMIT.
    """
    if descriptor.size > DOCUMENT_LIMIT:
        raise ContentError(f"{descriptor.digest} is to be read as a document, but has {descriptor.size} bytes")
    raw = read(descriptor.size + 1)
    verify(raw, descriptor, what, hint)
    return raw


def verify(raw: bytes, descriptor: Descriptor, what: str, hint: str = "") -> None:
    """Raise ContentError, with this `hint`, unless `raw` is what the descriptor names, in size and digest."""
    if len(raw) != descriptor.size:
        found = "more" if len(raw) > descriptor.size else len(raw)  # a reader may have stopped at one too many
        raise ContentError(f"{what} should have {descriptor.size} bytes, but has {found}", hint=hint)
    if not descriptor.digest.names(raw):
        raise ContentError(f"{what} is not what its digest {descriptor.digest.short} names", hint=hint)


def check_coherent(manifest: Manifest, config: ImageConfig) -> None:
    """Raise ContentError unless the configuration has one diff ID for each layer of the manifest."""
    layers, diff_ids = len(manifest.layers), len(config.rootfs.diff_ids)
    if layers != diff_ids:
        raise ContentError(
            f"the image is not coherent: {layers} layers in its manifest, {diff_ids} in its configuration"
        )


Document = TypeVar("Document", Index, Manifest, ImageConfig)


def digest_hook(kind: type, value: Any) -> Any:
    """How msgspec reads a Digest: its `dec_hook`."""
    if kind is Digest:
        return Digest.parse(value)
    raise NotImplementedError(kind)


def _tree(raw: bytes) -> Any:
    """A document as JSON has it. Raises ContentError where an object has a member twice (others may read the other
    one), ValueError, RecursionError."""
    with suppress(ValueError):  # json has the better words for what is wrong
        tree = msgspec.json.decode(raw)
        # Each colon that is in no text was written for a member, and of two with the same name one is in the tree. A
        # text ends at the next quotation mark without a backslash.
        parts = raw.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')
        if sum(part.count(b":") for part in parts[::2]) == _members(tree):
            return tree
    return json.loads(raw, object_pairs_hook=_distinct)


def _members(value: Any) -> int:
    """How many members the objects in a tree have."""
    if isinstance(value, dict):
        return len(value) + sum(map(_members, value.values()))
    return sum(map(_members, value)) if isinstance(value, list) else 0


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ContentError(f"the key {visible(twice)[:80]!r} stands twice in one JSON object")
    return found


def _check_spelling(value: Any, kind: type[msgspec.Struct]) -> None:
    """Raise ContentError for a field's name in other letter case, which Go's parser would take for the field."""
    if isinstance(value, list):
        for each in value:
            _check_spelling(each, kind)
    elif isinstance(value, dict):
        names, parts = _names(kind)
        for key in value:
            if (name := names.get(key.casefold(), key)) != key:
                raise ContentError(f"{visible(key)[:80]!r} is a field in a wrong spelling; it is {name!r}")
        for name, part in parts.items():
            _check_spelling(value.get(name), part)


@cache
def _names(kind: type[msgspec.Struct]) -> tuple[dict[str, str], dict[str, type[msgspec.Struct]]]:
    """A document's field names by what they are without letter case, and those with documents in them."""
    names = dict(zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True))
    parts = {names[field]: part for field, of in kind.__annotations__.items() if (part := _struct_in(of))}
    return {name.casefold(): name for name in names.values()}, parts


def _struct_in(kind: Any) -> type[msgspec.Struct] | None:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind
    return next((found for each in get_args(kind) if (found := _struct_in(each))), None)


def _parse(kind: type[Document], raw: bytes, what: str) -> Document:
    need_document(len(raw), what)
    try:
        tree = _tree(raw)
        if kind is not ImageConfig and isinstance(tree, dict) and "manifests" in tree and "layers" in tree:
            raise ContentError("it has both manifests and layers: it can be read as two different things")
        _check_spelling(tree, kind)
        return msgspec.convert(tree, kind, dec_hook=digest_hook)
    except ContentError as error:
        raise ContentError(f"{what} is not usable: {error.message}", hint=error.hint) from error
    except (ValueError, RecursionError) as error:  # includes msgspec's and json's own errors
        raise ContentError(f"{what} cannot be read: {visible(str(error))[:200]}") from error


def parse_index(raw: bytes, what: str = "the index") -> Index:
    """Read an image index or a Docker manifest list. Raises ContentError."""
    return _checked_version(_parse(Index, raw, what), what)


def parse_manifest(raw: bytes, what: str = "the manifest") -> Manifest:
    """Read an OCI or Docker schema 2 manifest. Raises ContentError."""
    return _checked_version(_parse(Manifest, raw, what), what)


def parse_config(raw: bytes, what: str = "the image configuration") -> ImageConfig:
    """Read an image configuration. Raises ContentError."""
    return _parse(ImageConfig, raw, what)


Versioned = TypeVar("Versioned", Index, Manifest)


def _checked_version(document: Versioned, what: str) -> Versioned:
    if document.schema_version != 2:
        raise ContentError(f"{what} has schemaVersion {document.schema_version}; only 2 is supported")
    for descriptor in document.manifests if isinstance(document, Index) else [document.config, *document.layers]:
        if not 0 <= descriptor.size < 2**63:  # image-spec descriptor.md: an int64
            word = "a negative" if descriptor.size < 0 else "an impossible"
            raise ContentError(f"{what} names content of {word} size")
    return document


def encode(document: Index | Manifest | ImageConfig | Descriptor) -> bytes:
    """A document of our own as bytes, the same for the same content."""
    return msgspec.json.encode(document, enc_hook=str)  # a Digest is a str
