"""The whole program killed at any moment, the command line and the screen, and whatever it has started for a container
on a bridge: what is told is true, and after the next command nothing is left over.

CUTAWAY_KILL_ROUNDS says how often; CUTAWAY_KILL_SEED the order of it.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from elsewhere import DEMO, Elsewhere, elsewhere
from tmux import Terminal

from engine import Job, Workbench
from engine.disk import DataRoot
from engine.events import ignore

pytestmark = [
    pytest.mark.root,
    pytest.mark.interop("iptables", "netavark"),
]

ROUNDS = int(os.environ.get("CUTAWAY_KILL_ROUNDS", "24"))
CHANCE = random.Random(int(os.environ.get("CUTAWAY_KILL_SEED", "5")))
PUBLISHED = ("-p", "8080:80")
PATIENCE = 20.0


@pytest.fixture
def cutaway(data_root: DataRoot, tmp_path: Path) -> Iterator[Elsewhere]:
    with elsewhere(data_root, tmp_path / "network") as made:
        yield made


def processes_of(number: str) -> list[int]:
    """The processes in a container's control groups, asked of the kernel alone."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError), open(f"/proc/{pid}/cgroup") as file:
            if f"/cutaway/{number}" in file.read():
                found.append(int(pid))
    return found


def children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, task.read_text().split()):
                found += [child, *children(child)]
    return found


def named(pids: list[int], name: str) -> int:
    for pid in pids:
        with suppress(OSError):
            if Path(f"/proc/{pid}/comm").read_text().strip().startswith(name):
                return pid
    return 0


def kill(pid: int) -> None:
    if pid > 1:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def check_truth(cutaway: Elsewhere, about: str) -> None:
    """`ps` tells of each container what the kernel knows, and that twice in a row (it clears up, too)."""
    deadline = time.monotonic() + PATIENCE
    while True:
        shown = cutaway.json("ps", "--all", "--json")
        wrong = [
            (each["id"], each["status"], there)
            for each in shown
            if bool(there := processes_of(each["id"])) is not (each["status"] in ("running", "paused"))
        ]
        if not wrong:
            return
        assert time.monotonic() < deadline, f"{about}: {wrong}"
        time.sleep(0.05)


def check_nothing_left(cutaway: Elsewhere, about: str) -> list[dict[str, Any]]:
    """Returns the containers that are there."""
    shown: list[dict[str, Any]] = cutaway.json("ps", "--all", "--json")  # who comes first after a crash clears up
    if not any(each["status"] in ("running", "paused") for each in shown):
        assert cutaway.is_clean(), f"{about}: {cutaway.left()}"
    with closing(Workbench(cutaway.root)) as bench:  # in this process, which has one already that unpacks layers
        assert not bench.check_store(Job("check", ignore)), about
    return shown


def victim(cutaway: Elsewhere, who: str, starter: int) -> int:
    below = children(starter)
    if who == "starter":
        return starter
    if who == "netavark":
        return named(below, "netavark")
    with suppress(OSError, ValueError, StopIteration):
        conmon = int(next(cutaway.run.glob("*/containers/*/conmon.pid")).read_text())
        if who == "conmon":
            return conmon
        if who == "runc":
            return named(children(conmon), "runc") or named(below, "runc")
        return next(iter(children(conmon)), 0)
    return named(below, who)


