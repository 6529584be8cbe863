"""The palette: every action, with why not where it cannot be done, and every thing; and what is done from it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from command_line import Cutaway

from engine.disk import DataRoot

pytestmark = pytest.mark.root

DEMO = "localhost/cutaway/demo:latest"


async def test_all_of_it_is_found(bench: Any, data_root: DataRoot) -> None:
    cutaway = Cutaway(data_root.path, Path(os.environ["CUTAWAY_RUN"]))
    cutaway("demo")
    cutaway("create", "--name", "quiet-one", DEMO, "true")
    async with bench(root=data_root.path, size=(100, 40)) as screen:

        async def look_for(words: str, *wanted: str) -> None:
            await screen.press("ctrl+p")
            await screen.type(words)
            await screen.wait(*wanted)

        await screen.wait(r"\[1\] Images 1", "no jobs")
        await look_for("quietone", "container quiet-one")
        await screen.press("enter")
        await screen.wait("quiet-one.*created", "Created and not started yet")
        await screen.press("right_square_bracket", "T")
        await screen.wait("› Trace", "config cutaway config")
        await look_for("stop", "stop · quiet-one", "not now: quiet-one is created")
        await screen.press("escape")
        await look_for("unpause", "unpause · quiet-one", "not now: quiet-one is not paused")
        await screen.press("escape")
        await look_for("layer hello", r"layer 2 .*COPY hello")
        await screen.press("enter")
        await screen.wait(r"\[2\] Layers")
        assert screen.screen.layer_list.list.key == "2"
        await look_for("theme high", "theme high-contrast")
        await screen.press("enter")
        await screen.until(lambda: screen.app.theme == "cutaway-high-contrast")
        await look_for("image demo", f"image {DEMO}")
        await screen.press("enter")
        await screen.wait(r"demo +latest +5")
        await look_for("another name", "give it another name")
        await screen.press("enter")
        await screen.wait("Another name for")
        await screen.type("team/demo:2")
        await screen.wait(r"tag\W+localhost/cutaway/demo:latest", without="a name is needed")
        await screen.press("enter")
        await screen.wait(r"\[1\] Images 2|Images 2")
        await look_for("history", "its history")
        await screen.press("enter")
        await screen.wait("How localhost/cutaway/demo:latest was made", "COPY hello")
        await screen.press("escape")

        await screen.press("1", "enter")
        await screen.wait("new (container )?from", r"\d+ edits")
        await look_for("process cwd", "/process/cwd")
        await screen.press("enter")
        await screen.wait("/process/cwd ")
    cutaway("rm", "quiet-one")
