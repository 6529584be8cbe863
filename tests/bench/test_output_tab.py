"""The Output tab under half a million lines as fast as runc can write, in the real program in a real terminal."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Cutaway
from terminal import Terminal

pytestmark = [pytest.mark.bench, pytest.mark.root, pytest.mark.screen]

LINES = 500_000
DEMO = "localhost/cutaway/demo:latest"
MEMORY = 150_000_000  # bytes, resident
KEY = 0.050  # seconds, 99 of 100


@pytest.fixture
def terminal(tmp_path: Path, cutaway: Cutaway, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.setenv("CUTAWAY_RUN", str(cutaway.run))
    cutaway("demo")
    made = Terminal(tmp_path, 120, 36)
    yield made
    made.close()


class Keys:
    """How long it takes from a key until the screen says otherwise, seen through tmux."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self.times: list[float] = []

    def press(self, key: str, answer: str) -> None:
        """Press, and wait for the answer on the lower edge."""
        began = time.monotonic()
        self._terminal.press(key)
        while not re.search(answer, self._terminal.screen):
            assert time.monotonic() < began + 10, f"{key} was not answered with {answer}:\n{self._terminal.screen}"
        self.times.append(time.monotonic() - began)

    @property
    def slowest(self) -> float:
        """Of 99 in 100."""
        return sorted(self.times)[int(len(self.times) * 0.99)]

    @property
    def told(self) -> str:
        return f"median {statistics.median(self.times) * 1000:.0f} ms, 99 of 100 within {self.slowest * 1000:.0f} ms"


def resident(pid: int) -> int:
    """Bytes of a process that are in memory (proc_pid_status(5))."""
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


def overhead(terminal: Terminal) -> float:
    """Seconds that a look through tmux takes: what no key can be faster than here."""
    began = time.monotonic()
    for _ in range(20):
        terminal.screen  # noqa: B018
    return (time.monotonic() - began) / 20


def test_half_a_million_lines(terminal: Terminal, cutaway: Cutaway, capsys: pytest.CaptureFixture[str]) -> None:
    # Quiet at first, for what keys take here without any output; then as fast as it goes.
    script = f"while [ ! -e /go ]; do sleep 0.1; done; seq -f 'line %.0f of the output' 1 {LINES}; sleep 600"
    cutaway("run", "-d", "--name", "loud", "--network=host", DEMO, "sh", "-c", script)
    terminal.cutaway(cutaway.root)
    terminal.wait("loud ● running", r"\[3\]")
    terminal.press("l")
    terminal.wait("following")
    asked = subprocess.run(["pgrep", "-f", f"tui --root {cutaway.root}$"], capture_output=True, text=True, check=True)
    pid = int(asked.stdout)
    quiet, keys = Keys(terminal), Keys(terminal)
    cutaway("exec", "loud", "sh", "-c", "seq 1 100 > /proc/1/fd/1")
    terminal.wait("following · 100 lines")
    for _ in range(50):
        quiet.press("k", "paused")
        quiet.press("G", "following")
    cutaway("exec", "loud", "touch", "/go")
    began = time.monotonic()
    while not (done := re.search(rf"{LINES + 100:,} lines", terminal.screen)) and time.monotonic() < began + 300:
        keys.press("k", "paused")
        keys.press("G", "following")
    seconds = time.monotonic() - began
    assert done, terminal.screen
    terminal.wait(rf"line {LINES} of the output", rf"following · {LINES + 100:,} lines")
    for number in (1, LINES // 2, LINES):
        terminal.press("/")
        terminal.wait("search:")
        terminal.type(f"line {number} of")
        terminal.press("Enter")
        terminal.wait(rf"(?m)\d\d:\d\d:\d\d  line {number} of the output", r"1 of 1 with", seconds=120)
        terminal.press("Escape")
        terminal.wait("paused", without=" with “")
    memory, look = resident(pid), overhead(terminal)
    terminal.press("q")
    terminal.wait(r"\[ended 0\]")  # so that nothing is on the measurement's own ground any more
    with capsys.disabled():
        print(f"\n{LINES:,} lines in {seconds:.1f} s, {memory / 1e6:.0f} MB resident at most")
        for name, each in (("before", quiet), ("meanwhile", keys)):
            print(f"  keys {name:10} {len(each.times):5}: {each.told}")
        print(f"  (a look through tmux takes {look * 1000:.0f} ms; load {os.getloadavg()[0]:.1f})")
    assert memory < MEMORY
    assert keys.slowest < KEY + look
