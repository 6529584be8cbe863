"""What is different between two config.json: by meaning, not by text, and each difference can be taken back alone.

Order and formatting of objects mean nothing. Elements of arrays are matched by what names them (a mount by its
destination, a variable by its name, a capability by itself, a rule of seccomp by its system calls), else by content.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum
from typing import Any

from engine.errors import SpecError
from engine.spec.document import Document
from engine.spec.inserting import insert_member, set_written, written
from engine.spec.provenance import escape, tokens
from engine.spec.same_rules import same_rules


class DifferenceKind(Enum):
    """How a value differs. REORDERED: the same mounts, which hide each other otherwise."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    REORDERED = "reordered"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference. `pointer` is where it is now (of what was removed: where it was, as `old` says), `before` and
    `after` are the values; None where there was, or is, none."""

    kind: DifferenceKind
    pointer: str
    old: str
    before: Any
    after: Any


def differences(before: str, after: str) -> list[Difference]:
    """The differences from one text to another, in the order of the second. Raises SpecError where one is not JSON."""
    return list(_differences(_read(before).value, _read(after).value, "", ""))


def take_back(now: str, before: str, difference: Difference) -> str:
    """The text with one of the differences from `before` undone; the rest stays as it is written.

    Raises SpecError where it is no difference of these two any more.
    """
    if difference not in differences(before, now):
        raise SpecError(f"{difference.pointer or 'the whole'} is different now", hint="Look at the differences again.")
    document, source = _read(now), _read(before)
    match difference.kind:
        case DifferenceKind.ADDED:
            return document.remove(difference.pointer).text
        case DifferenceKind.CHANGED if not isinstance(difference.before, dict | list):
            return set_written(document, difference.pointer, written(source, difference.old)).text
        case DifferenceKind.CHANGED | DifferenceKind.REORDERED:
            return document.set(difference.pointer, difference.before).text
        case DifferenceKind.REMOVED:
            return _back(document, source, difference).text


def _back(document: Document, source: Document, difference: Difference) -> Document:
    parent = difference.pointer.rpartition("/")[0]
    holder = source.get(difference.old.rpartition("/")[0])
    if isinstance(holder, list):
        return document.insert(difference.pointer, difference.before)
    name = tokens(difference.old)[-1]
    names = list(holder)
    following = names[names.index(name) + 1 :]
    there = document.get(parent)
    before = next((other for other in following if isinstance(there, dict) and other in there), None)
    return insert_member(document, parent, name, difference.before, before)


def _read(text: str) -> Document:
    document = Document(text)
    if (problem := document.problem) is not None and not problem.trailing:
        line, column = problem.position
        raise SpecError(
            f"this config.json is not JSON: line {line + 1}, column {column + 1}: {problem.message}",
            hint="Mend that first.",
        )
    return document


def _differences(before: Any, after: Any, old: str, new: str) -> Iterator[Difference]:
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _members(before, after, old, new)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _elements(before, after, old, new)
    elif type(before) is not type(after) or before != after:
        yield Difference(DifferenceKind.CHANGED, new, old, before, after)


def _members(before: dict[str, Any], after: dict[str, Any], old: str, new: str) -> Iterator[Difference]:
    for key, value in after.items():
        name = escape(key)
        if key in before:
            yield from _differences(before[key], value, f"{old}/{name}", f"{new}/{name}")
        else:
            yield Difference(DifferenceKind.ADDED, f"{new}/{name}", f"{old}/{name}", None, value)
    for key, value in before.items():
        if key not in after:
            yield Difference(DifferenceKind.REMOVED, f"{new}/{escape(key)}", f"{old}/{escape(key)}", value, None)


def _elements(before: list[Any], after: list[Any], old: str, new: str) -> Iterator[Difference]:
    if new == "/linux/seccomp/syscalls":
        yield from _paired(before, after, old, new, same_rules(before, after))
        return
    naming = _naming(new)
    keys = [[naming(each) for each in side] for side in (before, after)]
    if all(None not in side and len(set(side)) == len(side) for side in keys):
        yield from _named(before, after, old, new, keys[0], keys[1])
        return
    exact = [[json.dumps(each, sort_keys=True) for each in side] for side in (before, after)]
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, exact[0], exact[1], autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        common = min(i2 - i1, j2 - j1)
        for offset in range(common):
            where = f"{old}/{i1 + offset}", f"{new}/{j1 + offset}"
            yield from _differences(before[i1 + offset], after[j1 + offset], *where)
        for index in range(j1 + common, j2):
            yield Difference(DifferenceKind.ADDED, f"{new}/{index}", f"{old}/{i2}", None, after[index])
        for index in range(i1 + common, i2):
            yield Difference(DifferenceKind.REMOVED, f"{new}/{j2}", f"{old}/{index}", before[index], None)


def _named(
    before: list[Any], after: list[Any], old: str, new: str, names: list[str | None], now: list[str | None]
) -> Iterator[Difference]:
    where = {name: index for index, name in enumerate(names)}
    pairs = {index: where[name] for index, name in enumerate(now) if name in where}
    yield from _paired(before, after, old, new, pairs)
    if new == "/mounts":
        common = [name for name in names if name in now], [name for name in now if name in names]
        if common[0] != common[1]:
            yield Difference(DifferenceKind.REORDERED, new, old, before, after)


def _paired(before: list[Any], after: list[Any], old: str, new: str, pairs: Mapping[int, int]) -> Iterator[Difference]:
    """`pairs`: the element that is now at an index, by the index where it was."""
    for index, value in enumerate(after):
        if (was := pairs.get(index)) is not None:
            yield from _differences(before[was], value, f"{old}/{was}", f"{new}/{index}")
        else:
            yield Difference(DifferenceKind.ADDED, f"{new}/{index}", f"{old}/-", None, value)
    there = {was: index for index, was in pairs.items()}
    for index, value in enumerate(before):
        if index not in there:
            # After the nearest one before it that is still there.
            place = next((there[other] + 1 for other in range(index - 1, -1, -1) if other in there), 0)
            yield Difference(DifferenceKind.REMOVED, f"{new}/{place}", f"{old}/{index}", value, None)


def _member(name: str) -> Callable[[Any], str | None]:
    def naming(value: Any) -> str | None:
        found = value.get(name) if isinstance(value, dict) else None
        return found if isinstance(found, str) else None

    return naming


def _itself(value: Any) -> str | None:
    return None if isinstance(value, dict | list) else json.dumps(value)


def _variable(value: Any) -> str | None:
    return value.partition("=")[0] if isinstance(value, str) else None


_NAMINGS: tuple[tuple[str, Callable[[Any], str | None]], ...] = (
    (r"/mounts", _member("destination")),
    (r"/process/env", _variable),
    (r"/process/rlimits|/linux/namespaces", _member("type")),
    (r"/linux/devices", _member("path")),
    (r"/process/capabilities/\w+|/linux/(?:masked|readonly)Paths|/process/user/additionalGids", _itself),
    (r"/linux/seccomp/(?:architectures|flags|syscalls/\d+/names)", _itself),
)


def _naming(pointer: str) -> Callable[[Any], str | None]:
    """What tells the elements of the array at a pointer apart; it returns None where nothing does."""
    return next((naming for pattern, naming in _NAMINGS if re.fullmatch(pattern, pointer)), lambda value: None)
