"""Terminals of every kind: those that cannot draw get a line, those that nobody knows get a screen; any size, while it
changes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import pytest
from pseudo_terminal import PseudoTerminal

CHECKOUT = Path(__file__).parents[2]


def _program(tmp_path: Path, screen: PseudoTerminal, *, own: bool = False, **variables: str) -> subprocess.Popen[bytes]:
    """`own`: it is the terminal of the program's session, whose end is told by a signal."""
    environment = {name: value for name, value in os.environ.items() if name not in ("TERM", "NO_COLOR", "COLORTERM")}
    environment |= {"PYTHONPATH": str(CHECKOUT), "CUTAWAY_RUN": str(tmp_path / "run"), **variables}
    command = [sys.executable, "-m", "tui", "--root", str(tmp_path / "data")]
    if own:
        command = ["setsid", "--ctty", *command]
    return subprocess.Popen(
        command,
        env=environment,
        start_new_session=not own,
        stdin=screen.inside,
        stdout=screen.inside,
        stderr=screen.inside,
    )


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_terminal_that_cannot_draw_gets_a_clear_line(tmp_path: Path, term: str) -> None:
    screen = PseudoTerminal()
    running = _program(tmp_path, screen, **({"TERM": term} if term else {}))
    screen.wait_for(b"cannot be drawn on this terminal", 60)
    screen.wait_for(b"cutaway --help", 60)
    assert running.wait(60) == 1
    assert b"\x1b[" not in screen.seen
    screen.close()


@pytest.mark.parametrize(
    ("variables", "never"),
    [
        ({"TERM": "nobody-knows-this"}, b"Traceback"),
        ({"TERM": "xterm", "NO_COLOR": "1"}, rb"\x1b\[[0-9;]*\b[349][0-8][;m]"),  # no colour at all, but 39 and 49
        ({"TERM": "vt100"}, b"Traceback"),
    ],
)
def test_a_terminal_that_nobody_knows_gets_a_screen(tmp_path: Path, variables: dict[str, str], never: bytes) -> None:
    screen = PseudoTerminal()
    screen.resize(24, 80)
    running = _program(tmp_path, screen, **variables)
    try:
        screen.wait_for(b"A container is an image", 60)
        screen.type(b"q")
        screen.wait_for(b"\x1b[?1049l", 60)  # the other screen is given back
        assert running.wait(60) == 0
        assert not re.search(never, screen.seen)
    finally:
        if running.poll() is None:
            running.kill()
        screen.close()


@pytest.mark.parametrize(
    ("own", "code"),
    [
        pytest.param(False, 128 + signal.SIGTERM, id="without a signal"),
        pytest.param(True, -signal.SIGHUP, id="its own, which the kernel tells it"),
    ],
)
def test_a_terminal_that_goes(tmp_path: Path, own: bool, code: int) -> None:
    """Nothing is left to be put back."""
    screen = PseudoTerminal()
    screen.resize(24, 80)
    running = _program(tmp_path, screen, own=own, TERM="xterm-256color")
    try:
        try:
            screen.wait_for(b"A container is an image", 60)
        finally:
            screen.close()
        assert running.wait(60) == code
    finally:
        running.kill()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_told_to_end_it_leaves_the_terminal_as_it_was(tmp_path: Path, number: signal.Signals) -> None:
    screen = PseudoTerminal()
    screen.resize(24, 80)
    before = termios.tcgetattr(screen.inside)
    running = _program(tmp_path, screen, TERM="xterm-256color")
    try:
        screen.wait_for(b"A container is an image", 60)
        assert termios.tcgetattr(screen.inside) != before
        running.send_signal(number)
        screen.wait_for(b"\x1b[?1049l", 60)
        assert running.wait(60) == 128 + number
        assert termios.tcgetattr(screen.inside) == before
    finally:
        running.kill()
        screen.close()


async def test_any_size_while_it_changes(bench: Any) -> None:
    async with bench(size=(120, 36)) as screen:
        await screen.wait("A container is an image", "no jobs")
        for width, height in ((60, 18), (300, 100), (80, 24), (20, 6), (119, 36), (120, 36)):
            await screen.pilot.resize_terminal(width, height)
            measures = (height, width)
            await screen.wait(lambda text, wanted=measures: (text.count("\n") + 1, text.index("\n")) == wanted)
            if width >= 60:
                await screen.wait("help", "quit")
            await screen.press("4", "1")
        await screen.wait(r"\[1\] Images", r"\[2\] Layers", r"\[4\] Containers")
