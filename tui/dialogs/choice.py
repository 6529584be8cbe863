"""One of a few things, each with a key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from rich.text import Text
from textual import events, on
from textual.widget import Widget

from tui.dialogs.dialog import Dialog
from tui.widgets.item_list import Item, ItemList


class Choice(Dialog[str | None]):
    """Asks which; the answer is its key."""

    hint = "a key, or enter · esc leave"

    def __init__(self, heading: str, choices: Sequence[tuple[str, str]]) -> None:
        """`choices` are keys of one character and words, all of it plain and safe."""
        super().__init__()
        self.heading = heading
        self._choices = list(choices)

    def compose_box(self) -> Iterable[Widget]:
        items = ItemList(id="choices")
        items.styles.height = len(self._choices)
        yield items

    def on_mount(self) -> None:
        items = self.query_one("#choices", ItemList)
        items.set_items([Item(key, words, key_and_words(key, words)) for key, words in self._choices])
        items.focus()

    @on(ItemList.Chosen)
    def _chosen(self, event: ItemList.Chosen) -> None:
        self.dismiss(event.key)

    def on_key(self, event: events.Key) -> None:
        if event.character in [key for key, _ in self._choices]:
            event.stop()
            self.dismiss(event.character)


def key_and_words(key: str, words: str) -> Callable[[int], Text]:
    """A line of a list from which a key chooses, too."""
    return lambda width: Text.assemble((f"{key}   ", "bold"), words, no_wrap=True, end="")
