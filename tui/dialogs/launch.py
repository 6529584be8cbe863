"""How to launch what was written, and what is different from the last time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import events, on
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Static

from engine import visible
from tui.dialogs.choice import key_and_words
from tui.dialogs.dialog import Dialog
from tui.dialogs.difference import colours, line_of
from tui.text import counted, plain
from tui.widgets.item_list import Item, ItemList

if TYPE_CHECKING:
    from engine import Difference

_MOST = 8
"""Differences that are named; of more the rest is counted."""


class How(Enum):
    """Ways to launch."""

    DETACHED = "detached"
    ATTACHED = "attached"
    CREATED = "created"
    """Made, or changed, and not started."""


class LaunchDialog(Dialog[How | None]):
    """The answer is the way to launch. ctrl+l again takes the first."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+l", "first", "launch", show=False, id="launch.first")]

    hint = "enter, or ctrl+l again · esc leave"

    def __init__(
        self, title: str, ways: Sequence[tuple[How, str, str, str]], since: str, changed: Sequence[Difference] | None
    ) -> None:
        """`ways` are each a way, its key, its words and its command line; `since` says what `changed` is compared with;
        None where there was nothing before. All may be hostile."""
        super().__init__()
        self.heading = visible(title)
        self._ways, self._since, self._changed = list(ways), since, changed

    def compose_box(self) -> Iterable[Widget]:
        yield Static(self._said(), id="changed", markup=False)
        items = ItemList(id="ways")
        items.styles.height = len(self._ways)
        yield items
        yield Static("", id="line", classes="command", markup=False)

    def _said(self) -> Text:
        if self._changed is None:
            return Text(visible(self._since) + "\n")
        if not self._changed:
            return Text(f"Nothing is different from {visible(self._since)}.\n")
        count, styles = len(self._changed), colours(self.app.theme_variables)
        said = Text(f"{counted(count, 'value is', 'values are')} different from {visible(self._since)}:\n")
        for each in self._changed[:_MOST]:
            said.append_text(line_of(each, 70, styles)).append("\n")
        if count > _MOST:
            said.append(f"  and {count - _MOST} more; ctrl+d in the editor shows all\n", "dim")
        return said

    def on_mount(self) -> None:
        items = self.query_one("#ways", ItemList)
        items.set_items([Item(how.value, words, key_and_words(key, words)) for how, key, words, _ in self._ways])
        items.focus()

    @on(ItemList.Moved)
    def _moved(self, event: ItemList.Moved) -> None:
        line = next((line for how, _, _, line in self._ways if how.value == event.key), "")
        self.query_one("#line", Static).update(plain(f"$ {line}" if line else ""))

    @on(ItemList.Chosen)
    def _chosen(self, event: ItemList.Chosen) -> None:
        self.dismiss(How(event.key))

    def on_key(self, event: events.Key) -> None:
        for how, key, _, _ in self._ways:
            if event.character == key:
                event.stop()
                self.dismiss(how)
                return

    def action_first(self) -> None:
        self.dismiss(self._ways[0][0])
