"""Things that are on or off, to be turned with space; what is typed narrows the list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Static

from tui.dialogs.dialog import Dialog
from tui.widgets.item_list import Item, ItemList

_MOST_LINES = 14


class Switches(Dialog[Mapping[str, bool] | None]):
    """The answer is what was turned, and to what; nothing turned is an empty one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "turn", "turn", id="switches.turn"),
        Binding("enter", "done", "take them", priority=True, id="switches.done"),
        Binding("backspace", "erase", "erase", show=False, id="switches.erase"),
    ]

    hint = "space turns · type to find · enter takes them · esc leave"

    def __init__(self, heading: str, states: Mapping[str, bool]) -> None:
        """All of it plain and safe."""
        super().__init__()
        self.heading = heading
        self._before, self._now = dict(states), dict(states)
        self._typed = ""

    def compose_box(self) -> Iterable[Widget]:
        items = ItemList(id="switches")
        items.styles.height = min(_MOST_LINES, len(self._now))
        yield items
        yield Static("", id="turned", classes="command", markup=False)

    def on_mount(self) -> None:
        self._list.focus()
        self._show()

    @property
    def _list(self) -> ItemList:
        return self.query_one("#switches", ItemList)

    @property
    def _turned(self) -> dict[str, bool]:
        return {name: on for name, on in self._now.items() if on is not self._before[name]}

    def _show(self) -> None:
        # Those that are on first: they are what one comes to look at.
        names = sorted(self._now, key=lambda name: (not self._before[name], name))
        self._list.set_items([Item(name, name, self._line(name)) for name in names])
        self._list.set_filter(self._typed)
        turned = [("+" if on else "-") + name for name, on in self._turned.items()]
        said = f"find: {self._typed}   " if self._typed else ""
        self.query_one("#turned", Static).update(Text(said + (" ".join(turned) or "nothing is turned yet")))

    def _line(self, name: str) -> Callable[[int], Text]:
        on, turned = self._now[name], self._now[name] is not self._before[name]

        def draw(width: int) -> Text:
            text = Text("[x] " if on else "[ ] ", no_wrap=True, end="")
            text.append(name, "bold" if turned else "")
            return text

        return draw

    def action_turn(self) -> None:
        if (name := self._list.key) is not None:
            self._now[name] = not self._now[name]
            self._show()

    def action_done(self) -> None:
        self.dismiss(self._turned)

    def action_erase(self) -> None:
        self._typed = self._typed[:-1]
        self._show()

    def on_key(self, event: events.Key) -> None:
        if event.character is not None and (event.character.isalnum() or event.character == "_"):
            event.stop()
            self._typed += event.character
            self._show()
