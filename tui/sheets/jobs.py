"""The jobs: what is under way, how far and how fast, and how the last ones ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType

from engine import Event, JobFinished, JobStarted, LayerProgress, human_size, visible
from tui.progress import Work
from tui.sheets.sheet import Row, Sheet
from tui.text import SIGNS, clip, duration, fill
from tui.widgets.bars import bar


class JobsSheet(Sheet[None]):
    """`c` cancels the one under the cursor."""

    heading = "Jobs"
    what = "job"

    BINDINGS: ClassVar[list[BindingType]] = [Binding("c", "cancel", "cancel", id="jobs.cancel")]

    def on_mount(self) -> None:
        self.set_interval(1, self._tick)

    def _tick(self) -> None:
        if self.bench.state.working:
            self.fill()

    def hear(self, event: Event) -> None:
        if isinstance(event, JobStarted | JobFinished | LayerProgress):
            self.call_later(self.fill)

    def fill(self) -> None:
        running = len(self.bench.state.working)
        self.show([_row(work) for work in self.bench.state.work.values()], f"{running} under way")
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "cancel":
            return any(work.job == self.items.key for work in self.bench.state.working)
        return True

    def action_cancel(self) -> None:
        if self.items.key is not None:
            self.bench.conductor.cancel(self.items.key)


def _row(work: Work) -> Row:
    rows = [("command", work.command or "none does the same"), ("job", work.title), ("state", _state(work))]
    if work.progress.layers:
        rows.append(("blobs", f"{work.progress.settled} of {work.progress.count} settled"))
    if work.problem is not None:
        rows.append(("what went wrong", f"{work.problem.message}\n{work.problem.hint}"))
    return Row(work.job, f"{work.title} {work.command} {_state(work)}", _line(work), work.command or work.title, rows)


def _state(work: Work) -> str:
    now = time.monotonic()
    if work.ended is not None and work.outcome is not None:
        return f"{SIGNS[work.outcome]} in {duration(work.ended - work.began)}"
    words = [f"running for {duration(now - work.began)}"]
    if work.progress.measured:
        words.append(work.progress.percent)
    if work.progress.speed:
        words.append(f"{human_size(int(work.progress.speed))}/s")
    if (left := work.left(now)) is not None:
        words.append(f"about {duration(left)} left")
    return " · ".join(words)


def _line(work: Work) -> Callable[[int], Text]:
    def draw(width: int) -> Text:
        state = _state(work)
        if work.ended is None:
            state = (
                f"{bar(work.progress.fraction, 10)} {state}" if work.progress.measured and width >= 70 else f"● {state}"
            )
        state = clip(state, max(10, width * 2 // 3))
        text = Text(no_wrap=True, end="")
        text.append(fill(visible(work.title), max(1, width - len(state) - 2)))
        return text.append(f"  {state}", "bold" if work.ended is None else "")

    return draw
