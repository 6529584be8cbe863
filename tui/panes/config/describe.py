"""A value of a config.json in words: what it is, who decided it, what is wrong with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from engine import describe_field, visible
from tui.panes.config.analysis import Analysis
from tui.panes.config.places import Place
from tui.text import counted

if TYPE_CHECKING:
    from engine import Diagnostic, Difference, Origin

LETTERS = {"image": "i", "default": "d", "host": "h", "user": "u", "adopted": "a"}
LEGEND = "i image  d default  h host  u you"
ADOPTED = "  a adopted"

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
    return f"holds {counted(count, 'value')}"


def difference_at(row: int, analysis: Analysis) -> Difference | None:
    """The edit that a line belongs to: of its value, of what holds it, or of something that stood just there."""
    place = analysis.places.at(row)
    if place is None:
        return None
    found = {each.pointer: each for each in reversed(analysis.differences)}
    pointer = place.pointer
    while pointer:
        if pointer in found and (pointer == place.pointer or found[pointer].after is not None):
            return found[pointer]
        pointer = pointer.rpartition("/")[0]
    gone = (each for each in analysis.differences if each.after is None)
    return next((each for each in gone if each.pointer.rpartition("/")[0] == place.pointer), None)


def sentences(row: int, analysis: Analysis, error: str, warning: str) -> list[Text]:
    """Up to three sentences on the value of a line (from 0), what is wrong before what is only to know, as there
    may be no room for all. `error` and `warning` are styles."""
    place = analysis.places.at(row)
    if place is None:
        return _problem(analysis.diagnostics[0], analysis, error, warning) if analysis.diagnostics else []
    first = Text(visible(place.pointer) or "/", style="bold", end="")
    first.append(f"   {describe_field(place.pointer) or value(place, analysis)}", style="not bold")
    own = [d for d in analysis.diagnostics if d.line == row + 1 or d.pointer == place.pointer]
    lines = [first, *(_problem(own[0], analysis, error, warning) if own else [])]
    text = _origin(place, analysis) if place.leaf else ""
    text = "  ".join(filter(None, (text, _before(difference_at(row, analysis), place, analysis))))
    return [*lines, Text(text, end="")] if text else lines


def _origin(place: Place, analysis: Analysis) -> str:
    origin = analysis.provenance.get(place.pointer)
    said = source(origin) if origin is not None else "set by you"
    return f"{said[0].upper()}{said[1:]} (line {place.line + 1})."


def _before(change: Difference | None, place: Place, analysis: Analysis) -> str:
    """What was there before the edit."""
    if change is None:
        return ""
    if change.after is None:
        name = change.old.rpartition("/")[2]
        what = visible(json.dumps(change.before, ensure_ascii=False))[:80] if name.isdigit() else visible(name)
        return f"Gone from here: {what}. ctrl+r puts it back."
    if change.before is None:
        return "It was not there before; ctrl+r takes it away."
    was = analysis.original.get(change.old)
    old = visible(json.dumps(change.before, ensure_ascii=False))[:80]
    return f"Before: {old}" + (f", {source(was)}." if was is not None else ".") + " ctrl+r puts it back."


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


def fitted(lines: list[Text], width: int, height: int) -> Text:
    """The sentences in so many lines: where they have no room the first, which is the longest, is cut to one."""
    needed = sum(max(1, -(-cell_len(line.plain) // max(1, width))) for line in lines)
    if lines and needed > height:
        lines[0].truncate(width, overflow="ellipsis")
    return Text("\n").join(lines)
