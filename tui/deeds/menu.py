"""What can be done to a thing, as a list that does it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rich.text import Text
from textual import events, on
from textual.widget import Widget
from textual.widgets import Static

from engine import visible
from tui.deeds import Offer
from tui.dialogs.dialog import Dialog
from tui.text import fill, plain
from tui.widgets.item_list import Item, ItemList


class Menu(Dialog[Offer[Any] | None]):
    """What can be done to a thing. What cannot be done now says why."""

    hint = "enter do it · esc leave"

    def __init__(self, title: str, offers: Sequence[Offer[Any]]) -> None:
        super().__init__()
        self.heading = visible(title)
        self._offers = list(offers)

    def compose_box(self) -> Iterable[Widget]:
        items = ItemList(id="deeds")
        items.styles.height = min(len(self._offers), max(4, self.app.size.height - 11))  # below it stands the command
        yield items
        yield Static("", id="line", classes="command", markup=False)

    def on_mount(self) -> None:
        items = self.query_one("#deeds", ItemList)
        items.set_items([Item(offer.id, offer.words, _line(offer)) for offer in self._offers])
        items.focus()

    def _find(self, id: str) -> Offer[Any]:
        return next(offer for offer in self._offers if offer.id == id)

    @on(ItemList.Moved)
    def _moved(self, event: ItemList.Moved) -> None:
        if event.key is not None:
            offer = self._find(event.key)
            said = f"not now: {offer.why_not}" if offer.why_not else f"$ {offer.command}" if offer.command else ""
            self.query_one("#line", Static).update(plain(said))

    @on(ItemList.Chosen)
    def _chosen(self, event: ItemList.Chosen) -> None:
        self._do(self._find(event.key))

    def on_key(self, event: events.Key) -> None:
        for offer in self._offers:
            if event.key != "enter" and event.key in offer.keys.split(","):  # that one is the list's
                event.stop()  # otherwise it is a key of the place below as well, once this has gone
                self._do(offer)
                return

    def _do(self, offer: Offer[Any]) -> None:
        if offer.why_not:
            self.query_one("#line", Static).update(plain(f"not now: {offer.why_not}"))
        else:
            self.dismiss(offer)


def _line(offer: Offer[Any]) -> Callable[[int], Text]:
    def draw(width: int) -> Text:
        text = Text(no_wrap=True, end="")
        text.append(fill(offer.key, 8), "bold")
        text.append(offer.words, "dim" if offer.why_not else "")
        if offer.why_not:
            text.append(f"   ({offer.why_not})", "dim italic")
        return text

    return draw
