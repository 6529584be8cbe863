"""How long containers have been what they are, while somebody looks on."""

from __future__ import annotations

from types import SimpleNamespace

import msgspec
import pytest
from made_up import NOON, container
from pilot import Bench
from textual.app import App, ComposeResult
from textual.geometry import Region

from engine import ContainerSummary, Status
from tui.places.containers import ContainersPane


class Alone(App[None]):
    """The pane and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.pane = ContainersPane()

    def compose(self) -> ComposeResult:
        yield self.pane


def started(name: str, when: float) -> ContainerSummary:
    return msgspec.structs.replace(container(name, Status.RUNNING), started=when)


async def test_seconds_are_told_each_second_and_no_other_line_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    now = NOON
    monkeypatch.setattr("tui.places.containers.time", SimpleNamespace(time=lambda: now))
    app = Alone()
    async with app.run_test(size=(60, 18)) as pilot:
        screen, items = Bench(app, pilot), app.pane.list  # type: ignore[arg-type]
        drawn: list[tuple[Region, ...]] = []  # none in one of them: all lines
        refresh = items.refresh
        monkeypatch.setattr(items, "refresh", lambda *lines, **how: (drawn.append(lines), refresh(*lines, **how))[1])
        there = [started("old", NOON - 7200), started("young", NOON - 3)]
        app.pane.show(there)
        await screen.wait("old +running +2 h", "young +running +3 s")
        young = items.seen.index("young")
        for seconds in (4, 5, 6):
            drawn.clear()
            now = NOON - 3 + seconds
            await screen.wait(f"young +running +{seconds} s")
            assert [[line.y for line in lines] for lines in drawn] == [[young]]
        now = NOON + 120
        await screen.wait("young +running +2 min")
        assert not app.pane._seconds._active.is_set(), "nobody looks at what is told in minutes each second"
        app.pane.show([*there, started("new", now)])
        await screen.wait("new +running +0 s")
        now += 1
        await screen.wait("new +running +1 s")
