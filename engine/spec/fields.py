"""What each field of a config.json is: one table, which explains to people and tells the checker."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

from engine.errors import UsageError
from engine.spec import vocabulary
from engine.spec.provenance import tokens
from engine.spec.wordlists import WORDS
from engine.text import visible

_ROWS = Path(__file__).with_name("fields.txt")

_INTEGERS = {
    "int": (-(2**63), 2**63 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint": (0, 2**64 - 1),
    "uint16": (0, 2**16 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
}

_FIRST_RUNC = {"1.1": "1.2", "1.2.1": "1.3"}
"""For the runtime-spec that brought a field, the runc that takes it first; what is older every runc takes."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the runtime-spec. `pattern` is its pointer with `*` for indices and map keys.

    `kind` is object, array, map, string, bool or integer; `low` and `high` bound an integer as runc's decoder does.
    `words` names the vocabulary that a string is from. `newer` is the first runc that knows a field 1.1 does not,
    else ""; `decoded_early` are those of a candidate of that spec, with which distributions build a runc 1.1 that reads
    them and does nothing more. `foreign` fields belong to another operating system.
    """

    pattern: str
    kind: str
    low: int
    high: int
    words: str
    required: bool
    newer: str
    decoded_early: bool
    foreign: bool
    default: str
    example: Any
    meaning: str

    @property
    def type_text(self) -> str:
        """The type in words: "integer, 0 to 65535"."""
        if self.kind == "integer":
            if (self.low, self.high) in (_INTEGERS["int64"], _INTEGERS["uint64"]):
                return "integer" if self.low else "integer, not negative"
            return f"integer, {self.low} to {self.high}"
        return {"bool": "true or false", "map": "object with names of your own"}.get(self.kind, self.kind)


@lru_cache(maxsize=1)
def table() -> dict[str, Field]:
    """All fields by their patterns."""
    fields = {}
    for row in _ROWS.read_text("utf-8").splitlines():
        if row and not row.startswith("#"):
            pointers, kind, default, example, meaning = (cell.strip() for cell in row.split("|", 4))
            for pattern in _expanded(pointers):
                fields[pattern] = _field(pattern, kind, default, example, meaning)
    return fields


@lru_cache(maxsize=1)
def children() -> dict[str, dict[str, Field]]:
    """For the pattern of each object its known members by name; "" is the whole document."""
    found: dict[str, dict[str, Field]] = {}
    for pattern, field in table().items():
        parent, _, name = pattern.rpartition("/")
        found.setdefault(parent, {})[name] = field
    return found


def field_at(pointer: str) -> Field | None:
    """The field that a pointer of a document leads to, or None where the runtime-spec has none."""
    pattern = ""
    for token in tokens(pointer):
        known = children().get(pattern, {})
        if token in known:
            pattern += f"/{token}"
        elif "*" in known:
            pattern += "/*"
        else:
            return None
    return table().get(pattern)


def describe_field(pointer: str) -> str:
    """A line on the field at a pointer: type, meaning, default. "" where the runtime-spec knows none."""
    field = field_at(pointer)
    if field is None:
        return ""
    default = "" if field.required and field.default.startswith("none") else f" Default: {field.default}."
    required = ", required" if field.required else ""
    newer = f" (runc {field.newer} and later)" if field.newer else ""
    return f"{field.type_text}{required}{newer}: {field.meaning}{default}"


def explain_field(pointer: str) -> Field:
    """The field that a pointer leads to; indices and names of one's own may also be written as `*`.

    Raises UsageError, with what may have been meant, where the runtime-spec knows none.
    """
    whole = pointer if pointer.startswith("/") else f"/{pointer}"
    field = field_at(whole.rstrip("/"))
    if field is None:
        raise UsageError(f"the runtime-spec has no field {visible(pointer)[:200]!r}", hint=_meant(tokens(whole)))
    return field


def fields() -> list[Field]:
    """Every field that means something on Linux, in the order of a config.json."""
    return [field for field in table().values() if not field.foreign]


def _meant(path: list[str]) -> str:
    """Fields that may have been meant: the nearest at each step, else every field of that name."""
    named = [field.pattern for field in fields() if field.pattern.rpartition("/")[2].lower() == path[-1].lower()]
    pattern = ""
    for token in path:
        known = children().get(pattern, {})
        key = token if token in known else "*" if "*" in known else ""
        if not key:
            key = vocabulary.nearest(token, known)
        if not key:
            if named:
                return f"Did you mean {' or '.join(named[:3])}?"
            there = ", ".join(name for name, field in known.items() if not field.foreign)
            return f"{pattern or 'A config.json'} has: {there}." if there else f"{pattern} is no object."
        pattern += f"/{key}"
    return f"Did you mean {pattern}?"


def known_words(pointer: str) -> frozenset[str]:
    """The values that are known for the field at a pointer; empty where any text may stand."""
    field = field_at(pointer)
    return WORDS.get(field.words, frozenset()) if field else frozenset()


def member_names(pointer: str) -> list[str]:
    """The names that the runtime-spec knows for the members of the object at a pointer, in its order."""
    parent = field_at(pointer).pattern if pointer and field_at(pointer) else ""  # type: ignore[union-attr]
    if pointer and not parent:
        return []
    return [name for name, field in children().get(parent, {}).items() if name != "*" and not field.foreign]


def _expanded(pointers: str) -> list[str]:
    """{a,b} as in a shell."""
    parts: list[list[str]] = []
    for piece in pointers.replace("{", "\0{").replace("}", "\0").split("\0"):
        parts.append(piece[1:].split(",") if piece.startswith("{") else [piece])
    return ["".join(choice) for choice in product(*parts)]


def _field(pattern: str, kind: str, default: str, example: str, meaning: str) -> Field:
    kind, _, since = kind.partition(" @")
    required = kind.endswith("!")
    kind, _, words = kind.rstrip("!").partition(":")
    low, high = _INTEGERS.get(kind, (0, 0))
    return Field(
        pattern=pattern,
        kind="integer" if kind in _INTEGERS else kind,
        low=low,
        high=high,
        words=words,
        required=required,
        newer=_FIRST_RUNC.get(since.rstrip("-"), ""),
        decoded_early=since.endswith("-"),
        foreign=since == "other",
        default=default or ("none: it has to be given" if required else "none"),
        example=json.loads(example),
        meaning=meaning,
    )
