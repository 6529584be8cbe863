"""The Output tab by keys, in a real terminal with real containers behind it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Cutaway
from tmux import Terminal

pytestmark = [pytest.mark.root, pytest.mark.screen]

DEMO = "localhost/cutaway/demo:latest"
# Two pipes: what is not written at the same time is read in the order in which it was written.
WEB = (
    "i=0; while [ $i -lt 300 ]; do i=$((i+1)); echo GET /page/$i;"
    "if [ $((i%50)) = 0 ]; then sleep 0.2; echo refused $i >&2; sleep 0.2; fi; done;"
    "printf '10 %%\\r20 %%\\r\\033[K\\033[32mall done\\033[0m\\n\\033]0;title\\007\\n'; sleep 600"
)


@pytest.fixture
def terminal(tmp_path: Path, cutaway: Cutaway) -> Iterator[Terminal]:
    made = Terminal(tmp_path, 120, 36)
    yield made
    made.close()


def test_reading_searching_copying_saving_merging(terminal: Terminal, cutaway: Cutaway, tmp_path: Path) -> None:
    cutaway("run", "-d", "--name", "db", "--network=host", DEMO, "sh", "-c", "echo database is up; sleep 600")
    cutaway("run", "-d", "--name", "web", "--network=host", DEMO, "sh", "-c", WEB)
    terminal.cutaway(cutaway.root)
    terminal.wait("web ● running")
    terminal.press("4", "l")
    terminal.wait("following · 308 lines", " all done", "␛]0;title␇", r"┃refused 300")
    assert "20 %" not in terminal.screen
    # In a colour of its own, whichever the terminal has for green.
    colours = dict(re.findall(r"\x1b\[38;5;(\d+)m(?:\x1b\[[\d;]*m)* ?(all done|GET /page/300)", terminal.styled))
    assert sorted(colours.values()) == ["GET /page/300", "all done"]

    terminal.press("/")
    terminal.type("refused 1")
    terminal.press("Enter")
    terminal.wait("┃refused 100", "1 of 2 with", r"paused, \d+ more below")
    terminal.press("n")
    terminal.wait("┃refused 150", "2 of 2 with")

    # Lines chosen by keys go where the terminal's program takes them: here tmux.
    terminal.press("v", "k")
    terminal.wait("2 lines selected")
    terminal.press("y")
    terminal.wait("Copied 2 lines")
    assert terminal._tmux("show-buffer") == "GET /page/150\nrefused 150"
    terminal.press("Escape")
    terminal.wait("2 of 2 with", without="selected")

    terminal.press("f")
    terminal.type("!GET")
    terminal.press("Enter")
    terminal.wait("8 of 308 lines without “GET”", "┃refused 50", "┃refused 300")
    terminal.press("S")
    terminal.wait("Save 8 lines", r"grep -v -F GET")
    terminal.press("C-u")
    terminal.wait("a file's name is needed")
    terminal.type(str(tmp_path / "saved.log"))
    terminal.press("Enter")
    terminal.wait("✓ done", without="Save 8 lines")
    saved = (tmp_path / "saved.log").read_bytes()
    logs = subprocess.run(
        cutaway.command("logs", "web"), env=cutaway.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        check=True,
    ).stdout  # fmt: skip
    assert saved == b"".join(line for line in logs.splitlines(keepends=True) if b"GET" not in line)

    terminal.press("Escape")  # out of the search, then of the filter
    terminal.wait("8 of 308 lines without “GET” · ┃ stderr")
    terminal.press("Escape")
    terminal.wait("308 lines", without="without “GET”")
    terminal.press("T")
    terminal.wait("Show the output of", "6 +the last 100 lines")
    terminal.press("6")
    terminal.wait("following · 100 lines from the last 100 on", r"logs -f --tail 100 web")
    terminal.press("0", "f")
    terminal.type("!GET")
    terminal.press("Enter")
    terminal.wait("8 of 308 lines without “GET”")
    terminal.press("m")
    terminal.wait("Show web merged with", r"\[ \] db")
    terminal.press("Space")
    terminal.wait(r"\[x\] db")
    terminal.press("Enter")
    terminal.wait("9 of 309 lines without “GET”", "db +database is up", "logs -f --names")  # the filter stays
    terminal.press("Escape")
    terminal.wait("309 lines", "web  ?all done", without="without “GET”")
    terminal.press("T")
    terminal.wait("Show the output of")
    terminal.press("2")
    terminal.wait("309 lines since", "logs -f --names")
    terminal.press("g")
    terminal.wait("db +database is up", "web +GET /page/1 ")
    terminal.press("q")
    terminal.wait(r"\[ended 0\]")
