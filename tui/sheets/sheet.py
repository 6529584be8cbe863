"""A list over the whole screen, in front of the workbench: the record of steps, the jobs, what was said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, TypeVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget

from engine import Event
from tui.bench import Bench
from tui.dialogs.page import Page
from tui.sheets.whole import WholeScreen
from tui.text import counted
from tui.widgets.frame import Frame, Tab
from tui.widgets.item_list import Item, ItemList

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Row:
    """One line. `words` is what the filter looks at, `text` what is copied, `details` what enter shows."""

    key: str
    words: str
    draw: Callable[[int], Text]
    text: str
    details: Sequence[tuple[str, str]] = field(default_factory=tuple)


class _Body(Frame):
    """The frame around the list."""

    filterable = True

    def __init__(self, items: ItemList) -> None:
        super().__init__(id="sheet")
        self._items = items
        self._summary = ""

    def compose_body(self) -> Iterable[Widget]:
        yield self._items

    def filter_with(self, text: str) -> None:
        self._items.set_filter(text)
        self.say_summary()

    def say_summary(self, summary: str | None = None) -> None:
        """What stands on the lower edge, and before it how many rows the filter leaves."""
        self._summary = self._summary if summary is None else summary
        seen = f"{self._items.shown} of {self._items.total}" if self._items.filtering else ""
        self.set_subtitle(" · ".join(filter(None, [seen, self._summary])))


class Sheet(WholeScreen[T]):
    """Shows rows, the newest last; filters, copies one or all of them. `what` names one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "filter", id="sheet.filter"),
        Binding("y", "copy", "copy", id="sheet.copy"),
        Binding("Y", "copy_all", "copy all", id="sheet.copy-all"),
    ]

    heading: ClassVar[str] = ""
    what: ClassVar[str] = "line"
    nothing: ClassVar[str] = "nothing yet"
    enter_does: ClassVar[str] = "more"

    def __init__(self, bench: Bench) -> None:
        self.items = ItemList(empty=self.nothing, id="sheet-list")
        self.items.enter_does = self.enter_does
        self._frame = _Body(self.items)
        super().__init__(bench, self._frame)
        self._rows: list[Row] = []

    def on_mount(self) -> None:
        self.bench.listeners.append(self.hear)
        self.body.edge.show([Tab("sheet", self.heading, active=True)], [])
        self.items.focus()
        self.fill()

    def on_unmount(self) -> None:
        self.bench.listeners.remove(self.hear)

    def hear(self, event: Event) -> None:
        """The engine tells something."""

    def fill(self) -> None:
        """Say by `show` what there is."""

    def show(self, rows: Sequence[Row], summary: str = "") -> None:
        """These rows, from now on; a cursor on the last line follows."""
        at_end = not self._rows or self.items.key == self._rows[-1].key
        if bool(rows) != bool(self._rows):
            self.call_after_refresh(self.refresh_bindings)  # what enter does is on the line of keys, or nothing
        self._rows = list(rows)
        self.items.set_items([Item(row.key, row.words, row.draw) for row in rows])
        if at_end:
            self.items.action_last()
        count = counted(len(rows), self.what)
        self._frame.say_summary(" · ".join(filter(None, [count, summary])))

    @property
    def _shown(self) -> list[Row]:
        keys = set(self.items.seen)
        return [row for row in self._rows if row.key in keys]

    @property
    def row(self) -> Row | None:
        """The one under the cursor."""
        return next((row for row in self._rows if row.key == self.items.key), None)

    @on(ItemList.Chosen)
    def _chosen(self) -> None:
        self.choose()

    def choose(self) -> None:
        """enter, on a row."""
        if self.row is not None and self.row.details:
            self.app.push_screen(Page(self.heading, self.row.details, copies=f"the {self.what}"))

    def action_copy(self) -> None:
        if self.row is not None:
            self.bench.copy(self.row.text, f"the {self.what}")

    def action_copy_all(self) -> None:
        shown = self._shown
        self.bench.copy("".join(f"{row.text}\n" for row in shown), f"{len(shown)} {self.what}s")
