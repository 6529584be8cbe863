"""A value of a config.json in words: what it is, who decided it, what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from engine import visible
from tui.panes.config.analysis import Analysis
from tui.panes.config.places import Place

if TYPE_CHECKING:
    from engine import Diagnostic, Origin

LETTERS = {"image": "i", "default": "d", "host": "h", "user": "u", "adopted": "a"}
LEGEND = "i image  d default  h host  u you"

_LONGEST = 300


def source(origin: Origin) -> str:
    """Who decided a value, as the end of a sentence."""
    detail = visible(origin.detail)
    match origin.source.value:
        case "image":
            return f"from the image: {detail.removeprefix('image config ')}"
        case "default":
            return f"a default: {detail}"
        case "host":
            return f"because of this host: {detail}"
        case "adopted":
            return f"adopted: {detail}"
        case _:
            return f"set by you: {detail}"


def value(place: Place, analysis: Analysis) -> str:
    """A leaf as it is written; of an object or array, how much is in it."""
    if place.leaf:
        return visible(" ".join(place.text[:_LONGEST].split()))
    below = place.pointer + "/"
    count = sum(
        other.pointer.startswith(below) and "/" not in other.pointer[len(below) :] for other in analysis.places.all
    )
    return f"holds {count} {'value' if count == 1 else 'values'}"


def sentences(row: int, analysis: Analysis, error: str, warning: str) -> list[Text]:
    """Up to three sentences on the value of a line (from 0), what is wrong before what is only to know, as there
    may be no room for all. `error` and `warning` are styles."""
    place = analysis.places.at(row)
    if place is None:
        return _problem(analysis.diagnostics[0], analysis, error, warning) if analysis.diagnostics else []
    first = Text(visible(place.pointer) or "/", style="bold", end="")
    first.append(f"   {value(place, analysis)}", style="not bold")
    own = [d for d in analysis.diagnostics if d.line == row + 1 or d.pointer == place.pointer]
    lines = [first, *(_problem(own[0], analysis, error, warning) if own else [])]
    if place.leaf:
        origin = analysis.provenance.get(place.pointer)
        said = source(origin) if origin is not None else "set by you"
        text = said[0].upper() + said[1:] + f" (line {place.line + 1})."
        old = analysis.before.get(place.pointer)
        if old is not None and old != place.text:
            was = analysis.original.get(place.pointer)
            text += f"  Before: {visible(old)[:80]}" + (f", {source(was)}." if was is not None else ".")
        lines.append(Text(text, end=""))
    return lines


def _problem(found: Diagnostic, analysis: Analysis, error: str, warning: str) -> list[Text]:
    grave = found.severity.value == "error"
    sign, style = ("✗", error) if grave else ("!", warning)
    number = analysis.diagnostics.index(found) + 1
    text = f"{sign} {visible(found.message)}"
    if found.hint:
        text += f"  {visible(found.hint)}"
    line = Text(text, style=style, end="")
    if len(analysis.diagnostics) > 1:
        line.append(f"   {number} of {len(analysis.diagnostics)}")
    return [line]
