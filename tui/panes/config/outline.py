"""The shape of a config.json beside it: the upper two levels, with signs where something was changed or is wrong."""

from __future__ import annotations

from collections.abc import Callable

from rich.text import Text

from engine import visible
from tui.panes.config.analysis import Analysis
from tui.panes.config.places import Place
from tui.text import fill
from tui.widgets.item_list import Item

DEPTH = 2


def items(analysis: Analysis) -> list[Item]:
    """One line for each value down to DEPTH; its key is its pointer."""
    counts: dict[str, int] = {}
    for place in analysis.places.all:
        parent = place.pointer.rpartition("/")[0]
        counts[parent] = counts.get(parent, 0) + 1
    edited = {p for p, origin in analysis.provenance.items() if origin.source.value == "user"}
    wrong = {found.pointer for found in analysis.diagnostics}
    found = []
    for place in analysis.places.all:
        level = place.pointer.count("/")
        if not 1 <= level <= DEPTH or place.pointer.startswith("/annotations/"):
            continue
        sign = "!" if _touches(place.pointer, wrong) else "u" if _touches(place.pointer, edited) else ""
        # Elements of an array say more in the text itself.
        if level == DEPTH and place.name.isdigit():
            continue
        count = str(counts[place.pointer]) if place.pointer in counts and level == 1 else ""
        found.append(Item(place.pointer, place.pointer, _line(place, level, count, sign)))
    return found


def _touches(pointer: str, pointers: set[str]) -> bool:
    return any(other == pointer or other.startswith(pointer + "/") for other in pointers)


def _line(place: Place, level: int, count: str, sign: str) -> Callable[[int], Text]:
    def draw(width: int) -> Text:
        name = "  " * (level - 1) + visible(place.name)
        text = Text(no_wrap=True, end="")
        text.append(fill(name, max(1, width - 6)), "bold" if level == 1 else "")
        text.append(f"{count:>3} {sign:>1}")
        return text

    return draw
