"""One line of a log as it is drawn: its time, where it came from, the mark of the second stream, its text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from engine import visible
from tui.widgets.ansi import styled
from tui.widgets.log_search import Pattern
from tui.widgets.log_source import Line

LONGEST = 4_000
"""Characters of a line that are drawn; how many more there are is said."""

LABELS = ("label-1", "label-2", "label-3", "label-4")
"""Styles that tell the names of several sources apart."""
_LABEL_WIDEST = 16  # cells


@dataclass(frozen=True, slots=True)
class Look:
    """How lines are drawn: `width` cells, labels in one column, each in the next of LABELS. `styles` has those, and
    time, mark, other, found and more."""

    width: int
    times: bool
    wrap: bool
    labels: tuple[str, ...]
    pattern: Pattern | None
    styles: Mapping[str, Style]

    @property
    def label_width(self) -> int:
        return min(_LABEL_WIDEST, max((cell_len(visible(label)) for label in self.labels), default=0))

    @property
    def head(self) -> int:
        """Cells before the text."""
        label = self.label_width
        return (9 if self.times else 0) + (label + 1 if label else 0) + 1

    @property
    def room(self) -> int:
        """Cells for the text."""
        return max(1, self.width - self.head)


def draw(line: Line, look: Look, console: Console, left: int = 0) -> list[Strip]:
    """The line, or where it is wrapped its parts; `left` cells of the text are out of sight where it is not."""
    body, room = _body(line, look, console), look.room
    starts = range(0, max(1, body.cell_length), room) if look.wrap else (left,)
    drawn = []
    for start in starts:
        part = body if not start and body.cell_length <= room else body.crop(start, start + room)
        head = _head(line, look, first=not look.wrap or not start)
        drawn.append(Strip([*head, *part], look.head + part.cell_length))
    return drawn


def width_of(line: Line) -> int:
    """Cells that the text takes where it is not wrapped."""
    text, more = _cut(line)
    return cell_len(text.plain) + (len(_more(more)) if more else 0)


def column_of(line: Line, pattern: Pattern) -> int | None:
    """The cell that the first match of a pattern begins at; None where it is not in what is drawn."""
    text, _ = _cut(line)
    span = next(pattern.spans(text.plain), None)
    return cell_len(text.plain[: span[0]]) if span is not None else None


def _cut(line: Line) -> tuple[Text, int]:
    """The text as far as it is drawn, and how many characters there are more."""
    raw, more = line.text, 0
    if len(raw) > LONGEST and raw.isprintable():  # so that a very long line costs no more than a long one
        raw, more = raw[:LONGEST], len(raw) - LONGEST
    text = styled(raw)
    if len(text) > LONGEST:
        text, more = text[:LONGEST], len(text) - LONGEST
    return text, more


def _more(characters: int) -> str:
    return f"… {characters:,} more characters"


def _body(line: Line, look: Look, console: Console) -> Strip:
    if look.pattern is None and len(line.text) <= LONGEST and line.text.isprintable():
        style = look.styles["other"] if line.other else None
        return Strip([Segment(line.text, style)] if line.text else [])
    return Strip(_text(line, look).render(console))


def _text(line: Line, look: Look) -> Text:
    text, more = _cut(line)
    if line.other:
        text.stylize_before(look.styles["other"])
    if look.pattern is not None:
        for start, end in look.pattern.spans(text.plain):
            text.stylize(look.styles["found"], start, end)
    if more:
        text.append(_more(more), look.styles["more"])
    return text


def _head(line: Line, look: Look, *, first: bool) -> list[Segment]:
    head = []
    if look.times:
        said = f"{datetime.fromtimestamp(line.time):%H:%M:%S} " if first and line.time > 0 else " " * 9
        head.append(Segment(said, look.styles["time"]))
    if look.label_width:
        place = look.labels.index(line.label) if line.label in look.labels else 0
        label = set_cell_size(visible(line.label) if first else "", look.label_width)
        head.append(Segment(f"{label} ", look.styles[LABELS[place % len(LABELS)]]))
    return [*head, Segment("┃" if line.other else " ", look.styles["mark"])]
