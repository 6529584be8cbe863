"""What is known of a config.json while it is looked at: where values stand, who decided them, what is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine import CutawayError, visible
from tui.panes.config.outline import Node, nodes
from tui.panes.config.places import Places

if TYPE_CHECKING:
    from engine import Diagnostic, Difference, Draft, Provenance, Workbench


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


def analyse(workbench: Workbench, text: str, provenance: Provenance, draft: Draft | None, before_text: str) -> Analysis:
    """Look at a text; `draft` and `before_text` are what it was before the edit, the latter as the editor shows it.

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
    places = Places(text)
    kinds = {place.line: _kind(provenance, place.pointer) for place in places.leaves()}
    diagnostics = tuple(workbench.check(text))
    return Analysis(
        text=text,
        places=places,
        provenance=provenance,
        diagnostics=diagnostics,
        original=original,
        differences=edits,
        kinds=kinds,
        tree=tuple(nodes(places, diagnostics, edits)),
        whole=_is_json(text),
    )


def _kind(provenance: Provenance, pointer: str) -> str:
    origin = provenance.get(pointer)
    return origin.source.value if origin is not None else "user"


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def shown(text: str) -> str:
    """The same JSON with every character that a terminal would obey, or an editor take for a line's end, escaped.

    An image may put U+2028 or a bidirectional override into its environment; JSON may carry them unescaped.
    """
    if visible(text, keep="\n\r\t") == text:
        return text
    return "".join(c if c in "\n\r\t" or visible(c) == c else json.dumps(c)[1:-1] for c in text)
