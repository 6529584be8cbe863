"""A window on a stream of lines: it keeps the newest, follows them, and stands still while somebody reads."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.widgets.ansi import styled, unstyled

WINDOW = 20_000
"""Lines kept."""

LONGEST = 4_000
"""Characters of a line that are kept; the rest is counted."""


@dataclass(slots=True)
class Line:
    """One line. `time` is seconds since the epoch; `other` marks the second stream; `open` waits for its end."""

    time: float
    text: str
    other: bool = False
    open: bool = False


class LogView(ScrollView, can_focus=True):
    """Shows lines. Scrolling up pauses it, `G` or End follow again."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"log--time", "log--mark", "log--other"}

    DEFAULT_CSS = """
    LogView {
        height: 1fr;
        scrollbar-size: 0 1;
        & .log--time { color: $text-muted; }
        & .log--mark { color: $text-error; text-style: bold; }
        & .log--other { color: $text-error; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_up", "up", show=False, id="log.up"),
        Binding("down,j", "scroll_down", "down", show=False, id="log.down"),
        Binding("left,h", "scroll_left", "left", show=False, id="log.left"),
        Binding("right,l", "scroll_right", "right", show=False, id="log.right"),
        Binding("pageup,ctrl+b", "page_up", "page up", show=False, id="log.page-up"),
        Binding("pagedown,ctrl+f", "page_down", "page down", show=False, id="log.page-down"),
        Binding("home,g", "top", "oldest", show=False, id="log.oldest"),
        Binding("end,G", "follow", "follow", id="log.follow"),
        Binding("t", "times", "times", id="log.times"),
    ]

    class Changed(Message):
        """What the view says of itself (`summary`) is different now."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: deque[Line] = deque()
        self._shown: list[Line] | None = None
        self._filter = ""
        self._open: dict[bool, Line] = {}
        self._widest = 0
        self._dropped = 0
        self.following = True
        self.times = True

    @property
    def summary(self) -> str:
        """Plain words for the lower edge: following or paused, and how many lines."""
        state = "following" if self.following else "paused: G follows again"
        total = self._dropped + len(self._lines)
        words = [state, f"{total:,} {'line' if total == 1 else 'lines'}"]
        if self._dropped:
            words.append(f"the newest {len(self._lines):,} are here")
        if self._shown is not None:
            words.append(f"{len(self._shown):,} match {unstyled(self._filter)}")
        return " · ".join(words)

    @property
    def text(self) -> str:
        """Everything that is kept and matches the filter, without colours."""
        return "\n".join(unstyled(line.text) for line in self._seen)

    @property
    def _seen(self) -> deque[Line] | list[Line]:
        return self._lines if self._shown is None else self._shown

    def clear(self) -> None:
        """Forget everything and follow."""
        self._lines.clear()
        self._open.clear()
        self._shown = [] if self._filter else None
        self._widest = self._dropped = 0
        self.following = True
        self._settle()

    def add(self, lines: Iterable[Line]) -> None:
        """More lines, oldest first. An open line is continued by the next one of its stream."""
        added = []
        for line in lines:
            before = self._open.pop(line.other, None)
            if before is not None:
                before.text += line.text
                before.open = line.open
                line = before
            else:
                added.append(line)
            if len(line.text) > LONGEST:
                line.text = line.text[:LONGEST] + "…"
            if line.open:
                self._open[line.other] = line
            self._widest = max(self._widest, len(line.text))
        self._lines.extend(added)
        gone = max(0, len(self._lines) - WINDOW)
        for _ in range(gone):
            self._lines.popleft()
        self._dropped += gone
        if self._filter:
            gone = 0
            self._choose_shown()
        if gone and not self.following:  # what is being read stays where it is
            self.scroll_to(y=max(0, self.scroll_offset.y - gone), animate=False, immediate=True)
        self._settle()

    def set_filter(self, text: str) -> None:
        """Show only lines that contain `text` (any case); those that do not, where it begins with `!`."""
        self._filter = text
        self._choose_shown()
        self._settle()

    def _choose_shown(self) -> None:
        wanted = self._filter.casefold()
        inverse = wanted.startswith("!")
        wanted = wanted.removeprefix("!")
        if not wanted:
            self._shown = None
        else:
            self._shown = [line for line in self._lines if (wanted in line.text.casefold()) is not inverse]

    def _settle(self) -> None:
        self.virtual_size = Size(self._widest + self._margin, len(self._seen))
        if self.following:
            self.call_after_refresh(self._to_end)
        self.refresh()
        self.post_message(self.Changed())

    @property
    def _margin(self) -> int:
        return 10 if self.times else 1

    def _to_end(self) -> None:
        if self.following:
            self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        # Upwards pauses; down at the very end follows again, as less does with F.
        following = (
            new_value >= self.max_scroll_y if new_value > old_value else self.following and new_value >= old_value
        )
        if new_value < old_value and new_value < self.max_scroll_y:
            following = False
        if following != self.following:
            self.following = following
            self.post_message(self.Changed())

    def action_top(self) -> None:
        self.scroll_to(y=0, animate=False)

    def action_follow(self) -> None:
        self.following = True
        self._to_end()
        self.post_message(self.Changed())

    def action_times(self) -> None:
        self.times = not self.times
        self._settle()

    def action_scroll_up(self) -> None:
        self.scroll_relative(y=-1, animate=False)

    def action_scroll_down(self) -> None:
        self.scroll_relative(y=1, animate=False)

    def action_scroll_left(self) -> None:
        self.scroll_relative(x=-8, animate=False)

    def action_scroll_right(self) -> None:
        self.scroll_relative(x=8, animate=False)

    def action_page_up(self) -> None:
        self.scroll_relative(y=1 - self.size.height, animate=False)

    def action_page_down(self) -> None:
        self.scroll_relative(y=self.size.height - 1, animate=False)

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        base = self.rich_style
        left, top = self.scroll_offset
        seen = self._seen
        if top + y >= len(seen):
            return Strip.blank(width, base)
        line = seen[top + y]
        start = Text(no_wrap=True, end="")
        if self.times:
            start.append(
                f"{datetime.fromtimestamp(line.time):%H:%M:%S} ",
                self.get_component_rich_style("log--time", partial=True),
            )
        start.append("┃" if line.other else " ", self.get_component_rich_style("log--mark", partial=True))
        text = styled(line.text)
        if line.other:
            text.stylize_before(self.get_component_rich_style("log--other", partial=True))
        console = self.app.console
        head = Strip(start.render(console))
        room = max(0, width - head.cell_length)
        body = Strip(text.render(console)).crop(left, left + room)
        return Strip.join([head, body]).adjust_cell_length(width, base).apply_style(base)
