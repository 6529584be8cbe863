"""How long containers have been what they are, while somebody looks on."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace

import msgspec
import pytest
from made_up import NOON, container
from pilot import Bench
from textual.app import App, ComposeResult

from engine import ContainerSummary, Status
from tui.dialogs.question import Question
from tui.places.containers import ContainersPane
from tui.widgets.repainted import Repainted


class Looking(Repainted[None]):
    """The pane and nothing else, at a time of day that is set; many looks a second."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.pane, self.looks, self._patch = ContainersPane(), 0, monkeypatch
        self.asked = 0  # how late it is
        self.bench: Bench
        look = self.pane._show_ages

        def counted() -> None:
            look()
            self.looks += 1

        monkeypatch.setattr(self.pane, "_show_ages", counted)
        monkeypatch.setattr("tui.places.containers.AGES_EVERY", 0.02)

    def compose(self) -> ComposeResult:
        yield self.pane

    async def show(self, *containers: ContainerSummary) -> None:
        self.pane.show(list(containers))
        await self.bench.wait(containers[0].name)

    async def at(self, time: float) -> list[tuple[int, int]]:
        """It is so late, and the pane has looked at that: what is painted for it, each as row and first cell."""
        while await self._painted():  # of what was before
            pass
        self.asked = 0

        def told() -> float:
            self.asked += 1
            return time

        self._patch.setattr("tui.places.containers.time", SimpleNamespace(time=told))
        return await self._painted()

    async def _painted(self) -> list[tuple[int, int]]:
        """While the pane looks twice."""
        compositor, painted = self.app.screen._compositor, []
        render = compositor.render_update

        def noted(**more: object) -> object:
            painted.extend((where.y, where.x) for where in compositor._dirty_regions)
            return render(**more)  # type: ignore[arg-type]

        compositor.render_update = noted  # type: ignore[method-assign,assignment]
        until = self.looks + 2
        while self.looks < until:
            await self.bench.pilot.pause(0.02)
        del compositor.render_update
        return painted


@asynccontextmanager
async def looking(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Looking]:
    app, screen = App[None](), Looking(monkeypatch)
    async with app.run_test(size=(60, 18)) as pilot:
        screen.bench = Bench(app, pilot)  # type: ignore[arg-type]
        await app.push_screen(screen)
        await screen.at(NOON)
        yield screen


def started(name: str, ago: float) -> ContainerSummary:
    return msgspec.structs.replace(container(name, Status.RUNNING), started=NOON - ago)


async def test_seconds_are_told_each_second_and_nothing_else_is_painted(monkeypatch: pytest.MonkeyPatch) -> None:
    async with looking(monkeypatch) as there:
        await there.show(started("old", 7200), started("young", 3))
        for seconds in (4, 5, 6):
            painted = await there.at(NOON - 3 + seconds)
            lines = there.bench.text.split("\n")
            (row,) = (row for row, line in enumerate(lines) if re.search(rf"young +running +{seconds} s ", line))
            assert painted == [(row, 1)]
        assert await there.at(NOON + 3) == []
        await there.at(NOON + 117)
        assert re.search("old +running +2 h(.|\n)+young +running +2 min", there.bench.text)


async def test_nothing_is_painted_for_those_that_are_hours_old(monkeypatch: pytest.MonkeyPatch) -> None:
    async with looking(monkeypatch) as there:
        await there.show(*(started(f"old-{number}", 5 * 3600 + number) for number in range(150)))
        for seconds in (1, 2, 3):
            assert await there.at(NOON + seconds) == []


async def test_nothing_is_painted_below_a_dialog_or_out_of_sight(monkeypatch: pytest.MonkeyPatch) -> None:
    async with looking(monkeypatch) as there:
        await there.show(started("young", 3))
        dialog = Question("Really?")
        await there.app.push_screen(dialog)
        before = await there.bench.wait("Really", "young +running +3 s")
        assert await there.at(NOON + 20) == []
        assert not there.asked
        assert there.bench.text == before
        dialog.dismiss()
        await there.bench.wait("young +running +23 s", without="Really")
        there.pane.display = False
        await there.bench.wait(without="young")
        assert await there.at(NOON + 30) == []
        assert not there.asked, "nor is it looked at"
        there.pane.display = True
        await there.bench.wait("young +running +33 s")
