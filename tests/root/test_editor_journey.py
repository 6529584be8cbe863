"""config.json from the first edit to the relaunch, by keys alone, in a real terminal with real containers."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tmux import CHECKOUT, Terminal

from engine import Job, Workbench
from engine.disk import DataRoot
from engine.events import ignore

pytestmark = [pytest.mark.root, pytest.mark.screen]

LOOP = """sh -c 'trap "exit 0" TERM; echo {}; while :; do sleep 0.1; done'"""

EDITOR = """#!/bin/sh
echo "your own editor"; sleep 0.2
sed -i 's/"cwd": "."/"cwd": "\\/tmp"/' "$1"
"""


@pytest.fixture
def terminal(tmp_path: Path, data_root: DataRoot) -> Iterator[Terminal]:
    Workbench(data_root.path).demo(Job("demo", ignore))
    made = Terminal(tmp_path, 120, 36)
    yield made
    made.close()


def _start(terminal: Terminal, data_root: DataRoot, **environment: str) -> None:
    terminal.cutaway(data_root.path, **environment)
    terminal.wait("cutaway/demo", "no jobs|running", "root ·")


def _command(terminal: Terminal, line: str) -> None:
    """By the small form: the command as a shell line."""
    terminal.press("C-t")
    terminal.wait("the command, as a shell line")
    terminal.press("a")
    terminal.wait("As a shell reads it")
    terminal.press("C-u")
    terminal.wait("nothing is written")
    terminal.type(line)
    terminal.wait(re.escape(line[-12:]))
    terminal.press("Enter")
    terminal.wait(r"[1-9]\d* edit", without="As a shell reads it")


def test_from_the_first_edit_to_the_relaunch(terminal: Terminal, data_root: DataRoot, tmp_path: Path) -> None:
    program = tmp_path / "my-editor"
    program.write_text(EDITOR)
    program.chmod(0o755)
    _start(terminal, data_root, EDITOR=str(program))
    terminal.press("1", "e")
    terminal.wait("new (container|from)", "no problems", "0 edits", "writing")

    # What runc refuses leads back to the field.
    _command(terminal, "/no/such/program --flag")
    terminal.press("C-l")
    terminal.wait("Launch new container", "Nothing was launched of this image yet")
    terminal.press("Enter")
    terminal.wait(r"✗ +\d+ +\"/no/such/program\"", "could not be launched", r"/process/args/0", without="Launch new")

    # Mended, compared, put back one by one, launched.
    _command(terminal, LOOP.format("first-$((40+2))"))
    terminal.press("C-d")
    terminal.wait("compared with", r"3 differences", "/process/args")
    terminal.press("Right", "Right", "Right")  # generated, bare, podman, docker
    terminal.wait(r"[-+] /process/capabilities/bounding +\"CAP_MKNOD\"")
    terminal.press("Escape")
    terminal.wait("writing", without="compared with")
    terminal.press("C-l")
    terminal.wait("Launch new container")
    terminal.press("C-l")
    terminal.wait("demo-1 ● running", "first-42", without="Launch new container")

    # The container's own config.json, changed for its next start.
    terminal.press("4", "e")
    terminal.wait("in force, read only")
    terminal.press("e")
    terminal.wait("0 edits", "writing")
    _command(terminal, LOOP.format("second-$((40+3))"))
    terminal.press("Escape")
    terminal.wait("reading")
    terminal.press("E")
    terminal.wait(r'"cwd": "/tmp"', r"[2-9] edits")
    terminal.press("C-l")
    terminal.wait("different from the last start of demo-1", r"~ /process/cwd +\"/\" → \"/tmp\"", "second-")
    terminal.press("Enter")
    terminal.wait("demo-1 ● running", "second-43", without="different from")

    terminal.press("q")
    terminal.wait("goes on", r"\[ended 0\]")
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    command = [sys.executable, "-m", "tui", "--root", str(data_root.path), "rm", "-f", "demo-1"]
    subprocess.run(command, env=environment, check=True, capture_output=True)


def test_on_the_terminal_itself_and_what_a_kill_leaves(terminal: Terminal, data_root: DataRoot) -> None:
    _start(terminal, data_root)
    terminal.press("1", "Enter")
    terminal.wait("new (container|from)", "0 edits")
    _command(terminal, "sh -c 'echo who; read x; echo it is $x; exit 3'")
    kept = data_root.path / "drafts"
    terminal.wait(lambda _: any(kept.glob("*.json")))
    os.kill(_pid_of(data_root), signal.SIGKILL)
    terminal.wait(r"\[ended 137\]")

    _start(terminal, data_root)
    terminal.wait("Unsaved work is here again", "new (container|from)")
    terminal.press("Enter")
    terminal.wait(r"u +\d+ +\"echo who; read x", "[1-9] edit", without="Unsaved work")
    terminal.press("C-l")
    terminal.wait("Launch new container")
    terminal.press("a")
    terminal.wait("who", "ctrl-p ctrl-q brings you back", without="Launch new")
    terminal.type("me")
    terminal.press("Enter")
    terminal.wait("demo-1.*exited 3", "ended with 3", "it is me")
    assert not list(kept.glob("*.json"))
    terminal.press("4", "D")
    terminal.wait("Remove demo-1")
    terminal.press("y")
    terminal.wait("none yet")
    terminal.press("q")
    terminal.wait(r"\[ended 0\]")


def _pid_of(root: DataRoot) -> int:
    """The process of the screen on a data directory."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if words[1:3] == [b"-m", b"tui"] and str(root.path).encode() in words:
                return int(entry.name)
    raise AssertionError("the screen does not run")
