"""Numbers above, processes below."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Static

from engine import clock, human_size, visible
from tui.panes.stats.readings import Readings
from tui.text import clip, counted, fill
from tui.themes import rich_color
from tui.widgets.item_list import Item, ItemList
from tui.widgets.sorting import Sorting

if TYPE_CHECKING:
    from engine import ProcessSummary

HEAD = "   PID   HOST  USER      % CPU   MEMORY     TIME  COMMAND"


class Numbers(Widget):
    """Draws the readings in the width there is."""

    DEFAULT_CSS = "Numbers { height: 5; }"

    def __init__(self) -> None:
        super().__init__()
        self.readings = Readings()

    def render(self) -> Text:
        curve = rich_color(self.app.theme_variables["success"]) or ""
        return self.readings.draw(self.size.width, curve=curve)


class StatsPane(Vertical, can_focus=True):
    """One container's readings, or words on why there is none."""

    DEFAULT_CSS = """
    StatsPane {
        & #stats-shown { height: 1fr; }
        & #stats-head { height: 1; margin: 1 0 0 0; color: $text-muted; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("o", "order", "order", id="stats.order")]

    class Details(Message):
        """Somebody wants to know all of one process."""

        def __init__(self, process: ProcessSummary) -> None:
            super().__init__()
            self.process = process

    class Summary(Message):
        """What stands on the lower edge is different now."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.numbers = Numbers()
        self.list = ItemList(empty="no processes", id="process-list")
        self.sorting: Sorting[ProcessSummary] = Sorting(
            {
                "CPU": (lambda process: self.readings.shares.get(process.host_pid, 0.0), True),
                "memory": (lambda process: process.memory, True),
                "age": (lambda process: process.host_pid, False),
            }
        )
        self.showing = False

    def compose(self) -> ComposeResult:
        with ContentSwitcher(initial="stats-said", id="stats-switch"):
            yield Static("", id="stats-said", markup=False)
            with Vertical(id="stats-shown"):
                yield from self._shown()

    def _shown(self) -> Iterable[Widget]:
        yield self.numbers
        yield Static(HEAD, id="stats-head", markup=False)
        yield self.list

    @property
    def summary(self) -> str:
        if not self.showing:
            return ""
        count = self.list.shown
        words = f"{counted(count, 'process', 'processes')}, by {self.sorting.name}"
        return f"{words} · o order · enter all of one · / filter · y copy · once a second"

    @property
    def copyable(self) -> tuple[str, str]:
        if not self.showing:
            return "", ""
        readings = self.readings
        rows = [_words(p, readings.shares.get(p.host_pid, 0.0)) for p in self._ordered()]
        return "\n".join([readings.draw(0).plain, "", HEAD, *rows]), "the numbers"

    def say(self, text: str) -> None:
        """Words in the place of numbers. Plain and safe."""
        self.showing = False
        self.query_one("#stats-said", Static).update(Text(text))
        self.query_one("#stats-switch", ContentSwitcher).current = "stats-said"
        self.post_message(self.Summary())

    def begin(self) -> None:
        """Show a container from now on."""
        self.showing = True
        self.numbers.readings = Readings()
        self.list.set_items([])
        self.query_one("#stats-switch", ContentSwitcher).current = "stats-shown"
        self.update()

    @property
    def readings(self) -> Readings:
        return self.numbers.readings

    def update(self) -> None:
        """There is a newer reading."""
        self.numbers.refresh()
        shares = self.readings.shares
        self.list.set_items(
            [
                Item(str(p.host_pid), f"{p.pid} {p.user} {p.command}", _line(p, shares.get(p.host_pid, 0.0)))
                for p in self._ordered()
            ]
        )
        self.post_message(self.Summary())

    def _ordered(self) -> list[ProcessSummary]:
        return self.sorting.sorted(sorted(self.readings.processes, key=lambda process: process.host_pid))

    def action_order(self) -> None:
        self.sorting.next()
        self.update()

    @on(ItemList.Chosen)
    def _chosen(self, event: ItemList.Chosen) -> None:
        event.stop()
        process = next((p for p in self.readings.processes if str(p.host_pid) == event.key), None)
        if process is not None:
            self.post_message(self.Details(process))

    @on(ItemList.Moved)
    def _moved(self, event: ItemList.Moved) -> None:
        event.stop()


def _words(process: ProcessSummary, share: float) -> str:
    numbers = f"{process.pid:6} {process.host_pid:6}  {fill(visible(process.user), 8)} {share:6.1f}"
    spent = f"{human_size(process.memory):>8} {clock(process.cpu_time):>8}"
    return f"{numbers} {spent}  {visible(process.command)}"


def _line(process: ProcessSummary, share: float) -> Callable[[int], Text]:
    words = _words(process, share)
    return lambda width: Text(clip(words, width), no_wrap=True, end="")
