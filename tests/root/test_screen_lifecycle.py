"""The lifecycle of containers by keys, in a real terminal with real containers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Cutaway
from tmux import Terminal

pytestmark = [pytest.mark.root, pytest.mark.screen]

DEMO = "localhost/cutaway/demo:latest"
SCRIPT = "trap 'echo hang up' HUP; trap 'exit 5' TERM; echo begun; while :; do sleep 0.1; done"


@pytest.fixture
def terminal(tmp_path: Path, cutaway: Cutaway) -> Iterator[Terminal]:
    made = Terminal(tmp_path, 120, 36)
    yield made
    made.close()


def test_every_verb_has_its_key(terminal: Terminal, cutaway: Cutaway) -> None:
    cutaway("create", "--name", "box", "--network=host", DEMO, "sh", "-c", SCRIPT)
    terminal.cutaway(cutaway.root)
    terminal.wait(r"\[4\] Containers 1", "no jobs")
    terminal.press("4")
    terminal.wait("◌ box +created", "r start")
    terminal.press("r")
    terminal.wait("● box +running", "✓ done")
    terminal.press("l")
    terminal.wait("begun", "G follow")  # the keys are the tab's

    terminal.press("4", "C-k")
    terminal.wait("Send box a signal", "--signal HUP box")
    terminal.press("Enter")
    terminal.press("l")
    terminal.wait("hang up", "G follow")

    terminal.press("4", "t")
    terminal.wait(r"CPU +\d+\.\d % of one", r"memory .* of ", r"sh -c trap", "[1-9] process")
    terminal.press("4", "U")
    terminal.wait("Limits of box", "nothing is changed yet")
    terminal.type("much")
    terminal.wait("✗ .*much")
    terminal.press("C-u")
    terminal.wait("nothing is changed yet")
    terminal.type("64m")
    terminal.wait("--memory=64m box", without="✗")
    terminal.press("Enter")
    terminal.wait("✓ done")
    terminal.wait("of 67.1 MB")

    terminal.press("P")
    terminal.wait("‖ box +paused")
    terminal.press("P")
    terminal.wait("● box +running")
    terminal.press("W")
    terminal.wait("wait for box")
    terminal.press("n")
    terminal.wait("Rename box")
    terminal.press("x", "2")
    terminal.press("Enter")
    terminal.wait("● boxx2 +running")
    terminal.press("W")  # no longer, whatever it is called now
    terminal.wait("✗ cancelled", without="wait for box")
    terminal.press("W")
    terminal.wait("wait for boxx2")
    terminal.press("R")
    terminal.wait("boxx2 has ended with exit code 5", "● boxx2 +running")
    terminal.press("I")
    terminal.wait("All that is known of boxx2", '"name": "boxx2"')
    terminal.press("q")
    terminal.wait("boxx2 +running", without="All that is known")
    terminal.press("S")
    terminal.wait("○ boxx2 +exited 5", "does not run, so it uses nothing")
    terminal.press("r")
    terminal.wait("● boxx2 +running")
    terminal.press("D")
    terminal.wait("boxx2 is running. Kill it", "--force boxx2")
    terminal.press("y")
    terminal.wait("none yet", "✓ done")
    assert cutaway.json("ps", "-a", "--json") == []

    terminal.press("1", "Enter")
    terminal.wait("new (container|from)", "0 edits")
    terminal.press("C-l")
    terminal.wait("Launch new container", "leave the start for later")
    terminal.press("c")
    terminal.wait("◌ demo-1 +created", "Containers 1", without="Launch new")
    assert [c["status"] for c in cutaway.json("ps", "-a", "--json")] == ["created"]
    terminal.press("4", "C")
    terminal.wait("Commit 0 changes", "demo-1:latest")
    terminal.press("C-s")
    terminal.wait("Images 2", "✓ done", without="Commit 0")
    terminal.press("4", "D")
    terminal.wait("Remove demo-1 with everything")
    terminal.press("y")
    terminal.wait("none yet")

    cutaway("run", "-d", "--name=deaf", "--network=host", DEMO, "sh", "-c", "trap '' TERM; while :; do sleep 0.1; done")
    terminal.wait("● deaf +running")
    terminal.press("S")
    terminal.wait("stop deaf")
    terminal.press("q")
    terminal.wait(r"Leave Cutaway\?", "Broken off before it is done: stop deaf")
    terminal.press("y")
    terminal.wait("deaf goes on", r"\[ended 0\]")
