"""Looking inside by keys alone in a real terminal: layers, content, the pager, and a container while it writes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Cutaway
from tmux import Terminal

from engine.disk import DataRoot

pytestmark = [pytest.mark.root, pytest.mark.screen]

IMAGE = "localhost/cutaway/demo:latest"
WRITES = "n=0; while :; do n=$((n+1)); echo $n > /srv/written-$n; sleep 0.3; done"


@pytest.fixture(params=[(120, 36), (80, 24)], ids=["120x36", "80x24"])
def terminal(request: pytest.FixtureRequest, tmp_path: Path, data_root: DataRoot) -> Iterator[Terminal]:
    # After data_root, so that the program has ended when that looks for what is left.
    made = Terminal(tmp_path, *request.param)
    yield made
    made.close()


def _written(screen: str) -> int:
    """How many files it has written since its start, by the pane's lower edge."""
    found = re.search(r"(\d+) since its start", screen)
    return int(found[1]) if found else 0


def test_look_inside(terminal: Terminal, data_root: DataRoot) -> None:
    cutaway = Cutaway(data_root.path, data_root.run.parent)
    cutaway("demo")
    pager = "sh -c 'cat \"$0\"; echo END-OF-IT; read answer'"
    terminal.cutaway(data_root.path, PAGER=pager)
    terminal.wait("cutaway/demo", "no jobs")

    terminal.press("1", "f")
    terminal.wait("all 3 layers", "▸ srv/", "Files")
    terminal.press("a")
    terminal.wait("layer 3 of 3", "D .*draft  removed", "C .*greeting")
    terminal.press("/")
    terminal.type("draft")
    terminal.press("Enter")
    terminal.wait("a whiteout .*draft", "1 match")
    terminal.press("Enter")  # what was removed can be read all the same: it is in the image
    terminal.wait("/srv/draft · text", "esc back")
    terminal.press("v")
    terminal.wait("END-OF-IT")
    terminal.press("Enter")
    terminal.wait("/srv/draft · text", without="END-OF-IT")
    terminal.press("Escape")
    terminal.wait("1 match draft")
    terminal.press("Escape")
    terminal.wait("what it changed", without="1 match")
    terminal.press("q")
    terminal.wait(r"\[ended 0\]")

    cutaway("run", "-d", "--network", "host", "--name", "live", IMAGE, "/bin/sh", "-c", WRITES)
    try:
        terminal.cutaway(data_root.path)
        terminal.wait("live", "1 running", "following")
        terminal.press("4", "f")
        terminal.wait("all 4 layers")
        terminal.press("O")
        terminal.wait("merged", "lower 3", "mount -t overlay", "since its start", "• A .*written-1 ", "live")
        before = _written(terminal.screen)
        terminal.wait(lambda screen: _written(screen) > before)
        terminal.press("Escape")
        terminal.wait("all 4 layers")
        terminal.press("q")
        terminal.wait(r"\[ended 0\]")
    finally:
        cutaway("rm", "-f", "live")
