"""Into containers and back, by keys in a real terminal: whatever happens in there, the screen is there again."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Cutaway
from tmux import Terminal
from waiting import until

pytestmark = [pytest.mark.root, pytest.mark.screen]

DEMO = "localhost/cutaway/demo:latest"
MODES = "printf '\\033[?1049h\\033[?1000h\\033[?1006h\\033[?25l\\033[?2004h\\033[5;9r'"
"""What a full-screen program does to a terminal."""


@pytest.fixture
def terminal(tmp_path: Path, cutaway: Cutaway) -> Iterator[Terminal]:
    made = Terminal(tmp_path, 80, 24)
    yield made
    made.close()


def modes(terminal: Terminal) -> str:
    """Other screen, cursor, mouse and scrolling region, as tmux knows them."""
    names = ("alternate_on", "cursor_flag", "mouse_any_flag", "scroll_region_upper", "scroll_region_lower")
    return terminal._tmux("display-message", "-p", " ".join(f"#{{{name}}}" for name in names)).strip()


def pid_of_screen(cutaway: Cutaway) -> int:
    asked = subprocess.run(["pgrep", "-f", f"tui --root {cutaway.root}$"], capture_output=True, text=True, check=True)
    (pid,) = map(int, asked.stdout.split())
    return pid


def test_a_shell_and_back_and_what_a_killed_program_leaves(terminal: Terminal, cutaway: Cutaway) -> None:
    cutaway("run", "-d", "--name", "box", "--network=host", DEMO, "sleep", "600")
    terminal.cutaway(cutaway.root)
    terminal.wait("box ● running", r"\[3\] Con")

    terminal.press("s")
    terminal.wait(r"exec -it box /bin/sh", "ctrl-p ctrl-q brings you back", r"(?m)^# ?$")
    terminal.type("echo in-$((40+2)); exit 3")
    terminal.press("Enter")
    terminal.wait("✗ ended with 3", "box ● running")

    terminal.press("s")
    terminal.wait(r"(?m)^# ?$")
    terminal.type("sleep 500")
    terminal.press("Enter", "C-p", "C-q")
    terminal.wait("✓ detached, it goes on", "box ● running")
    assert "sleep 500" in cutaway.out("top", "box")

    # A program that has taken the whole screen, and is killed with its container.
    terminal.press("s")
    terminal.wait(r"(?m)^# ?$")
    terminal.type(f"{MODES}; echo full")
    terminal.press("Enter")
    terminal.wait("full")
    cutaway("kill", "box")
    terminal.wait("✗ ended with 137", "box ○ exited 137")
    terminal.press("s")
    terminal.wait("Not now: box is exited")
    terminal.press("q")
    terminal.wait(r"\[ended 0\]", "exec -it box")
    assert modes(terminal) == "0 1 0 0 23"


def test_attach_and_run_in_the_terminal_and_its_size(terminal: Terminal, cutaway: Cutaway) -> None:
    cutaway("run", "-d", "-i", "-t", "--name", "term", "--network=host", DEMO, "sh")
    terminal.cutaway(cutaway.root)
    terminal.wait("term ● running", r"\[3\] Con")
    terminal.press("a")
    terminal.wait("ctrl-p ctrl-q brings you back, and term goes on")
    terminal.type("echo size-$(tput cols 2>/dev/null || echo none); echo here-$((1+1))")
    terminal.press("Enter")
    terminal.wait("here-2")
    terminal.press("C-p", "C-q")
    terminal.wait("✓ detached", "term ● running", "here-2")  # and it stands in the Output tab

    # A shell in a new container of the image; when it ends there is nothing left of it.
    terminal.press("1", "s")
    terminal.wait("and it goes on as demo-1", r"(?m)^# ?$")
    terminal.type("exit")
    terminal.press("Enter")
    terminal.wait("✓ ended with 0", r"\[1\] Images")
    assert [c["name"] for c in cutaway.json("ps", "-a", "--json")] == ["term"]

    # Being told to end while somebody is in a shell: the container goes on, the terminal is as it was.
    terminal.press("4", "s")
    terminal.wait("exec -it term", r"(?m)^# ?$")
    os.kill(pid_of_screen(cutaway), signal.SIGTERM)
    terminal.wait(r"\[ended 143\]")
    assert modes(terminal) == "0 1 0 0 23"
    assert cutaway.json("ps", "--json")[0]["status"] == "running"
    until(lambda: cutaway.out("top", "term", "args").split("\n")[1:] == ["sh"], lambda: cutaway.out("top", "term"))
    terminal.run("sh", "-c", "stty -a")
    terminal.wait(lambda screen: re.search(r"(?<!-)icanon", screen) and re.search(r"(?<!-)echo\b", screen))

    # Killed while somebody is in a shell: that ends, with what it runs, and nothing of it is left.
    terminal.cutaway(cutaway.root)
    terminal.wait("term ● running", r"\[3\] Con")
    terminal.press("s")
    terminal.wait(r"(?m)^# ?$")
    terminal.type("sleep 500")
    terminal.press("Enter")
    until(lambda: "sleep 500" in cutaway.out("top", "term"))
    os.kill(pid_of_screen(cutaway), signal.SIGKILL)
    until(lambda: cutaway.out("top", "term", "args").split("\n")[1:] == ["sh"], lambda: cutaway.out("top", "term"))
    until(lambda: not list(cutaway.run.rglob("exec-*")))
    assert cutaway.json("ps", "--json")[0]["status"] == "running"


def test_no_shell_is_said(terminal: Terminal, cutaway: Cutaway, rootfs_dir: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(rootfs_dir, bare, symlinks=True)
    for name in ("sh", "bash", "busybox"):
        (bare / "bin" / name).unlink(missing_ok=True)
    cutaway("run", "-d", "--name", "bare", "--network=host", "--rootfs", str(bare), "sleep", "600")
    terminal.cutaway(cutaway.root)
    terminal.wait("bare ● running", r"\[3\] Con")
    terminal.press("s")
    terminal.wait("bare has no shell: none of /bin/bash")
