"""The log of everything: each step of the engine's, of this session and as the journals on disk tell of it."""

from __future__ import annotations

from datetime import datetime

from engine import CutawayError, Event, Step, StepRecorded, Workbench
from tui.panes.trace.pane import details, line
from tui.sheets.sheet import Row, Sheet
from tui.state import MOST_STEPS
from tui.text import duration


class RecordSheet(Sheet[None]):
    """Requests, files, mounts, processes, each as the command that a person would type."""

    heading = "Everything the engine did"
    what = "command"
    nothing = "reading…"

    _found: tuple[tuple[str, Step], ...] = ()

    def on_mount(self) -> None:
        self.bench.later(self._read())

    async def _read(self) -> None:
        names = [image.reference for image in self.bench.state.images]
        names += list(self.bench.state.containers)
        titles = {id: container.name for id, container in self.bench.state.containers.items()}
        found = await self.bench.desk.ask(lambda workbench: _journals(workbench, names, titles))
        self._found = tuple(found)
        self.items.set_empty("nothing yet")
        self.fill()

    def hear(self, event: Event) -> None:
        if isinstance(event, StepRecorded):
            self.call_later(self.fill)

    def fill(self) -> None:
        steps = {(step.time, step.command): (title, step) for title, step in (*self._found, *self.bench.state.steps)}
        newest = sorted(steps.values(), key=lambda pair: pair[1].time)[-MOST_STEPS:]
        seconds = sum(step.duration for _, step in newest)
        self.show([_row(title, step) for title, step in newest], f"{duration(seconds)} · Y copies all that match")


def _journals(workbench: Workbench, names: list[str], titles: dict[str, str]) -> list[tuple[str, Step]]:
    found = []
    for name in names:
        try:
            found += [(titles.get(name, name), step) for step in workbench.trace(name)]
        except (CutawayError, OSError):  # it went meanwhile
            continue
    return found


def _row(title: str, step: Step) -> Row:
    when = f"{datetime.fromtimestamp(step.time):%Y-%m-%d %H:%M:%S}"
    words = f"{when} {step.kind.value} {title} {step.command} {step.detail} {step.failure} {step.peer}"
    rows = [*details(step), *([("of the job", title)] if title else [])]
    return Row(f"{step.time!r} {step.command}", words, line(step), step.command, rows)
