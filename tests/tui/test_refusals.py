"""What cannot be is refused where it is asked for, with the reason: a name that is none, a step without root, a store
that cannot be read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from engine import ImagesChanged, JobStarted, Problem
from tui.deeds import offers
from tui.progress import Pull
from tui.sheets.tour import TourScreen
from tui.state import State
from tui.subjects import OfHost, OfJob


def test_without_root_what_needs_it_says_so() -> None:
    state = State(problems=[Problem("not-permitted", "not root", "sudo")])
    refused = {offer.id for offer in offers(state, OfHost(), lambda *words: "") if "root" in offer.why_not}
    assert refused == {
        *("host.tour", "host.pull", "host.demo", "host.load", "host.import", "host.rootfs", "host.repair")
    }
    assert not any(offer.why_not for offer in offers(State(problems=[]), OfHost(), lambda *words: ""))


async def test_a_name_that_is_none_stays_in_the_dialog_and_a_failed_step_says_why(bench: Any) -> None:
    async with bench() as screen:
        await screen.wait("A container is an image", "no jobs")
        await screen.press("p")
        await screen.wait("Pull an image")
        await screen.type("[/a]")
        await screen.press("enter")
        await screen.wait("✗ not an image name", "Pull an image", without="✗ failed")
        await screen.press("ctrl+u")
        await screen.wait("Pull an image", "the name is missing", without="not an image name")
        await screen.press("escape")
        await screen.wait("A container is an image", "none yet", without="Pull an image")
        screen.app.push_screen(TourScreen(screen.screen, "[/a]"))
        await screen.wait("This step could not be done", "✗ not an image name", "enter tries again")


async def test_a_pull_that_failed_is_tried_again_as_it_was_asked_for(bench: Any) -> None:
    async with bench() as screen:
        await screen.wait("A container is an image", "no jobs")
        await screen.press("p")
        await screen.wait("Pull an image", r"\[x\] verify")
        await screen.type("localhost:1/app")
        await screen.press("tab", "space", "tab")
        await screen.type("linux/arm64")
        await screen.press("enter")
        await screen.wait("✗ cannot reach localhost:1", "p   try again")
        await screen.press("p")
        await screen.wait("Pull an image", "localhost:1/app", r"\[ \] verify", r"platform +linux/arm64")
        await screen.press("escape")
        pulls = screen.screen.state.pulls
        pulls.clear()
        pulls["sent"] = Pull("sent", "localhost:1/sent", "", finished=True, out=True)
        await screen.press("p")
        await screen.wait("Pull an image", "the name is missing", r"\[x\] verify")


async def test_a_store_that_cannot_be_read_says_so_in_its_place(bench: Any, tmp_path: Path) -> None:
    index = tmp_path / "data" / "images" / "index.json"
    index.parent.mkdir(parents=True)
    (index.parent / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    index.write_text("garbage")
    async with bench() as screen:
        seen = await screen.wait("✗ the store is damaged", "system check --repair", "This host", without="reading…")
        assert re.search(r"(?m)^│ ✗ the store is", seen), "in the list's place"
        said = len(screen.screen.state.messages)
        await screen.screen.conductor._read_stale("images")
        assert len(screen.screen.state.messages) == said, "it is told once"
        index.write_text('{"schemaVersion": 2, "manifests": []}')
        screen.screen.conductor.deliver([ImagesChanged()])
        await screen.wait(r"(?m)^│ none yet")


async def test_the_title_tells_of_a_pull_where_its_page_does_not(bench: Any) -> None:
    async with bench() as screen:
        await screen.wait("A container is an image", "cgroup", "are here")
        shell = screen.screen
        shell.state.pulls["j1"] = Pull("j1", "quay.io/team/app:2", "")
        shell.conductor.deliver([JobStarted("j1", "pull", "")])
        await screen.wait(r"\A cutaway .* pull .*app:2 +0%")
        shell.show_images()
        shell.look(OfJob("j1"), go="main")
        shell.conductor.deliver([])
        await screen.wait(r"\A cutaway .*cgroup.* pulling ", "asking the registry")


async def test_an_answer_in_a_hurry_counts_once(bench: Any) -> None:
    async with bench() as screen:
        await screen.wait("A container is an image", "no jobs")
        await screen.press("question_mark")
        await screen.wait("Keys that work here")
        page = screen.app.screen
        for _ in range(4):  # as keys come that are held down: before the screen has gone
            page.dismiss(None)
        await screen.wait("A container is an image", without="Keys that work here")
        assert screen.app.screen is screen.screen


@pytest.mark.parametrize("size", [(80, 24), (60, 18)])
async def test_a_page_longer_than_the_screen_can_be_read_to_its_end(bench: Any, size: tuple[int, int]) -> None:
    async with bench(size=size) as screen:
        await screen.wait("no jobs")
        await screen.press("question_mark")
        await screen.wait("In this place", "esc leave")
        await screen.press("G")
        last = await screen.wait(r"q, ctrl\+q +quit", without="In this place")
        await screen.press("k")
        assert await screen.wait(lambda text: text != last)
        await screen.press("g")
        await screen.wait("In this place")
