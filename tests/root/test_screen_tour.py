"""The tour on the screen: each step really done, forwards and back, and nothing left over."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from command_line import Cutaway

from engine import Outcome, Tour
from engine.disk import DataRoot

pytestmark = pytest.mark.root


async def test_the_tour_is_taken_and_leaves_nothing(bench: Any, data_root: DataRoot) -> None:
    async with bench(root=data_root.path) as screen:
        await screen.wait("t   take the tour", "a   adopt a container: podman", "no jobs")
        await screen.press("t")
        for number, title in enumerate(Tour.TITLES, 1):
            await screen.wait(f"step {number} of 7", title[:40], r"\$ ", without="doing")
            if number == 3:
                await screen.press("b")
                await screen.wait("step 2 of 7")
                await screen.press("right")
                await screen.wait("step 3 of 7")
            if number < 7:
                await screen.press("enter")
        await screen.press("escape")
        await screen.wait("none yet", r"\[1\] Images ─", "t   take the tour", "no jobs", without="Tour ·")
    cutaway = Cutaway(data_root.path, Path(os.environ["CUTAWAY_RUN"]))
    assert cutaway.json("ps", "-a", "--json") == []
    assert cutaway.json("images", "--json") == []


async def test_it_is_left_while_a_step_is_done(bench: Any, data_root: DataRoot) -> None:
    async with bench(root=data_root.path) as screen:
        await screen.wait("t   take the tour", "no jobs")
        await screen.press("t")
        await screen.until(lambda: screen.screen.state.working)
        await screen.press("escape")
        await screen.wait("none yet", "no jobs", without="Tour ·")
        await screen.until(lambda: len(screen.screen.state.work) == 2 and not screen.screen.state.working)
        step, end = screen.screen.state.work.values()
        assert (step.title, end.title, end.outcome) == ("tour, step 1", "end the tour", Outcome.SUCCEEDED)
        assert step.ended <= end.began
        assert not any(message.grave for message in screen.screen.state.messages)
    cutaway = Cutaway(data_root.path, Path(os.environ["CUTAWAY_RUN"]))
    assert cutaway.json("images", "--json") == []


async def test_it_is_left_in_the_middle_and_what_it_made_is_kept(bench: Any, data_root: DataRoot) -> None:
    cutaway = Cutaway(data_root.path, Path(os.environ["CUTAWAY_RUN"]))
    cutaway("demo")
    async with bench(root=data_root.path) as screen:
        await screen.wait(r"\[1\] Images 1", "no jobs")
        await screen.press("t")
        await screen.wait("step 1 of 7", r"\$ ")
        for number in (2, 3):
            await screen.press("enter")
            await screen.wait(f"step {number} of 7", "Look at it yourself", without="doing")
        await screen.press("K")
        await screen.wait("what was made stays")
        await screen.press("q")
        await screen.wait("tour-files stays", "tour-files +▣|▣ tour-files", without="Tour ·")
    assert [c["name"] for c in cutaway.json("ps", "-a", "--json")] == ["tour-files"]
    cutaway("umount", "tour-files")
