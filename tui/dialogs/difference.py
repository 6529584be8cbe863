"""A difference of two config.json on a line: a sign, the pointer, what was and what is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.text import Text

from engine import visible
from tui.text import clip, clip_start
from tui.themes import rich_color

if TYPE_CHECKING:
    from engine import Difference

SIGNS = {"added": "+", "removed": "-", "changed": "~", "reordered": "~"}
"""State is never told by colour alone."""

_COLOURS = {"+": "success", "-": "error", "~": "warning"}
"""In a theme's words."""


def colours(variables: Mapping[str, str]) -> dict[str, str]:
    """The style of each sign, by a theme's variables."""
    return {sign: rich_color(variables[name]) or "" for sign, name in _COLOURS.items()}


def line_of(difference: Difference, width: int, colours: Mapping[str, str]) -> Text:
    """At most so many cells; of a pointer the end is worth more than the beginning."""
    sign = SIGNS[difference.kind.value]
    pointer = clip_start(visible(_pointer(difference)), max(12, width // 2))
    text = Text(no_wrap=True, end="")
    text.append(f"{sign} ", f"bold {colours[sign]}")
    text.append(pointer, "bold")
    room = max(8, width - text.cell_len - 2)
    text.append("  " + clip(values(difference), room))
    return text


def _pointer(difference: Difference) -> str:
    gone = difference.kind.value == "removed"
    pointer = difference.old if gone else difference.pointer
    # An element of a list is told by its value; its number says nothing.
    head, _, last = pointer.rpartition("/")
    return head if last.isdigit() and difference.kind.value in ("added", "removed") else pointer or "/"


def values(difference: Difference) -> str:
    """What was and what is, on one line."""
    match difference.kind.value:
        case "added":
            return said(difference.after)
        case "removed":
            return said(difference.before)
        case "reordered":
            return "in another order"
    return f"{said(difference.before)} → {said(difference.after)}"


def said(value: Any, limit: int = 400) -> str:
    """A value as it is written on one line; plain and safe."""
    return clip(visible(json.dumps(value, ensure_ascii=False)), limit)
