"""A list of lines with a cursor and a filter. Only the lines in sight are drawn, so its length costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip


@dataclass(frozen=True, slots=True)
class Item:
    """One line. `key` tells it apart, `words` is what a filter looks at, `draw` makes it for a width in cells."""

    key: str
    words: str
    draw: Callable[[int], Text]


class ItemList(ScrollView, can_focus=True):
    """Shows items; the cursor stays on its item while others come and go."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"item-list--cursor", "item-list--blurred", "item-list--empty"}

    DEFAULT_CSS = """
    ItemList {
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
        Binding("up,k", "move(-1)", "up", show=False),
        Binding("down,j", "move(1)", "down", show=False),
        Binding("pageup,ctrl+b", "page(-1)", "page up", show=False),
        Binding("pagedown,ctrl+f", "page(1)", "page down", show=False),
        Binding("home,g", "first", "first", show=False),
        Binding("end,G", "last", "last", show=False),
        Binding("enter", "choose", "open", show=False),
    ]

    class Moved(Message):
        """The cursor is on another item, or on none (`key` is None)."""

        def __init__(self, items: ItemList, key: str | None) -> None:
            super().__init__()
            self.items = items
            self.key = key

        @property
        def control(self) -> ItemList:
            return self.items

    class Chosen(Message):
        """Enter or a click on the item under the cursor."""

        def __init__(self, items: ItemList, key: str) -> None:
            super().__init__()
            self.items = items
            self.key = key

        @property
        def control(self) -> ItemList:
            return self.items

    def __init__(self, *, empty: str = "", id: str | None = None) -> None:
        super().__init__(id=id)
        self._empty = empty
        self._all: Sequence[Item] = ()
        self._shown: Sequence[Item] = ()
        self._cursor = 0
        self._key: str | None = None
        self._filter = ""

    @property
    def key(self) -> str | None:
        """The key of the item under the cursor."""
        return self._key

    @property
    def total(self) -> int:
        """How many items there are, seen or filtered out."""
        return len(self._all)

    @property
    def shown(self) -> int:
        """How many items the filter lets through."""
        return len(self._shown)

    @property
    def filtering(self) -> str:
        """The filter; "" when there is none."""
        return self._filter

    def set_empty(self, text: str) -> None:
        """What stands in the place of the items when there are none."""
        self._empty = text
        self.refresh()

    def set_items(self, items: Sequence[Item]) -> None:
        """Show these items from now on."""
        self._all = items
        self._choose_shown()

    def set_filter(self, text: str) -> None:
        """Show only items whose words contain `text` (any case); those that do not, where it begins with `!`."""
        self._filter = text
        self._choose_shown()

    def move_to(self, key: str) -> bool:
        """Put the cursor on an item; False if it is not shown."""
        for index, item in enumerate(self._shown):
            if item.key == key:
                self._go(index)
                return True
        return False

    def _choose_shown(self) -> None:
        wanted = self._filter.casefold()
        inverse = wanted.startswith("!")
        wanted = wanted.removeprefix("!")
        if wanted:
            self._shown = [item for item in self._all if (wanted in item.words.casefold()) is not inverse]
        else:
            self._shown = self._all
        keys = [item.key for item in self._shown]
        # The item stays under the cursor; where it has gone, the one that took its place.
        self._cursor = keys.index(self._key) if self._key in keys else max(0, min(self._cursor, len(keys) - 1))
        self.virtual_size = Size(self.size.width, len(keys))
        self._tell()
        self.call_after_refresh(self._show_cursor)
        self.refresh()

    def _go(self, index: int) -> None:
        if self._shown:
            self._cursor = max(0, min(index, len(self._shown) - 1))
            self._show_cursor()
            self.refresh()
        self._tell()

    def _show_cursor(self) -> None:
        if self._shown:
            self.scroll_to_region(Region(0, self._cursor, 1, 1), animate=False)

    def _tell(self) -> None:
        key = self._shown[self._cursor].key if self._shown else None
        if key != self._key:
            self._key = key
            self.post_message(self.Moved(self, key))

    def action_move(self, lines: int) -> None:
        self._go(self._cursor + lines)

    def action_page(self, pages: int) -> None:
        self._go(self._cursor + pages * max(1, self.size.height - 1))

    def action_first(self) -> None:
        self._go(0)

    def action_last(self) -> None:
        self._go(len(self._shown) - 1)

    def action_choose(self) -> None:
        if self._key is not None:
            self.post_message(self.Chosen(self, self._key))

    def on_click(self, event: events.Click) -> None:
        index = event.y + self.scroll_offset.y
        if 0 <= index < len(self._shown):
            again = index == self._cursor
            self._go(index)
            if again:
                self.action_choose()

    def on_resize(self) -> None:
        self.virtual_size = Size(self.size.width, len(self._shown))

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self.refresh()

    def watch_has_focus(self, has_focus: bool) -> None:
        super().watch_has_focus(has_focus)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        index = y + self.scroll_offset.y
        base = self.rich_style
        if not self._shown:
            return self._render_empty(y, width, base)
        if index >= len(self._shown):
            return Strip.blank(width, base)
        text = self._shown[index].draw(max(1, width - 2))
        style = base
        if index == self._cursor:
            style += self.get_component_rich_style("item-list--cursor" if self.has_focus else "item-list--blurred")
            if self.has_focus:  # a cursor hides the colours of what it stands on, so that it can be read in every theme
                text = Text(text.plain, no_wrap=True, end="")
        text.truncate(max(1, width - 2), overflow="ellipsis")
        strip = Strip(Text.assemble(" ", text, end="").render(self.app.console))
        return strip.adjust_cell_length(width).apply_style(style)

    def _render_empty(self, y: int, width: int, base: Style) -> Strip:
        said = f"nothing matches {self._filter}" if self._all and self._filter else self._empty
        lines = said.split("\n")
        if y >= len(lines):
            return Strip.blank(width, base)
        style = base + self.get_component_rich_style("item-list--empty")
        text = Text(" " + lines[y], style=style, no_wrap=True, end="")
        text.truncate(width, overflow="ellipsis")
        return Strip(text.render(self.app.console)).adjust_cell_length(width, base).apply_style(base)
