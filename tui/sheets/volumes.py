"""The named volumes: who binds them, where they are; one that nobody binds can be removed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType

from engine import CutawayError, Outcome, visible
from tui.sheets.sheet import Row, Sheet
from tui.telling import problem, refused
from tui.text import SIGNS, clip, fill

if TYPE_CHECKING:
    from engine import VolumeSummary


class VolumesSheet(Sheet[None]):
    """`D` removes the one under the cursor, and asks first; `y` copies its directory."""

    heading = "Volumes"
    what = "volume"
    nothing = "reading…"

    BINDINGS: ClassVar[list[BindingType]] = [Binding("D,delete", "remove", "remove", id="volumes.remove")]

    _found: tuple[VolumeSummary, ...] = ()

    def on_mount(self) -> None:
        self.bench.later(self.read())

    async def read(self) -> None:
        """Show those that there are now."""
        self._found = tuple(await self.bench.desk.ask(lambda workbench: workbench.volumes()))
        self.items.set_empty("There are none. run -v NAME:DIR makes one.")
        called = {id: container.name for id, container in self.bench.state.containers.items()}
        first = not self._rows
        self.show([_row(volume, [called.get(id, id) for id in volume.containers]) for volume in self._found])
        if first:
            self.items.action_first()

    def action_remove(self) -> None:
        volume = next((volume for volume in self._found if volume.name == self.items.key), None)
        if volume is None:
            return
        if refused(self.bench):
            return
        if volume.containers:
            self.bench.say(f"Not now: a container binds {volume.name}")
        else:
            self.bench.later(self._remove(volume.name))

    async def _remove(self, name: str) -> None:
        """Ask whether really: its data go with it."""
        line = self.bench.desk.command("volume", "rm", name)
        if not await self.bench.ask(
            f"Remove the volume {visible(name)} with all that is in it?", command=line, yes="Remove"
        ):
            return
        try:
            await self.bench.desk.ask(lambda workbench: workbench.remove_volume(name))
        except CutawayError as error:
            self.bench.complain(problem(error))
        else:
            self.bench.show_command(line, SIGNS[Outcome.SUCCEEDED])
        await self.read()


def _row(volume: VolumeSummary, binding: list[str]) -> Row:
    by = ", ".join(binding) or "no container binds it"
    rows = [("volume", volume.name), ("its directory", str(volume.path)), ("bound by", by)]
    return Row(volume.name, f"{volume.name} {by}", _line(volume.name, by, str(volume.path)), str(volume.path), rows)


def _line(name: str, by: str, path: str) -> Callable[[int], Text]:
    def draw(width: int) -> Text:
        room = max(8, width // 3)
        text = Text(f"{fill(clip(visible(name), room), room)} ", no_wrap=True, end="")
        text.append(fill(clip(visible(by), room), room), "bold")
        return text.append(f" {clip(visible(path), max(1, width - text.cell_len - 1))}", "dim")

    return draw
