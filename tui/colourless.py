"""What NO_COLOR (no-color.org) asks for: nothing that goes to the terminal says a colour.

The theme for it, mono, tells things apart by brightness; here what stands on a light ground is shown in reverse, and
what stands on a grey one underlined, in the terminal's own colours.
"""

from __future__ import annotations

from functools import lru_cache

from rich.color import ColorType
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

_LIGHT, _GREY = 0.6, 0.2
"""Brightness of a background, 0 to 1, from which on it is one or the other."""


class Colourless(LineFilter):
    """Takes the colours out of what has been drawn."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(text, style and _without(style), control) for text, style, control in segments]


@lru_cache(1024)
def _without(style: Style) -> Style:
    ground = style.bgcolor
    known = ground is not None and ground.type is not ColorType.DEFAULT
    brightness = Color.from_rich_color(ground).brightness if known else 0.0
    return Style(
        bold=style.bold,
        dim=style.dim,
        italic=style.italic,
        underline=style.underline or _GREY < brightness < _LIGHT or None,
        strike=style.strike,
        reverse=bool(style.reverse) != (brightness >= _LIGHT),
        meta=style.meta,
    )
