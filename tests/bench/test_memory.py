"""An hour's use of the screen, in minutes: what it takes of memory, and that it does not take more and more.

Thousands of keys through every pane, tab and dialog, containers that come and end meanwhile, long outputs. The whole
process is looked at, from outside, when it has come to rest and its garbage is collected.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from command_line import Cutaway
from pseudo_terminal import Program, program

from engine import Job, RunOptions, Status, Workbench

pytestmark = [pytest.mark.bench, pytest.mark.root]

ROUNDS = 8
WARM_UP = 2
"""Rounds until everything was loaded once, and pools have their size."""
CONTAINERS = 16
"""That come, run and go in each round."""
MOST = 90e6  # bytes
GROWTH = 1.5e6  # bytes between the medians of the first and the last rounds after the warm-up

DEMO = "localhost/cutaway/demo:latest"
ESC, DOWN, ENTER = "\x1b", "\x1b[B", "\r"

ROUND: list[tuple[str, str]] = [
    # Images: what can be seen of one, lists and forms, each left again.
    *(
        ("1", "demo"),
        ("g", ""),
        ("x", "esc leave"),
        (ESC, ""),
        ("?", "Keys that work"),
        (ESC, ""),
        ("@", "Everything the"),
        (ESC, ""),
    ),
    *(
        ("J", "Jobs"),
        (ESC, ""),
        ("M", "What was said"),
        (ESC, ""),
        ("i", "This host"),
        (ESC, ""),
        ("p", "Pull an image"),
    ),
    *(
        (ESC, ""),
        ("N", "A new container of"),
        (ESC, ""),
        ("H", "was made"),
        (ESC, ""),
        ("S", "to an archive"),
        (ESC, ""),
    ),
    *(
        ("n", "Another name"),
        (ESC, ""),
        ("w", "out of localhost"),
        (ESC, ""),
        ("=", "Compare"),
        (ESC, ""),
        (":", "Search"),
    ),
    *(
        (ESC, ""),
        ("E", "What was done to"),
        (ESC, ""),
        ("V", "Volumes"),
        (ESC, ""),
        ("u", "What containers use"),
        (ESC, ""),
    ),
    # Its config.json: looked at, compared, changed, thrown away.
    *(("1", ""), ("e", "writing"), *((DOWN, ""),) * 10, ("a", "no JSON"), ("\x7f", "no problems"), (ESC, "reading")),
    *(
        ("\x04", "Differences"),
        (ESC, ""),
        ("\x0c", "Launch new"),
        (ESC, ""),
        ("\x14", "environment variable"),
        (ESC, ""),
    ),
    *(("1", ""), ("D", "make a config.json"), ("1", ""), ("+", ""), ("_", "")),
    # Files and layers.
    *(
        ("f", "all 3 layers"),
        ("*", "▾ usr"),
        *((DOWN, ""),) * 30,
        (ENTER, ""),
        (ESC, ""),
        ("Z", ""),
        ("<", "layer 2"),
        (">", "layer 3"),
    ),
    *(("a", ""), ("a", ""), ("W", "Hidden by"), (ESC, ""), ("2", ""), (DOWN, ""), ("i", ""), (ESC, "")),
    # The container that talks: its output, what it uses, how it was made, forms.
    *(
        ("4", ""),
        ("g", ""),
        ("l", "following"),
        ("g", ""),
        ("G", "following"),
        ("w", ""),
        ("w", ""),
        ("t", ""),
        ("t", ""),
    ),
    *(
        ("4", ""),
        ("t", "CPU"),
        ("4", ""),
        ("T", "steps"),
        (DOWN, ""),
        (ENTER, ""),
        (ESC, ""),
        ("4", ""),
        ("e", "in force"),
    ),
    *(
        ("4", ""),
        ("f", "all 4 layers"),
        ("4", ""),
        ("X", "Run a command"),
        (ESC, ""),
        ("c", "Copy files into"),
        (ESC, ""),
    ),
    *(
        ("U", "Limits of"),
        (ESC, ""),
        ("n", "Rename"),
        (ESC, ""),
        ("I", "All that is known"),
        (ESC, ""),
        (" ", ""),
        (" ", ""),
    ),
]
"""Keys, as a terminal sends them, and what comes up then; "" where that is nothing to wait for."""


@contextmanager
def _coming_and_going(workbench: Workbench, number: int) -> Iterator[None]:
    """Meanwhile containers come, run, say something, end and go."""

    def work() -> None:
        job = Job("bench", lambda event: None)
        for each in range(CONTAINERS):
            script = f"seq 1 2000 | sed 's/^/line of c{each} /'"
            options = RunOptions(name=f"c{number}-{each}", args=("sh", "-c", script), network="host")
            made = workbench.create(workbench.draft(DEMO, options, job), job)
            workbench.start(made.id, job)
            if each >= 4:
                workbench.remove(f"c{number}-{each - 4}", job, force=True)
        for container in workbench.containers():
            if container.name.startswith(f"c{number}-"):
                workbench.remove(container.id, job, force=True)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        yield
    finally:
        worker.join()


def _press(running: Program, keys: list[tuple[str, str]], missed: list[str]) -> None:
    """One after the other, each when the screen has answered the one before, as people do; `missed` gets what did not
    come up."""
    for key, wanted in keys:
        running.press(key.encode())
        # Escape alone is told from the beginning of a sequence by the time that passes.
        least = time.monotonic() + (0.25 if key == ESC else 0.04)
        drawn, last = running.written, 0.0
        while time.monotonic() < least or (key == ESC and time.monotonic() < min(last + 0.12, least + 1)):
            running.read(0.02)
            if running.written != drawn:
                drawn, last = running.written, time.monotonic()
        while wanted and not running.shows(wanted.encode()):
            assert not running.shows(b"Traceback")
            if time.monotonic() > least + 10:
                missed.append(f"{key!r}: {wanted}")
                break
            running.read(0.1)


REST = 13.0
"""Seconds without a key after a round: when nobody has typed for ten the program goes through all its garbage."""


@pytest.mark.timeout(900)
def test_an_hours_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cutaway = Cutaway(tmp_path / "data", tmp_path / "run")
    cutaway("demo")
    monkeypatch.setenv("CUTAWAY_RUN", str(cutaway.run))
    workbench, job = Workbench(cutaway.root), Job("prepare", lambda event: None)
    script = "seq 1 300000 | sed 's/^/line with some words in it, number /'; while :; do date; sleep 0.2; done"
    options = RunOptions(name="a-talker", args=("sh", "-c", script), network="host")
    workbench.create(workbench.draft(DEMO, options, job), job)
    workbench.start("a-talker", job)
    taken: list[int] = []
    missed: list[str] = []
    try:
        with program(cutaway.command(), cutaway.environment) as running:
            running.wait(b"following")
            process = psutil.Process(running.pid)
            for number in range(ROUNDS):
                with _coming_and_going(workbench, number):
                    _press(running, ROUND, missed)
                running.idle(REST)
                taken.append(int(process.memory_info().rss))
                print(f"round {number + 1:2}: {taken[-1] / 1e6:.1f} MB", flush=True)
    finally:
        for container in workbench.containers():
            workbench.remove(container.id, job, force=container.status is Status.RUNNING)
        workbench.close()
    print("\n".join(["", "did not come up:", *missed]) if missed else "")
    assert len(missed) <= ROUNDS, "it was not used as this test means to"
    settled = taken[WARM_UP:]
    third = max(1, len(settled) // 3)
    growth = statistics.median(settled[-third:]) - statistics.median(settled[:third])
    keys = len(ROUND) * ROUNDS
    print(
        f"\n{keys:,} keys, {CONTAINERS * ROUNDS} containers: {max(taken) / 1e6:.1f} MB at most, {growth / 1e6:+.1f} MB"
    )
    assert max(taken) <= MOST
    assert growth <= GROWTH
