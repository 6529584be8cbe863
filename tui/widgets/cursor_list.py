"""Lines with a cursor. Only the lines in sight are drawn, so their number costs nothing."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.widgets.lines import Lines


class CursorList(Lines, ScrollView, can_focus=True):
    """What a list of lines has in common; whose lines they are is its subclass's business."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"item-list--cursor", "item-list--blurred", "item-list--empty"}

    DEFAULT_CSS = """
    CursorList {
        height: 1fr;
        overflow-x: hidden;
        scrollbar-size-vertical: 1;
        & .item-list--cursor {
            background: $block-cursor-background;
            color: $block-cursor-foreground;
            text-style: $block-cursor-text-style;
        }
        & .item-list--blurred {
            background: $block-cursor-blurred-background;
            color: $block-cursor-blurred-foreground;
            text-style: $block-cursor-blurred-text-style;
        }
        & .item-list--empty { color: $text-muted; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "up", show=False, id="list.up"),
        Binding("down,j", "move(1)", "down", show=False, id="list.down"),
        Binding("pageup,ctrl+b", "page(-1)", "page up", show=False, id="list.page-up"),
        Binding("pagedown,ctrl+f", "page(1)", "page down", show=False, id="list.page-down"),
        Binding("home,g", "first", "first", show=False, id="list.first"),
        Binding("end,G", "last", "last", show=False, id="list.last"),
        Binding("enter", "choose", "open", id="list.choose"),
    ]

    enter_does = "open"
    """What enter does to a line, in a word; empty where it does nothing."""

    def __init__(self, *, empty: str = "", id: str | None = None) -> None:
        super().__init__(id=id)
        self._empty = empty
        self._cursor = 0
        self._drawn: dict[int, tuple[int, str]] = {}
        """Which line was drawn last in each row, and its words."""

    @property
    @abstractmethod
    def count(self) -> int:
        """How many lines there are to see."""

    @abstractmethod
    def draw(self, index: int, width: int) -> Text:
        """One line in so many cells."""

    def sign(self, index: int) -> str:
        """One character before a line."""
        return " "

    @abstractmethod
    def tell_moved(self) -> None:
        """The cursor may be elsewhere now."""

    def words_of(self, action: str) -> str | None:
        """What a key does here, where that is another thing in each list."""
        return (self.enter_does if self.count else "") if action == "choose" else None

    def action_choose(self) -> None:
        """Enter, or a click on the line under the cursor."""

    @property
    def nothing(self) -> str:
        """What stands in the place of the lines when there are none."""
        return self._empty

    def set_empty(self, text: str) -> None:
        """What stands in the place of the lines when there are none."""
        self._empty = text
        self.refresh()

    def settle(self) -> None:
        """The lines are other ones now."""
        self._cursor = max(0, min(self._cursor, self.count - 1))
        self.virtual_size = Size(self.size.width, self.count)
        self.tell_moved()
        self.call_after_refresh(self._show_cursor)
        self.refresh()

    def go(self, index: int) -> None:
        """Put the cursor on a line."""
        if self.count:
            before, self._cursor = self._cursor, max(0, min(index, self.count - 1))
            self._show_cursor()  # where that scrolls, everything is drawn anew
            top, width = self.scroll_offset.y, self.size.width
            self.refresh(*(Region(0, line - top, width, 1) for line in (before, self._cursor)))
        self.tell_moved()

    def redraw_changed(self) -> None:
        """Draw anew the lines that read otherwise now than when they were drawn, because time has passed."""
        room, top, changed = max(1, self.scrollable_content_region.width - 2), self.scroll_offset.y, []
        for row, (index, words) in self._drawn.items():
            in_sight = index == top + row and index < self.count and row < self.size.height
            if in_sight and self.draw(index, room).plain != words:
                changed.append(Region(0, row, self.size.width, 1))
        if changed:
            self.refresh(*changed)

    def _show_cursor(self) -> None:
        if self.count:
            self.scroll_to_region(Region(0, self._cursor, 1, 1), animate=False)

    def action_move(self, lines: int) -> None:
        self.go(self._cursor + lines)

    def action_page(self, pages: int) -> None:
        self.go(self._cursor + pages * max(1, self.size.height - 1))

    def action_first(self) -> None:
        self.go(0)

    def action_last(self) -> None:
        self.go(self.count - 1)

    def on_click(self, event: events.Click) -> None:
        index = event.y + self.scroll_offset.y
        if 0 <= index < self.count:
            again = index == self._cursor
            self.go(index)
            if again:
                self.action_choose()

    def on_resize(self) -> None:
        self.virtual_size = Size(self.size.width, self.count)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self.refresh()

    def watch_has_focus(self, has_focus: bool) -> None:
        super().watch_has_focus(has_focus)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        index = y + self.scroll_offset.y
        base = self.base
        if not self.count:
            return self._render_empty(y, width, base)
        if index >= self.count:
            return Strip.blank(width, base)
        text = self.draw(index, max(1, width - 2))
        self._drawn[y] = index, text.plain
        style = base
        if index == self._cursor:
            style += self.get_component_rich_style("item-list--cursor" if self.has_focus else "item-list--blurred")
            if self.has_focus:  # a cursor hides the colours of what it stands on, so that it can be read in every theme
                text = Text(text.plain, no_wrap=True, end="")
        text.truncate(max(1, width - 2), overflow="ellipsis")
        strip = Strip(Text.assemble(self.sign(index), text, end="").render(self.app.console))
        return strip.adjust_cell_length(width).apply_style(style)

    def _render_empty(self, y: int, width: int, base: Style) -> Strip:
        lines = Text(self.nothing).wrap(self.app.console, max(1, width - 2))
        if y >= len(lines):
            return Strip.blank(width, base)
        style = base + self.get_component_rich_style("item-list--empty")
        text = Text(" " + lines[y].plain.rstrip(), style=style, no_wrap=True, end="")
        text.truncate(width, overflow="ellipsis")
        return Strip(text.render(self.app.console)).adjust_cell_length(width, base).apply_style(base)
