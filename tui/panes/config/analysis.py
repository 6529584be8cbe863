"""What is known of a config.json while it is looked at: where values stand, who decided them, what is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine import CutawayError, visible
from tui.panes.config.places import Places

if TYPE_CHECKING:
    from engine import Diagnostic, Draft, Provenance, Workbench


@dataclass(frozen=True)
class Analysis:
    """Of one text. `before` has the leaves as they were before anything was changed, as they were written."""

    text: str
    places: Places
    provenance: Provenance
    diagnostics: tuple[Diagnostic, ...]
    original: Provenance
    before: Mapping[str, str]
    whole: bool
    """Whether the text is JSON."""

    @property
    def edits(self) -> int:
        """How many values are not as they were: changed, new or gone."""
        now = {place.pointer: place.text for place in self.places.leaves()}
        changed = sum(self.before.get(pointer) != text for pointer, text in now.items())
        return changed + sum(pointer not in now for pointer in self.before)


def analyse(workbench: Workbench, text: str, provenance: Provenance, draft: Draft | None, before_text: str) -> Analysis:
    """Look at a text; `draft` and `before_text` are what it was before the edit, the latter as the editor shows it.

    It takes too long for the screen's own thread.
    """
    original = provenance
    before: dict[str, str] = {}
    if draft is not None:
        before = {place.pointer: place.text for place in Places(before_text).leaves()}
        try:
            provenance = draft.with_text(text).provenance
        except CutawayError:
            pass  # no JSON at the moment; check says where
    diagnostics = tuple(workbench.check(text))
    return Analysis(text, Places(text), provenance, diagnostics, original, before, _is_json(text))


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
