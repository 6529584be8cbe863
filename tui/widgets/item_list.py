"""A list of items with a cursor and a filter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.message import Message

from tui.widgets.cursor_list import CursorList
from tui.widgets.words import Words


@dataclass(frozen=True, slots=True)
class Item:
    """One line. `key` tells it apart, `words` is what a filter looks at, `draw` makes it for a width in cells."""

    key: str
    words: str
    draw: Callable[[int], Text]


class ItemList(CursorList):
    """Shows items; the cursor stays on its item while others come and go."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "mark", show=False, id="list.mark"),
        Binding("asterisk", "mark_all", "mark all", show=False, id="list.mark-all"),
        Binding("escape", "unmark", "no marks", show=False, id="list.unmark"),
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

    class Marked(Message):
        """Other items are marked now."""

    def __init__(self, *, empty: str = "", id: str | None = None, markable: bool = False) -> None:
        super().__init__(empty=empty, id=id)
        self._markable = markable
        self._marked: set[str] = set()
        self._all: Sequence[Item] = ()
        self._shown: Sequence[Item] = ()
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
    def seen(self) -> list[str]:
        """The keys of the items that the filter lets through."""
        return [item.key for item in self._shown]

    @property
    def filtering(self) -> str:
        """The filter; "" when there is none."""
        return self._filter

    @property
    def count(self) -> int:
        return len(self._shown)

    @property
    def nothing(self) -> str:
        return f"nothing matches {self._filter}" if self._all and self._filter else self._empty

    @property
    def marked(self) -> list[str]:
        """The keys of the items that are marked and still there, in their order."""
        return [item.key for item in self._all if item.key in self._marked]

    def sign(self, index: int) -> str:
        return "✓" if self._shown[index].key in self._marked else " "

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self._markable if action in ("mark", "mark_all") else True

    def action_mark(self) -> None:
        """Mark the item under the cursor, or no longer, and go on to the next."""
        if self._key is not None:
            self._marked ^= {self._key}
            self.post_message(self.Marked())
            self.action_move(1)
            self.refresh()

    def action_mark_all(self) -> None:
        """Mark all that are to be seen; none, where they are marked already."""
        shown = {item.key for item in self._shown}
        self._marked = self._marked - shown if shown <= self._marked else self._marked | shown
        self.post_message(self.Marked())
        self.refresh()

    def action_unmark(self) -> None:
        """Take the marks away; where there are none, the key is for somebody else."""
        if not self.marked:
            raise SkipAction
        self._marked.clear()
        self.post_message(self.Marked())
        self.refresh()

    def draw(self, index: int, width: int) -> Text:
        return self._shown[index].draw(width)

    def set_items(self, items: Sequence[Item]) -> None:
        """Show these items from now on."""
        self._all = items
        self._choose_shown()

    def set_filter(self, text: str) -> None:
        """Show only the items that all of these words are in (`tui.widgets.words`)."""
        self._filter = text
        self._choose_shown()

    def move_to(self, key: str) -> bool:
        """Put the cursor on an item; False if it is not shown."""
        for index, item in enumerate(self._shown):
            if item.key == key:
                self.go(index)
                return True
        return False

    def _choose_shown(self) -> None:
        words = Words(self._filter)
        self._shown = [item for item in self._all if words.lets_through(item.words)] if words else self._all
        keys = [item.key for item in self._shown]
        # The item stays under the cursor; where it has gone, the one that took its place.
        self._cursor = keys.index(self._key) if self._key in keys else self._cursor
        self.settle()

    def tell_moved(self) -> None:
        key = self._shown[self._cursor].key if self._shown else None
        if key != self._key:
            self._key = key
            self.post_message(self.Moved(self, key))

    def action_choose(self) -> None:
        if self._key is not None:
            self.post_message(self.Chosen(self, self._key))
