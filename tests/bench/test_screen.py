"""The screen: how soon it is there beside a bare table of the same library, and what it costs when nothing happens."""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import psutil
import pytest
from command_line import Cutaway
from pseudo_terminal import program

from engine import Job, RunOptions, Workbench

pytestmark = [pytest.mark.bench, pytest.mark.root]

CONTAINERS = 150
ROUNDS = 5
IDLE_SECONDS = 20
DATA = 0.2  # seconds after the first paint

BARE = """
from textual.app import App
from textual.widgets import DataTable
class Bare(App):
    def compose(self):
        yield DataTable()
    def on_mount(self):
        table = self.query_one(DataTable)
        table.add_columns("name", "image", "state")
        for n in range(150):
            table.add_row(f"row-{n}", "localhost/cutaway/demo:latest", "created")
Bare().run()
"""


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cutaway]:
    """A data directory with 150 containers."""
    folder = tmp_path_factory.mktemp("screen")
    cutaway = Cutaway(folder / "data", folder / "run")
    cutaway("demo")
    before, os.environ["CUTAWAY_RUN"] = os.environ.get("CUTAWAY_RUN"), str(cutaway.run)
    workbench, job = Workbench(cutaway.root), Job("prepare", lambda event: None)
    try:
        for number in range(CONTAINERS):
            options = RunOptions(name=f"row-{number}", args=("true",))
            made = workbench.create(workbench.draft("localhost/cutaway/demo:latest", options, job), job)
            _made_hours_ago(cutaway.root / "containers" / made.id / "container.json")
        yield cutaway
        for container in workbench.containers():
            workbench.remove(container.id, job, force=True)
    finally:
        workbench.close()
        os.environ.pop("CUTAWAY_RUN")
        if before is not None:
            os.environ["CUTAWAY_RUN"] = before


def _made_hours_ago(path: Path) -> None:
    """An age that is told in seconds is drawn each second, and that is not nothing."""
    record = json.loads(path.read_bytes())
    record["created"] = (datetime.fromisoformat(record["created"]) - timedelta(hours=5)).isoformat()
    path.write_text(json.dumps(record))


def test_it_is_there_as_soon_as_a_bare_table(many: Cutaway, tmp_path: Path) -> None:
    bare = tmp_path / "bare.py"
    bare.write_text(BARE)
    table, paint, data = [], [], []
    for _ in range(ROUNDS + 1):
        with program([sys.executable, str(bare)], dict(os.environ)) as running:
            table.append(running.wait(b"row-0"))
        with program(many.command(), many.environment) as running:
            paint.append(running.wait(b"Containers"))
            data.append(running.wait(b"row-14") - paint[-1])
    bare_median, paint_median, data_median = (statistics.median(times[1:]) for times in (table, paint, data))
    print(f"\nfirst paint {paint_median:.3f} s, a bare table {bare_median:.3f} s: {paint_median / bare_median:.2f};")
    print(f"{CONTAINERS} containers {data_median:.3f} s later")
    assert paint_median <= 1.4 * bare_median
    assert data_median <= DATA


def test_it_costs_next_to_nothing_when_nothing_happens(many: Cutaway) -> None:
    with program(many.command(), many.environment) as running:
        running.wait(b"row-14")
        settled = time.monotonic() + 5
        while time.monotonic() < settled:
            running.read(0.5)
        process, written = psutil.Process(running.pid), running.written
        before, begun = process.cpu_times(), time.monotonic()
        while time.monotonic() < begun + IDLE_SECONDS:
            running.read(0.5)
        after, seconds = process.cpu_times(), time.monotonic() - begun
        busy = (after.user + after.system - before.user - before.system) / seconds
        memory, sent = process.memory_info().rss, (running.written - written) / seconds
    print(f"\nidle with {CONTAINERS} containers: CPU {busy:.2%}, {sent:.0f} bytes/s, RSS {memory / 1e6:.1f} MB")
    assert busy <= 0.01
    assert sent <= 100
    assert memory <= 90e6
