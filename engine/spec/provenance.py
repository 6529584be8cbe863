"""Where each value of a config.json comes from: one `Origin` per JSON pointer (RFC 6901) of a leaf.

A leaf is a string, number, boolean, null, or an empty object or array.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

import msgspec

from engine.errors import SpecError
from engine.text import as_json


class SourceKind(Enum):
    """Who decided a value."""

    IMAGE = "image"
    DEFAULT = "default"
    HOST = "host"
    USER = "user"
    ADOPTED = "adopted"


class Origin(msgspec.Struct, frozen=True):
    """Where a value comes from; `detail` says it exactly: "image config Env[2]", "option --cap-add NET_ADMIN"."""

    source: SourceKind
    detail: str


def image(detail: str) -> Origin:
    """From the image's configuration."""
    return Origin(SourceKind.IMAGE, f"image config {detail}")


def default(detail: str) -> Origin:
    """From the engine's own defaults."""
    return Origin(SourceKind.DEFAULT, detail)


def host(detail: str) -> Origin:
    """What this machine made necessary."""
    return Origin(SourceKind.HOST, detail)


def option(detail: str) -> Origin:
    """From an option of the user's, "--read-only"."""
    return Origin(SourceKind.USER, f"option {detail}")


EDITED = Origin(SourceKind.USER, "edited by hand")


class Provenance(Mapping[str, Origin]):
    """JSON pointer -> Origin, for every leaf of one config.json."""

    def __init__(self, origins: Mapping[str, Origin] | None = None) -> None:
        self._origins = dict(origins or {})

    def __getitem__(self, pointer: str) -> Origin:
        return self._origins[pointer]

    def __iter__(self) -> Iterator[str]:
        return iter(self._origins)

    def __len__(self) -> int:
        return len(self._origins)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Provenance) and self._origins == other._origins

    def __hash__(self) -> int:
        return hash(frozenset(self._origins.items()))

    def to_json(self) -> bytes:
        """The content of a provenance.json."""
        words: dict[int, list[str]] = {}  # most leaves share an origin with others
        for origin in self._origins.values():
            if id(origin) not in words:
                words[id(origin)] = [origin.source.value, origin.detail]
        return as_json({pointer: words[id(origin)] for pointer, origin in self._origins.items()}) + b"\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Provenance:
        """Read a provenance.json. Raises SpecError."""
        try:
            return cls({p: Origin(SourceKind(source), str(detail)) for p, (source, detail) in json.loads(text).items()})
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise SpecError(f"provenance.json cannot be read: {error}") from error


class Explained(msgspec.Struct, frozen=True):
    """One leaf of a config.json with its value and where it comes from."""

    pointer: str
    value: Any
    source: SourceKind
    detail: str


def explain(text: str, provenance: Provenance) -> list[Explained]:
    """Every leaf of a config.json in its order. What the provenance does not know is called an edit.

    Raises SpecError if `text` is not JSON.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SpecError(f"this config.json is not JSON: {error}") from error
    found = []
    for pointer, leaf in leaves(value):
        origin = provenance.get(pointer, EDITED)
        found.append(Explained(pointer, leaf, origin.source, origin.detail))
    return found


def leaves(value: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """The (pointer, value) of every leaf below a JSON value, in document order."""
    if isinstance(value, dict) and value:
        for key, child in value.items():
            yield from leaves(child, f"{pointer}/{escape(key)}")
    elif isinstance(value, list) and value:
        for index, child in enumerate(value):
            yield from leaves(child, f"{pointer}/{index}")
    else:
        yield pointer, value


def escape(key: str) -> str:
    """An object's key as a reference token of a JSON pointer (RFC 6901 section 3)."""
    return key.replace("~", "~0").replace("/", "~1")


def tokens(pointer: str) -> list[str]:
    """The keys and indices of a JSON pointer. Raises SpecError if it is none."""
    if pointer and not pointer.startswith("/"):
        raise SpecError(f"{pointer!r} is not a JSON pointer: it has to start with /")
    found = pointer.split("/")[1:]
    return [token.replace("~1", "/").replace("~0", "~") for token in found] if "~" in pointer else found
