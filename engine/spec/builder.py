"""Builds a config.json in which every value has an origin: there is no way to set one without."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from engine.errors import SpecError
from engine.spec.provenance import Origin, Provenance, escape, tokens
from engine.text import as_json, storable, visible


class _Leaf(msgspec.Struct, frozen=True, gc=False):
    value: Any
    origin: Origin


class Builder:
    """A tree of values with their origins, addressed by JSON pointers."""

    def __init__(self) -> None:
        self._root: dict[str, Any] = {}

    def put(self, pointer: str, value: Any, origin: Origin) -> None:
        """Set a value, simple or composite. Objects on the way are made; an existing value is replaced.

        Raises SpecError for text that no JSON file and no process can carry (NUL, broken Unicode).
        """
        parent, last = self._parent(pointer)
        parent[last] = _wrap(value, origin, pointer)

    def append(self, pointer: str, value: Any, origin: Origin) -> None:
        """Add an element to the array at `pointer`, which is made if it is not there. Raises SpecError as `put`."""
        parent, last = self._parent(pointer)
        elements = parent.setdefault(last, [])
        if isinstance(elements, _Leaf):  # it was put there empty
            elements = parent[last] = []
        elements.append(_wrap(value, origin, pointer))

    def append_to_last(self, pointer: str, key: str, value: Any, origin: Origin) -> None:
        """Add an element to the array `key` of the last object in the array at `pointer`."""
        parent, last = self._parent(pointer)
        parent[last][-1].setdefault(key, []).append(_wrap(value, origin, f"{pointer}/{key}"))

    def build(self) -> tuple[str, Provenance]:
        """The text of the config.json and where each of its values comes from."""
        origins: dict[str, Origin] = {}
        value = _unwrap(self._root, "", origins)
        return to_text(value), Provenance(origins)

    def _parent(self, pointer: str) -> tuple[dict[str, Any], str]:
        *path, last = tokens(pointer)
        node = self._root
        for key in path:
            node = node.setdefault(key, {})
        return node, last


def _wrap(value: Any, origin: Origin, pointer: str) -> Any:
    if isinstance(value, str):
        if not storable(value):
            what = "a NUL character" if "\0" in value else "bytes that are not UTF-8"
            raise SpecError(f"{pointer} cannot hold {visible(value)[:80]!r} ({origin.detail}): it has {what}")
    elif isinstance(value, dict) and value:
        return {key: _wrap(child, origin, f"{pointer}/{key}") for key, child in value.items()}
    elif isinstance(value, (list, tuple)) and value:
        return [_wrap(child, origin, pointer) for child in value]
    return _Leaf(list(value) if isinstance(value, tuple) else value, origin)


def _unwrap(node: Any, pointer: str, origins: dict[str, Origin]) -> Any:
    if isinstance(node, _Leaf):
        origins[pointer] = node.origin
        return node.value
    if isinstance(node, dict):
        return {key: _unwrap(child, f"{pointer}/{escape(key)}", origins) for key, child in node.items()}
    return [_unwrap(child, f"{pointer}/{index}", origins) for index, child in enumerate(node)]


def to_text(value: Any) -> str:
    """A config.json as Cutaway writes it: two spaces, readable letters, invisible and reordering characters escaped."""
    text = as_json(value, indent=2).decode() + "\n"
    if text.isascii() and "\x7f" not in text:
        return text
    return "".join(_escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    if letter == "\n" or visible(letter) == letter:
        return letter
    return json.dumps(letter)[1:-1] if ord(letter) > 0x7F else f"\\u{ord(letter):04x}"
