"""What the pages say: the keys of a place, from the bindings themselves; and this host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textual.screen import Screen

from engine import Problem, visible
from tui.widgets.key_line import reaches, shown_key, words_of

_TEXTUALS = {
    *("scroll_left", "scroll_right", "page_left", "page_right"),
    *("screen.copy_text", "app.focus_next", "app.focus_previous"),
}
"""Actions of Textual's own that every screen and scrolling widget has, and that say nothing here."""


def help_rows(screen: Screen[Any]) -> list[tuple[str, str]]:
    """Label and text: the keys of what has the focus, those of everywhere, and then the usual ones of a text."""
    near: dict[str, list[str]] = {}
    far: dict[str, list[str]] = {}
    usual: dict[str, list[str]] = {}
    for active in screen.active_bindings.values():
        binding = active.binding
        if binding.action in _TEXTUALS or binding.system or not active.enabled or not reaches(screen, binding.key):
            continue
        if binding.id is None:  # a binding of Textual's own
            group, words = usual, words_of(active).lower()
        else:
            group = far if active.node is screen or active.node is screen.app else near
            words = words_of(active)
        group.setdefault(words, []).append(shown_key(binding.key, binding.key_display))
    rows = []
    for title, group in (("In this place", near), ("Everywhere", far), ("The usual keys of a text", usual)):
        lines = [f"{', '.join(keys):<22} {words}" for words, keys in group.items() if words]
        if lines:
            rows.append((title, "\n".join(lines)))
    return rows


def host_rows(place: Sequence[str], problems: Sequence[Problem] | None) -> list[tuple[str, str]]:
    """Label and text; `problems` is None until the host has been looked at."""
    rows = [("", " · ".join(place) or "looking…")]
    rows += [(f"! {visible(problem.message)}", problem.hint) for problem in problems or []]
    if problems is not None and not problems:
        rows.append(("", "Everything needed is here."))
    return rows
