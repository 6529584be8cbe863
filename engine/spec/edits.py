"""Which values an edit has changed, so that they become the user's and the others keep their origin."""

from __future__ import annotations

import json
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any

from engine.spec.document import Document
from engine.spec.provenance import EDITED, Provenance, escape, leaves


def changed(before: Document, after: Document) -> set[str]:
    """The pointers (in `after`) of the leaves that are new or different. Array elements are matched by content, so
    one that only moved up, because another before it went, is not different. None, where one of the texts is broken.
    """
    if before.problem or after.problem:
        return set()
    return {new for new, old in _matches(before.value, after.value, "", "") if old is None}


def edited(before: str, after: str, provenance: Provenance) -> Provenance:
    """The provenance of a text that was edited: what is different is the user's. Unchanged where `after` is broken."""
    old, new = Document(before), Document(after)
    if old.problem or new.problem:
        return provenance
    return Provenance(
        {
            pointer: EDITED if was is None else provenance.get(was, EDITED)
            for pointer, was in _matches(old.value, new.value, "", "")
        }
    )


def _matches(before: Any, after: Any, old: str, new: str) -> Iterator[tuple[str, str | None]]:
    """(pointer in `after`, pointer of the same leaf in `before` or None) for each leaf of `after`."""
    if isinstance(before, dict) and isinstance(after, dict) and after:
        for key, value in after.items():
            name = escape(key)
            if key in before:
                yield from _matches(before[key], value, f"{old}/{name}", f"{new}/{name}")
            else:
                yield from _all_new(value, f"{new}/{name}")
    elif isinstance(before, list) and isinstance(after, list) and after:
        yield from _elements(before, after, old, new)
    elif type(before) is type(after) and before == after:
        yield new, old
    else:
        yield from _all_new(after, new)


def _elements(before: list[Any], after: list[Any], old: str, new: str) -> Iterator[tuple[str, str | None]]:
    keys = [[json.dumps(element, sort_keys=True) for element in side] for side in (before, after)]
    for _, i1, i2, j1, j2 in SequenceMatcher(None, keys[0], keys[1], autojunk=False).get_opcodes():
        for offset in range(j2 - j1):
            pointer = f"{new}/{j1 + offset}"
            if i1 + offset < i2:
                yield from _matches(before[i1 + offset], after[j1 + offset], f"{old}/{i1 + offset}", pointer)
            else:
                yield from _all_new(after[j1 + offset], pointer)


def _all_new(value: Any, pointer: str) -> Iterator[tuple[str, str | None]]:
    return ((leaf, None) for leaf, _ in leaves(value, pointer))
