"""The list of containers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual.binding import BindingType

from engine import Status, visible
from tui.deeds import keys_of
from tui.places.things import ThingsPane
from tui.subjects import OfContainer, OfNeighbour, Subject
from tui.text import age, clip, fill, short_reference
from tui.widgets.item_list import Item
from tui.widgets.sorting import Sorting

if TYPE_CHECKING:
    from engine import ContainerSummary, Neighbour

_SIGNS = {
    Status.RUNNING: "●",
    Status.PAUSED: "‖",
    Status.CREATED: "◌",
    Status.EXITED: "○",
    Status.UNKNOWN: "?",
    Status.DAMAGED: "✕",
}

AGES_EVERY = 1.0
"""Seconds between two looks at how long containers have been what they are."""


class ContainersPane(ThingsPane):
    """Containers, running or not, the newest first; below them those of other engines, which are looked at alone."""

    BINDINGS: ClassVar[list[BindingType]] = keys_of(OfContainer, OfNeighbour)

    class Selected(ThingsPane.Selected):
        """The cursor is on another container, or on none."""

    def __init__(self) -> None:
        orders: dict[str, tuple[Callable[[ContainerSummary], Any], bool]] = {
            "age": (lambda c: c.created, True),
            "name": (lambda c: c.name, False),
            "state": (lambda c: list(_SIGNS).index(c.status), False),
            "image": (lambda c: c.image, False),
        }
        super().__init__(Sorting(orders), id="containers")
        self._containers: dict[str, ContainerSummary] = {}
        self._others: dict[str, Neighbour] = {}

    def on_mount(self) -> None:
        self.set_interval(AGES_EVERY, self._show_ages)

    def _show_ages(self) -> None:
        """Only where somebody sees them: below a dialog each line would be all of the screen, dimmed once more."""
        if self.app.screen is self.screen:
            self.list.redraw_changed()

    def subject_of(self, key: str | None) -> Subject:
        if key is not None and key in self._others:
            return OfNeighbour(key)
        return OfContainer(key) if key in self._containers else None

    @property
    def selected(self) -> ContainerSummary | None:
        return self._containers.get(self.list.key or "")

    def show(self, containers: list[ContainerSummary]) -> None:
        self._containers = {container.id: container for container in containers}
        self.draw()
        self.refresh_bindings()

    def show_others(self, others: Mapping[str, Neighbour]) -> None:
        """Those of other engines, by what `adopt` is told."""
        self._others = dict(others)
        self.draw()
        self.refresh_bindings()

    def draw(self) -> None:
        self.list.set_empty(self.nothing)
        there = self.sorting.sorted(self._containers.values())
        items = [Item(c.id, f"{c.name} {c.status.value} {c.image}", _line(c)) for c in there]
        others = [Item(k, f"{k} {o.status} {o.image}", _line_of_other(k, o)) for k, o in sorted(self._others.items())]
        self.list.set_items(items + others)
        self.show_summary()

    def select(self, id: str) -> bool:
        return self.list.move_to(id)

    @property
    def copyable(self) -> tuple[str, str]:
        return (self.selected.name, "the container's name") if self.selected is not None else ("", "")


def state(container: ContainerSummary) -> str:
    """Sign and word: `● running`, `○ exited 0`."""
    if container.working:
        return "▣ mounted" if container.mounted else "▢ working"
    code = f" {container.exit_code}" if container.exit_code is not None and container.status is Status.EXITED else ""
    return f"{_SIGNS[container.status]} {container.status.value}{code}"


def since(container: ContainerSummary, now: float) -> str:
    """How long it has been in its state."""
    moment = container.finished if container.status is Status.EXITED else container.started
    if moment is None:
        try:
            moment = datetime.fromisoformat(container.created).timestamp()
        except ValueError:
            return ""
    return age(now - moment)


def _line_of_other(key: str, other: Neighbour) -> Callable[[int], Text]:
    def draw(width: int) -> Text:
        image_room = min(40, (width - 20) // 2) if width >= 44 else 0
        room = max(6, width - 20 - (image_room + 1 if image_room else 0))
        text = Text(no_wrap=True, end="", style="italic")
        # Its engine tells it apart from our own; a time of its own it has none here.
        text.append(f"\N{MIDDLE DOT} {fill(visible(key), room)}{clip(visible(other.status), 10):>10}{'':7}")
        if image_room:
            text.append(" " + short_reference(visible(other.image), image_room))
        return text

    return draw


def _line(container: ContainerSummary) -> Callable[[int], Text]:
    def draw(width: int) -> Text:
        sign, _, word = state(container).partition(" ")
        time_shown = since(container, time.time())
        image_room = min(40, (width - 20) // 2) if width >= 44 else 0
        fixed = 2 + 11 + 7 + (image_room + 1 if image_room else 0)
        room = max(6, width - fixed)
        text = Text(no_wrap=True, end="")
        text.append(f"{sign} {fill(visible(container.name), room)}{clip(word, 10):>10} {time_shown:>6}")
        if image_room:
            text.append(" " + short_reference(container.image, image_room))
        return text

    return draw
