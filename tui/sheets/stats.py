"""What all containers that run use, side by side, once a second."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType

from engine import CancelToken, human_size, visible
from tui.bench import Bench
from tui.sheets.sheet import Row, Sheet
from tui.telling import problem
from tui.text import clip, fill
from tui.widgets.bars import bar

if TYPE_CHECKING:
    from engine import ContainerStats, Workbench

_ORDERS: dict[str, Callable[[ContainerStats], object]] = {
    "name": lambda line: line.name,
    "CPU": lambda line: -line.cpu_percent,
    "memory": lambda line: -(line.reading.memory or 0),
}


class StatsSheet(Sheet[str]):
    """The busiest first; the answer is the container that enter was pressed on."""

    heading = "What containers use"
    what = "container"
    nothing = "reading…"
    enter_does = "its stats"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "order", "order", id="usage.order"),  # stats.order is the Stats tab's, and settings name both
    ]

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._order = "CPU"
        self._lines: list[ContainerStats] = []
        self._token: CancelToken | None = None

    def on_mount(self) -> None:

        def read(workbench: Workbench, token: CancelToken) -> Iterator[list[ContainerStats]]:
            yield from workbench.stats(token)

        def ended(failure: Exception | None) -> None:
            if failure is not None:
                self.bench.complain(problem(failure))

        self._token = self.bench.desk.stream(read, self.take, ended)

    def on_unmount(self) -> None:
        if self._token is not None:
            self._token.cancel()

    def take(self, lines: list[ContainerStats]) -> None:
        """One more reading of each."""
        self.items.set_empty("nothing runs")
        self._lines = lines
        self._draw()

    def _draw(self) -> None:
        key = self.items.key
        rows = [_row(line) for line in sorted(self._lines, key=_ORDERS[self._order])]  # type: ignore[arg-type]
        self.show(rows, f"by {self._order} · o another order · enter its stats")
        if key is not None:
            self.items.move_to(key)
        else:
            self.items.action_first()

    def action_order(self) -> None:
        names = list(_ORDERS)
        self._order = names[(names.index(self._order) + 1) % len(names)]
        self._draw()

    def choose(self) -> None:
        self.dismiss(self.items.key)


def _row(line: ContainerStats) -> Row:
    now = line.reading
    text = f"{line.name} {line.cpu_percent:.1f} % {human_size(now.memory or 0)} {now.pids} processes"
    return Row(line.id, line.name, _line(line), visible(text))


def _line(line: ContainerStats) -> Callable[[int], Text]:
    def draw(width: int) -> Text:
        now = line.reading
        numbers = f"{line.cpu_percent:6.1f} %  {human_size(now.memory or 0):>9}  {now.pids:4} processes"
        if width >= 70:
            numbers = f"{bar(line.cpu_percent / 100, 10)} {numbers}"
        room = max(8, width - len(numbers) - 1)
        text = Text(fill(clip(visible(line.name), room), room), no_wrap=True, end="")
        return text.append(f" {numbers}", "bold")

    return draw
