"""One of many things, found by typing a part of its name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from engine import visible
from tui.dialogs.dialog import Dialog
from tui.text import plain
from tui.widgets.item_list import Item, ItemList

_MOST = 12


class Pick(Dialog[str | None]):
    """The answer is the key of what was picked. Letters narrow the list down."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "up", show=False, priority=True, id="pick.up"),
        Binding("down", "move(1)", "down", show=False, priority=True, id="pick.down"),
    ]

    DEFAULT_CSS = """
    Pick Input { height: 1; border: none; padding: 0 1; background: $boost; &:focus { border: none; } }
    """

    hint = "type a part of it · ↑ ↓ choose · enter take it · esc leave"

    def __init__(self, heading: str, things: Sequence[tuple[str, str]]) -> None:
        """`things` are keys and words; both may be hostile."""
        super().__init__()
        self.heading = visible(heading)
        self._things = list(things)

    def compose_box(self) -> Iterable[Widget]:
        yield Input(placeholder="a part of its name", id="part", compact=True)
        items = ItemList(empty="there is nothing else", id="things")
        items.can_focus = False
        items.styles.height = max(1, min(_MOST, len(self._things)))
        yield items

    def on_mount(self) -> None:
        self.query_one("#things", ItemList).set_items([Item(key, words, _line(words)) for key, words in self._things])
        self.query_one("#part", Input).focus()

    def action_move(self, lines: int) -> None:
        self.query_one("#things", ItemList).action_move(lines)

    @on(Input.Changed)
    def _narrow(self, event: Input.Changed) -> None:
        self.query_one("#things", ItemList).set_filter(event.value)

    @on(Input.Submitted)
    def _take(self) -> None:
        if (key := self.query_one("#things", ItemList).key) is not None:
            self.dismiss(key)

    @on(ItemList.Chosen)
    def _chosen(self, event: ItemList.Chosen) -> None:
        self.dismiss(event.key)


def _line(words: str) -> Callable[[int], Text]:
    return lambda width: plain(words)
