"""Work that was not launched when an earlier Cutaway ended, offered again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Static

from engine import visible
from tui.bench import Bench
from tui.dialogs.dialog import Dialog
from tui.state import Writing
from tui.text import age, clip
from tui.widgets.item_list import Item, ItemList


class KeptDialog(Dialog[tuple[str, Writing] | None]):
    """The answer is "open" or "discard" and which; None leaves all of it where it is."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("D,delete", "discard", "throw away", id="kept.discard"),
    ]

    heading = "Unsaved work is here again"
    hint = "enter opens · D throws away · esc later"

    def __init__(self, found: Sequence[tuple[Writing, float]]) -> None:
        super().__init__()
        self._found = list(found)

    def compose_box(self) -> Iterable[Widget]:
        yield Static(Text("It was being written when Cutaway ended, and had not been launched:\n"))
        items = ItemList(id="kept")
        items.styles.height = min(8, len(self._found))
        yield items
        yield Static(Text("Left for later it is in [1] or [4], as it was.", "dim"), classes="command")

    def on_mount(self) -> None:
        items = self.query_one("#kept", ItemList)
        items.set_items([Item(str(n), "", _line(writing, saved)) for n, (writing, saved) in enumerate(self._found)])
        items.focus()

    def _current(self) -> Writing | None:
        key = self.query_one("#kept", ItemList).key
        return self._found[int(key)][0] if key is not None else None

    @on(ItemList.Chosen)
    def _chosen(self) -> None:
        if (writing := self._current()) is not None:
            self.dismiss(("open", writing))

    def action_discard(self) -> None:
        if (writing := self._current()) is not None:
            self.dismiss(("discard", writing))


async def offer_kept(bench: Bench) -> None:
    """Offer what an earlier Cutaway has left, until something is opened or the rest is left for later."""
    found = await bench.conductor.drafts.find_again()
    while found:
        answer = await bench.put(KeptDialog(found))
        if answer is None:
            return
        what, writing = answer
        if what == "open":
            bench.conductor.drafts.look(writing, typing=True)
            return
        bench.conductor.drafts.discard(writing)
        found = [each for each in found if each[0] is not writing]


def _line(writing: Writing, saved: float) -> Callable[[int], Text]:
    when = f"{age(time.time() - saved)} ago"

    def draw(width: int) -> Text:
        room = max(8, width - len(when) - 3)
        return Text.assemble(clip(visible(writing.title), room), ("   " + when, "dim"), no_wrap=True, end="")

    return draw
