"""What was done to containers, by whatever front end: the record that `events` reads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from rich.text import Text

from engine import CancelToken, ContainersChanged, Event, visible
from tui.sheets.sheet import Row, Sheet
from tui.text import clip, fill

if TYPE_CHECKING:
    from engine import Happening, Workbench

MOST = 2_000


class HappeningsSheet(Sheet[None]):
    """The newest last."""

    heading = "What was done to containers"
    what = "event"
    nothing = "reading…"

    def on_mount(self) -> None:
        self.bench.later(self._read())

    def hear(self, event: Event) -> None:
        if isinstance(event, ContainersChanged):
            self.bench.later(self._read())

    async def _read(self) -> None:
        found = await self.bench.desk.ask(_newest)
        self.items.set_empty("nothing yet")
        self.show([_row(number, happening) for number, happening in enumerate(found)])


def _newest(workbench: Workbench) -> list[Happening]:
    return list(deque(workbench.happenings(CancelToken()), maxlen=MOST))


def _row(number: int, it: Happening) -> Row:
    when = f"{datetime.fromtimestamp(it.time):%Y-%m-%d %H:%M:%S}"
    more = ", ".join(f"{name}={value}" for name, value in it.detail.items())
    text = f"{when} container {it.action} {it.id} (image={it.image}, name={it.name}{', ' if more else ''}{more})"
    rows = [("event", text), ("container", f"{it.name}\n{it.id}"), ("image", it.image)]
    return Row(f"{it.time!r} {number}", text, _line(when, it, more), visible(text), rows)


def _line(when: str, it: Happening, more: str) -> Callable[[int], Text]:
    def draw(width: int) -> Text:
        text = Text(f"{when}  ", no_wrap=True, end="")
        text.append(f"{fill(visible(it.action), 9)} ", "bold").append(f"{fill(clip(visible(it.name), 24), 24)} ")
        return text.append(clip(visible(f"{it.image}  {more}"), max(1, width - text.cell_len)))

    return draw
