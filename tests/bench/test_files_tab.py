"""What a key costs in the tree of files, and how long a large directory takes to open: on the real screen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pilot import Bench

from engine import Job, Workbench
from tui.collecting import Collecting
from tui.panes.files.tab import FilesTab
from tui.subjects import OfContainer

pytestmark = [pytest.mark.bench, pytest.mark.root]

MANY = 30_000
KEY, OPEN = 0.016, 0.3
"""Seconds: of work a key, and for a directory of MANY entries."""


@pytest.fixture
def wide(memory: Path, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    """A working container with a directory of 30,000 files, beside the demo image's own."""
    monkeypatch.setenv("CUTAWAY_RUN", str(memory / "run"))
    workbench = Workbench(memory / "data")
    job = Job("bench", lambda event: None)
    workbench.demo(job)
    merged = workbench.mount("localhost/cutaway/demo:latest", job, name="wide").merged
    (merged / "many").mkdir()
    for number in range(MANY):
        (merged / f"many/file-{number:05}").touch()
    return workbench


async def _settled(screen: Bench) -> None:
    """Everything that the last key asked for has been done and drawn."""
    await screen.pilot.pause()
    await asyncio.sleep(0.05)
    await screen.pilot.pause()


async def test_keys_and_a_large_directory(wide: Workbench, bench: Callable[..., Any]) -> None:
    id = wide.container("wide").id
    try:
        collecting = Collecting()
        async with bench(root=wide.root.path, collecting=collecting) as screen:
            await screen.wait("wide")
            await screen.wait(lambda _: screen.screen.area.find("files") is not None)
            screen.screen.look(OfContainer(id), go="files")
            tab = screen.screen.area.find("files")
            assert isinstance(tab, FilesTab)
            await screen.wait(lambda _: tab.opened is not None and tab.opened.sizes)
            assert tab.tree_list.move_to("many")
            await _settled(screen)

            began = time.thread_time()
            tab.tree_list.action_choose()
            await screen.pilot.pause()
            opening = time.thread_time() - began
            await screen.wait("file-00009")
            assert tab.tree_list.count > MANY

            idle = []
            for _ in range(100):
                began = time.thread_time()
                await screen.pilot.pause()
                idle.append(time.thread_time() - began)
            pilot = sorted(idle)[50]  # what asking whether all is drawn costs by itself
            costs = []
            for action in [tab.tree_list.action_move] * 150:
                collecting.typed()
                began = time.thread_time()
                action(1)
                await screen.pilot.pause()
                costs.append(time.thread_time() - began - pilot)
            tab.tree_list.action_last()
            await _settled(screen)
            for _ in range(50):
                collecting.typed()
                began = time.thread_time()
                tab.tree_list.action_page(-1)
                await screen.pilot.pause()
                costs.append(time.thread_time() - began - pilot)
    finally:
        wide.umount("wide", Job("bench", lambda event: None))
    costs.sort()
    median, most, worst = (round(costs[int(len(costs) * part)] * 1000, 1) for part in (0.5, 0.95, 0.999))
    print(f"\n{MANY:,} entries open in {opening:.3f} s; a key {median} ms, 95 % within {most} ms, at worst {worst} ms")
    assert opening < OPEN
    assert worst < KEY * 1000
