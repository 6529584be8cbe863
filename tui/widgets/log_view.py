"""A window on a log of any length: it follows the end, stands still while somebody reads, and finds what is looked for.

It holds no lines: those in sight are read when they are drawn.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from tui.text import counted
from tui.widgets.lines import Lines
from tui.widgets.log_drawing import LABELS, Look
from tui.widgets.log_model import LogModel
from tui.widgets.log_page import LogPage
from tui.widgets.log_search import Pattern
from tui.widgets.log_source import Line, Source

_TICK, _SLICE = 0.020, 0.012
"""Seconds between two slices of looking through a log, and CPU seconds of a slice: keys come in between."""

_SAID_EVERY = 0.3
"""Seconds between two words on how far it is: the edge they stand on is dear to draw."""

_WHEEL = 3
"""Rows for a step of the mouse's wheel."""

COPIED_AT_MOST = 10_000
"""Lines that are copied at once; a file takes all of them."""

_STYLES = ("time", "mark", "other", "found", "more", *LABELS)


class LogView(Lines, Widget, can_focus=True):
    """Shows the lines of a source. Scrolling up pauses it; `G`, End or the way down to the end follow again."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"log--{name}" for name in _STYLES), "log--chosen", "log--current", "log--bar",
    }  # fmt: skip

    DEFAULT_CSS = """
    LogView {
        height: 1fr;
        & .log--time { color: $text-muted; }
        & .log--mark { color: $text-error; text-style: bold; }
        & .log--other { color: $text-error; }
        & .log--found { text-style: reverse bold; }
        & .log--more { color: $text-muted; text-style: italic; }
        & .log--chosen { background: $block-cursor-blurred-background; color: $block-cursor-blurred-foreground; }
        & .log--current { background: $block-cursor-background; color: $block-cursor-foreground; }
        & .log--bar { color: $accent; }
        & .log--label-1 { color: $accent; } & .log--label-2 { color: $success; }
        & .log--label-3 { color: $primary; } & .log--label-4 { color: $warning; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "lines(-1)", "up", show=False, id="log.up"),
        Binding("down,j", "lines(1)", "down", show=False, id="log.down"),
        Binding("left,h", "sideways(-8)", "left", show=False, id="log.left"),
        Binding("right,l", "sideways(8)", "right", show=False, id="log.right"),
        Binding("pageup,ctrl+b", "pages(-1)", "page up", show=False, id="log.page-up"),
        Binding("pagedown,ctrl+f", "pages(1)", "page down", show=False, id="log.page-down"),
        Binding("home,g", "top", "oldest", show=False, id="log.oldest"),
        Binding("G,end", "follow", "follow", id="log.follow"),
        Binding("n", "match(1)", "next match", show=False, id="log.next"),
        Binding("N", "match(-1)", "previous match", show=False, id="log.previous"),
        Binding("w", "wrap", "wrap", id="log.wrap"),
        Binding("t", "times", "times", id="log.times"),
        Binding("v", "choose", "select lines", id="log.select"),
        Binding("enter", "whole", "the whole line", show=False, id="log.whole"),
        Binding("escape", "let_go", "back", show=False, id="log.let-go"),
    ]

    class Changed(Message):
        """What the view says of itself (`summary`) is different now."""

    class Whole(Message):
        """Somebody wants to read a line whole."""

        def __init__(self, line: Line) -> None:
            super().__init__()
            self.line = line

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.page: LogPage | None = None
        self.labels: tuple[str, ...] = ()
        self.times, self.wrap = True, False
        self._cursor: int | None = None  # of a choice of lines, whose other end is the anchor
        self._anchor = 0
        self._match: int | None = None  # the line of the match that somebody is at
        self._wanted: tuple[int, int] | None = None  # a match that is not known yet: from where, and which way
        self._timer: Timer | None = None
        self._said = 0.0
        self._bar = range(0)

    # -- what is looked at -----------------------------------------------------------------------------

    def show(self, source: Source, labels: Sequence[str] = ()) -> None:
        """Look at a source, at its end. `labels` are those that its lines may have."""
        self.labels = tuple(labels)
        self.page = LogPage(LogModel(source), self.app.console, self._look(None), self.size.height)
        self._cursor = self._match = self._wanted = None
        self.grown()

    @property
    def model(self) -> LogModel | None:
        """What of the source is shown."""
        return self.page.model if self.page is not None else None

    @property
    def following(self) -> bool:
        return self.page is not None and self.page.following

    def begin_at(self, start: int, said: str) -> None:
        """Show no line before this one; `said` says so in words, "" for all."""
        if self.page is not None:
            self.page.model.begin_at(start, said)
            self.page.following = True
            self._match = None
            self.grown()

    def filter_with(self, pattern: Pattern | None) -> None:
        """Show only the lines that this lets through."""
        if self.page is not None:
            self.page.model.filter_with(pattern)
            self.page.outdate()
            self.refresh()
            self.grown()

    def search_for(self, pattern: Pattern | None, origin: int) -> None:
        """Look for this, and go to the first one from line `origin` on."""
        if self.page is not None:
            self.page.model.search_for(pattern)
            self._match, self._wanted = None, (origin, 0)
            self._redraw()
            self.grown()

    @property
    def top(self) -> int:
        """The number of the line at the top."""
        return self.page.rows[0][0] if self.page is not None and self.page.rows else 0

    def grown(self) -> None:
        """There are more lines than before, or others are to be shown."""
        if self.page is not None:
            self._look_on(self.page)
            self._settle(moved=self.page.following or self.page.model.filter is not None or not self.page.is_full)

    def _ticked(self) -> None:
        """A further slice of looking through it."""
        if self.page is not None:
            before, wanted = len(self.page.model.seen), self._wanted
            self._look_on(self.page)
            if len(self.page.model.seen) != before:
                self._settle()
            elif self._timer is None or self._wanted != wanted or time.monotonic() > self._said + _SAID_EVERY:
                self._settle(moved=False)

    def _look_on(self, page: LogPage) -> None:
        behind = page.model.step(_SLICE)
        if self._wanted is not None:
            self._arrive(page, behind)
        if behind and self._timer is None:
            self._timer = self.set_interval(_TICK, self._ticked)
        elif not behind and self._timer is not None:
            self._timer.stop()
            self._timer = None

    def _arrive(self, page: LogPage, behind: bool) -> None:
        """Go to the match that is wanted, if it is known by now."""
        assert self._wanted is not None
        number = page.model.match(*self._wanted)
        if number is not None:
            self._wanted, self._match = None, number
            page.go_to(number)
            self.refresh()
        elif not behind:
            self._wanted = None

    def _settle(self, *, moved: bool = True) -> None:
        """Draw what is in sight anew where that has moved; say in any case that there is something to say."""
        if moved:
            if self.page is not None:
                self.page.outdate()
            self.refresh()
        self._said = time.monotonic()
        self.post_message(self.Changed())

    def _redraw(self) -> None:
        """Lines look different now."""
        if self.page is not None:
            search = self.page.model.search
            self.page.look_like(self._look(search.pattern if search is not None else None), self.size.height)
        self._settle()

    # -- what it says of itself ------------------------------------------------------------------------

    @property
    def summary(self) -> str:
        """Plain words for the lower edge: following or paused, how many lines, what is found."""
        page = self.page
        if page is None:
            return ""
        if self._cursor is not None:
            return f"{counted(len(self._chosen), 'line')} selected · y copy · j k further · esc let go"
        state = "following"
        if not page.following:
            below = len(page.model.seen) - bisect_left(page.model.seen, page.rows[-1][0]) - 1 if page.rows else 0
            state = f"paused, {below:,} more below: G follows" if below > 0 else "paused: G follows"
        return " · ".join([state, *page.model.words(self._match)])

    @property
    def choosing(self) -> bool:
        """Whether lines are being chosen."""
        return self._cursor is not None

    @property
    def found(self) -> str:
        """How many lines there are, and what is found."""
        return " · ".join(self.page.model.words(self._match)) if self.page is not None else ""

    @property
    def copyable(self) -> tuple[str, str]:
        """The chosen lines, or all that are shown; and what that is in words."""
        if self.model is None:
            return "", ""
        numbers = self._chosen if self._cursor is not None else self.model.seen
        kept = numbers[-COPIED_AT_MOST:]
        what = counted(len(kept), "line")
        return self.model.text(kept), what if len(kept) == len(numbers) else f"the newest {what}"

    @property
    def _chosen(self) -> Sequence[int]:
        if self.model is None or self._cursor is None:
            return ()
        low, high = sorted((self._anchor, self._cursor))
        seen = self.model.seen
        return seen[bisect_left(seen, low) : bisect_left(seen, high + 1)]

    # -- moving ----------------------------------------------------------------------------------------

    def action_lines(self, count: int) -> None:
        if self.page is None:
            return
        if self._cursor is not None:
            self._move_cursor(self.page, count)
        else:
            self.page.scroll(count)
        self._settle()

    def action_pages(self, pages: int) -> None:
        self.action_lines(pages * max(1, self.size.height - 1))

    def action_top(self) -> None:
        if self.page is not None:
            if self._cursor is not None:
                self._move_cursor(self.page, -len(self.page.model.seen))
            else:
                self.page.go_to_fraction(0)
            self._settle()

    def action_follow(self) -> None:
        if self.page is not None:
            if self._cursor is not None:
                self._move_cursor(self.page, len(self.page.model.seen))
            else:
                self.page.following = True
            self._settle()

    def action_sideways(self, cells: int) -> None:
        if self.page is not None:
            self.page.sideways(cells)
            self._settle()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self._wheel(-_WHEEL)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self._wheel(_WHEEL)

    def _wheel(self, count: int) -> None:
        if self.page is not None:
            self.page.scroll(count)
            self._settle()

    def on_click(self, event: events.Click) -> None:
        """On the bar at the right: go there."""
        if event.x == self.size.width - 1 and self.page is not None:
            self.page.go_to_fraction(event.y / max(1, self.size.height - 1))
            self._settle()

    # -- searching and choosing ------------------------------------------------------------------------

    def action_match(self, step: int) -> None:
        if self.model is None or self.model.search is None:
            raise SkipAction
        self._wanted = (self._match if self._match is not None else self.top, step)
        self.grown()

    def action_choose(self) -> None:
        """Begin to choose lines, at the match somebody is at or else at the last line in sight; or stop that."""
        if self._cursor is not None:
            self._cursor = None
        elif self.page is not None and (numbers := self.page.numbers):
            self.page.following = False
            self._cursor = self._anchor = self._match if self._match in numbers else numbers[-1]
        self._settle()

    def _move_cursor(self, page: LogPage, count: int) -> None:
        seen = page.model.seen
        if self._cursor is None or not seen:
            return
        self._cursor = seen[max(0, min(bisect_left(seen, self._cursor) + count, len(seen) - 1))]
        if abs(count) == 1 and self._cursor not in page.numbers:
            page.scroll(count)
        if self._cursor not in page.numbers:
            page.go_to(self._cursor)
        page.following = False

    def action_let_go(self) -> None:
        """Of the choice, then of the search; where there is neither, the key is for somebody else."""
        if self._cursor is not None:
            self._cursor = None
            self._settle()
        elif self.model is not None and self.model.search is not None:
            self.model.search_for(None)
            self._match = self._wanted = None
            self._redraw()
        else:
            raise SkipAction

    def action_whole(self) -> None:
        number = self._cursor if self._cursor is not None else self._match
        if self.model is None or number is None:
            raise SkipAction
        self.post_message(self.Whole(self.model.read([number])[0]))

    def action_wrap(self) -> None:
        self.wrap = not self.wrap
        self._redraw()

    def action_times(self) -> None:
        self.times = not self.times
        self._redraw()

    # -- drawing ---------------------------------------------------------------------------------------

    def _look(self, pattern: Pattern | None) -> Look:
        styles = {name: self.get_component_rich_style(f"log--{name}", partial=True) for name in _STYLES}
        return Look(max(1, self.size.width - 1), self.times, self.wrap, self.labels, pattern, styles)

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self._redraw())

    def on_resize(self) -> None:
        self._redraw()

    def render_lines(self, crop: Region) -> list[Strip]:
        self._bar = self.page.bar if self.page is not None else range(0)
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        base, room = self.base, self.size.width - 1
        rows = self.page.rows if self.page is not None else []
        style, above = base, None
        if self._cursor is not None and y < len(rows):
            number = rows[y][0]
            if min(self._anchor, self._cursor) <= number <= max(self._anchor, self._cursor):
                # Over the colours of what stands there: they may not be readable on it.
                above = self.get_component_rich_style(f"log--{'current' if number == self._cursor else 'chosen'}")
                style += above
        strip = rows[y][1] if y < len(rows) else Strip([])
        if strip.cell_length > room:
            strip = strip.crop(0, room)
        line = [*Segment.apply_style(strip, style, above), Segment(" " * (room - strip.cell_length), style)]
        if y in self._bar:
            line.append(Segment("▐", base + self.get_component_rich_style("log--bar", partial=True)))
        else:
            line.append(Segment(" ", base))
        return Strip([segment for segment in line if segment.text], room + 1)
