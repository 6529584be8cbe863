"""What is known of a config.json while it is looked at: where values stand, who decided them, what is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from engine import CutawayError
from tui.panes.config.outline import Node, nodes
from tui.panes.config.places import Places

if TYPE_CHECKING:
    from engine import Diagnostic, Difference, Draft, Provenance, Workbench
    from tui.state import Failure


@dataclass(frozen=True)
class Analysis:
    """Of one text. `original` says where values came from before anything was changed; `differences` are the edits, by
    meaning, `kinds` the sources of values by line (from 0), `tree` what the outline shows."""

    text: str
    places: Places
    provenance: Provenance
    diagnostics: tuple[Diagnostic, ...]
    original: Provenance
    differences: tuple[Difference, ...]
    kinds: Mapping[int, str]
    tree: tuple[Node, ...]
    whole: bool
    """Whether the text is JSON."""

    @property
    def edits(self) -> int:
        """How many values are not as they were: changed, new or gone."""
        return len(self.differences)


def analyse(
    workbench: Workbench,
    text: str,
    provenance: Provenance,
    draft: Draft | None,
    before_text: str,
    failure: Failure | None = None,
) -> Analysis:
    """Look at a text; `draft` and `before_text` are what it was before the edit, the latter as the editor shows it.
    `failure` is what runc said of it.

    It takes too long for the screen's own thread.
    """
    from engine import differences

    original = provenance
    edits: tuple[Difference, ...] = ()
    if draft is not None:
        try:
            provenance = draft.with_text(text).provenance
            edits = tuple(differences(before_text, text))
        except CutawayError:
            pass  # no JSON at the moment; check says where
    places, whole = Places(text), _is_json(text)
    if draft is not None and not whole:
        provenance = _while_broken(places, before_text, original)
    kinds = {place.line: _kind(provenance, place.pointer) for place in places.leaves()}
    diagnostics = tuple(workbench.check(text, container=draft.id if draft is not None else ""))
    if failure is not None:
        diagnostics = _with_failure(diagnostics, failure, places)
    return Analysis(
        text=text,
        places=places,
        provenance=provenance,
        diagnostics=diagnostics,
        original=original,
        differences=edits,
        kinds=kinds,
        tree=tuple(nodes(places, diagnostics, edits)),
        whole=whole,
    )


def _with_failure(found: tuple[Diagnostic, ...], failure: Failure, places: Places) -> tuple[Diagnostic, ...]:
    """With runc's own word at the value that it was about, before what was found there without it."""
    from engine import Diagnostic, Severity

    pointer = failure.pointer
    while pointer and places.line_of(pointer) is None:
        pointer = pointer.rpartition("/")[0]
    line = places.line_of(pointer) or 0
    message = f"it could not be launched: {failure.message}"
    said = Diagnostic(failure.pointer, line + 1, 1, Severity.ERROR, "runc", message, failure.hint)
    before = [each for each in found if each.line <= line]
    return (*(each for each in before if each.line < line + 1), said, *found[len(before) :])


def _while_broken(places: Places, before_text: str, original: Provenance) -> Provenance:
    """Where values come from in a text that is no JSON at the moment: what is written as it was is what it was."""
    from engine import Provenance

    before = _leaves(before_text)
    same = (place.pointer for place in places.leaves() if before.get(place.pointer) == place.text)
    return Provenance({pointer: original[pointer] for pointer in same if pointer in original})


@lru_cache(maxsize=2)
def _leaves(text: str) -> Mapping[str, str]:
    return {place.pointer: place.text for place in Places(text).leaves()}


def _kind(provenance: Provenance, pointer: str) -> str:
    origin = provenance.get(pointer)
    return origin.source.value if origin is not None else "user"


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
