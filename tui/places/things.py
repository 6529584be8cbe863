"""What the lists of things have in common: marks, an order, and what is said of both on the lower edge."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from engine import Problem, visible
from tui.subjects import Subject
from tui.widgets.frame import Frame
from tui.widgets.item_list import ItemList
from tui.widgets.sorting import Sorting


class ThingsPane(Frame):
    """A list of images or containers."""

    filterable = True

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "order", "order", show=False, id="things.order"),
        Binding("O", "turn_order", "other way round", show=False, id="things.turn-order"),
    ]

    class Selected(Message):
        """The cursor is on something else, or on nothing."""

        def __init__(self, subject: Subject) -> None:
            super().__init__()
            self.subject = subject

    def __init__(self, sorting: Sorting[Any], *, id: str) -> None:
        super().__init__(id=id)
        self.list = ItemList(empty="reading…", id=f"{id}-list", markable=True)
        self.sorting = sorting
        self.unread: Problem | None = None
        """Why the list could not be read."""

    def compose_body(self) -> Iterable[Widget]:
        yield self.list

    def subject_of(self, key: str | None) -> Subject:
        """What a line of the list is about."""
        raise NotImplementedError

    def draw(self) -> None:
        """Fill the list from what is known."""
        raise NotImplementedError

    @property
    def nothing(self) -> str:
        """What stands in the place of the lines where there are none."""
        if self.unread is None:
            return "none yet"
        return f"✗ {visible(self.unread.message)}\n\n{visible(self.unread.hint)}"

    @property
    def subject(self) -> Subject:
        """What is under the cursor."""
        return self.subject_of(self.list.key)

    @property
    def marked(self) -> list[Subject]:
        """What is marked."""
        return [self.subject_of(key) for key in self.list.marked]

    def filter_with(self, text: str) -> None:
        self.list.set_filter(text)
        self.show_summary()

    def action_order(self) -> None:
        """The next order."""
        self.sorting.next()
        self.draw()
        self.show_summary()

    def action_turn_order(self) -> None:
        """The same order from the other end."""
        self.sorting.turn()
        self.draw()
        self.show_summary()

    @on(ItemList.Moved)
    def _moved(self, event: ItemList.Moved) -> None:
        event.stop()
        self.refresh_bindings()
        self.post_message(self.Selected(self.subject_of(event.key)))

    @on(ItemList.Marked)
    def show_summary(self) -> None:
        """Say how many are marked and seen, and in which order."""
        marked, items = len(self.list.marked), self.list
        words = [f"{marked} marked · x actions"] if marked else []
        if items.filtering:
            words.append(f"{items.shown} of {items.total}")
        self.set_subtitle(" · ".join([*words, self.sorting.words] if self.sorting.words else words))
