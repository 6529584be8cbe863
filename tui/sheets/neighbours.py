"""The containers of podman, docker and bare runc on this host, to adopt one of them. Nothing of theirs is changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.text import Text
from textual import on

from engine import visible
from tui.sheets.sheet import Row, Sheet
from tui.text import clip, fill
from tui.widgets.item_list import ItemList

if TYPE_CHECKING:
    from engine import Neighbour


class NeighboursSheet(Sheet[str]):
    """The answer is what `adopt` is told: `podman:NAME`."""

    heading = "Containers of other engines"
    what = "container"
    nothing = "asking podman, docker and runc…"

    enter_does = "adopt"

    _found: dict[str, Neighbour]

    def on_mount(self) -> None:
        self._found = {}
        self.bench.later(self._read())

    async def _read(self) -> None:
        found, silent = await self.bench.desk.ask(lambda workbench: workbench.neighbours())
        self._found = {f"{other.engine}:{other.name or other.id}": other for other in found}
        self.items.set_empty("\n".join(["none are here", *map(visible, silent)]))
        rows = [_row(name, other) for name, other in self._found.items()]
        self.show(rows, " · ".join(["enter adopts", *map(visible, silent)]))
        self.items.action_first()

    @on(ItemList.Chosen)
    def _adopt(self, event: ItemList.Chosen) -> None:
        event.stop()
        event.prevent_default()
        other = self._found.get(event.key)
        if other is not None and other.why_not:
            self.bench.say(f"Not this one: {other.why_not}")
        elif other is not None:
            self.dismiss(event.key)


def _row(name: str, other: Neighbour) -> Row:
    return Row(name, f"{name} {other.id} {other.image} {other.status}", _line(name, other), name)


def _line(name: str, other: Neighbour) -> Callable[[int], Text]:
    def draw(width: int) -> Text:
        room = max(10, width // 3)
        text = Text(no_wrap=True, end="")
        text.append(f"◌ {fill(clip(visible(name), room), room)}  {fill(visible(other.status), 12)}  ")
        return text.append(clip(visible(other.why_not or other.image), max(1, width - text.cell_len)))

    return draw