def test_anybody_killed_while_a_container_on_a_bridge_starts(cutaway: Elsewhere) -> None:
    began = time.monotonic()
    cutaway("run", "-d", "--name=first", *PUBLISHED, DEMO, "sleep", "300")
    whole = time.monotonic() - began
    cutaway("rm", "--force", "first")
    for number in range(max(ROUNDS // 4, 1)):
        who = CHANCE.choice(("starter", "conmon", "runc", "init", "netavark"))
        moment = CHANCE.uniform(0, 1.2 * whole)
        about = f"round {number}: {who} killed after {moment:.3f} s"
        with cutaway.start("run", "-d", "--name=web", *PUBLISHED, DEMO, "sleep", "300") as starting:
            time.sleep(moment)
            kill(victim(cutaway, who, starting.pid))
            starting.communicate(timeout=60)
        check_truth(cutaway, about)
        for each in check_nothing_left(cutaway, about):
            cutaway("rm", "--force", each["id"])
        assert cutaway.is_clean(), f"{about}: {cutaway.left()}"


COMMANDS = (
    ("run", "-d", *PUBLISHED, DEMO, "sleep", "300"),
    ("run", "--rm", DEMO, "sleep", "300"),
    ("create", DEMO, "sleep", "300"),
    ("start", "one"),
    ("exec", "one", "sleep", "300"),
    ("pause", "one"),
    ("unpause", "one"),
    ("restart", "-t0", "one"),
    ("commit", "one", "made:1"),
    ("stop", "-t0", "one"),
    ("rm", "--force", "one"),
    ("mount", DEMO),
)


def test_any_command_killed_at_any_moment(cutaway: Elsewhere) -> None:
    """Its process alone, or with all that it has started and not let go of."""
    for number in range(max(ROUNDS // 2, 1)):
        if "one" not in {each["name"] for each in cutaway.json("ps", "--all", "--json")}:
            cutaway("create", "--name=one", *PUBLISHED, DEMO, "sleep", "300")
        words = COMMANDS[number % len(COMMANDS)]
        if words[0] in ("exec", "stop", "pause", "restart", "rm", "unpause"):
            cutaway("start", "one")
            if words[0] == "unpause":
                cutaway("pause", "one")
        moment, all_of_it = CHANCE.uniform(0, 0.5), CHANCE.random() < 0.5
        about = f"round {number}: {' '.join(words)} killed after {moment:.3f} s, {'whole' if all_of_it else 'alone'}"
        with cutaway.start(*words, session=True) as doing:
            time.sleep(moment)
            if doing.poll() is None:
                with suppress(ProcessLookupError):  # it has begun no session yet, or has ended
                    os.killpg(doing.pid, signal.SIGKILL) if all_of_it else kill(doing.pid)
            doing.wait(timeout=60)
        check_truth(cutaway, about)
        shown = check_nothing_left(cutaway, about)
        if words[0] == "run":
            for each in shown:
                if each["status"] == "running":
                    cutaway("rm", "--force", each["id"])
        elif words[0] in ("pause", "unpause"):  # it may be frozen still
            cutaway("rm", "--force", "one")


def screen_of(cutaway: Elsewhere) -> int:
    """The process of the screen on this data directory."""
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if entry.name.isdigit() and words[1:5] == ["-m", "tui", "--root", str(cutaway.root)]:
                return int(entry.name)
    return 0


@pytest.mark.screen
def test_the_screen_killed_at_any_moment(cutaway: Elsewhere, tmp_path: Path) -> None:
    """While it launches a container; one that runs by then goes on."""
    terminal = Terminal(tmp_path, 120, 36)
    try:
        for number in range(max(ROUNDS // 12, 1)):
            moment = CHANCE.uniform(0.0, 1.2)
            about = f"round {number}: the screen killed {moment:.3f} s after the launch"
            names = ("CUTAWAY_RUN", "CUTAWAY_NETWORK")
            terminal.run(*cutaway.command(), environment={name: cutaway.environment.get(name, "") for name in names})
            terminal.wait("cutaway/demo", "make a config.json of this")
            terminal.press("Enter")
            terminal.wait("ociVersion")
            terminal.press("C-l")
            terminal.wait("run it in the background")
            terminal.press("d")
            time.sleep(moment)
            pid = screen_of(cutaway)
            kill(pid)
            terminal.wait(r"\[ended 137\]")
            check_truth(cutaway, about)
            for each in check_nothing_left(cutaway, about):
                cutaway("rm", "--force", each["id"])
            assert cutaway.is_clean(), f"{about}: {cutaway.left()}"
    finally:
        terminal.close()
