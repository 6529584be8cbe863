"""The Output tab under half a million lines as fast as runc can write, in the real program on a terminal."""

from __future__ import annotations

import os
import statistics
import time

import pytest
from command_line import Cutaway
from pseudo_terminal import Program, program

pytestmark = [pytest.mark.bench, pytest.mark.root]

LINES = 500_000
ALL = f"{LINES + 100:,} lines".encode()
DEMO = "localhost/cutaway/demo:latest"
MEMORY = 150_000_000  # bytes, resident
KEY = 0.050  # seconds, 99 of 100


def up_and_down(screen: Program) -> list[float]:
    """Seconds until a key that pauses and one that follows again are answered on the lower edge."""
    return [screen.answer(b"k", b" paused"), screen.answer(b"G", b"following")]


def told(seconds: list[float]) -> str:
    return f"median {statistics.median(seconds) * 1000:.0f} ms, 99 of 100 within {slowest(seconds) * 1000:.0f} ms"


def slowest(seconds: list[float]) -> float:
    """Of 99 in 100."""
    return sorted(seconds)[int(len(seconds) * 0.99)]


def test_half_a_million_lines(cutaway: Cutaway, capsys: pytest.CaptureFixture[str]) -> None:
    cutaway("demo")
    # Quiet at first, for what keys take here without any output; then as fast as it goes.
    script = f"while [ ! -e /go ]; do sleep 0.1; done; seq -f 'line %.0f of the output' 1 {LINES}; sleep 600"
    cutaway("run", "-d", "--name", "loud", "--network=host", DEMO, "sh", "-c", script)
    with program(cutaway.command(), cutaway.environment) as screen:
        screen.wait(b"loud")
        screen.idle(1)
        screen.press(b"l")
        screen.idle(1)
        cutaway("exec", "loud", "sh", "-c", "seq 1 100 > /proc/1/fd/1")
        screen.wait(b"100 lines")
        quiet = [seconds for _ in range(50) for seconds in up_and_down(screen)]
        cutaway("exec", "loud", "touch", "/go")
        began, meanwhile = time.monotonic(), list[float]()
        while not screen.shows(ALL) and time.monotonic() < began + 300:
            meanwhile += up_and_down(screen)
        seconds = time.monotonic() - began
        screen.answer(b"k", b" paused")
        screen.answer(b"G", ALL)
        for number in (1, LINES // 2, LINES):
            screen.answer(b"/", b"search:")
            screen.answer(b"line %d of\r" % number, b"1 of 1 with")
            screen.idle(0.2)
            screen.answer(b"\x1b", b"paused")
            screen.idle(0.2)
        memory = screen.resident
    with capsys.disabled():
        print(f"\n{LINES:,} lines in {seconds:.1f} s, {memory / 1e6:.0f} MB resident at most")
        for name, each in (("before", quiet), ("meanwhile", meanwhile)):
            print(f"  keys {name:10} {len(each):5}: {told(each)}, at worst {max(each) * 1000:.0f} ms")
        print(f"  (load {os.getloadavg()[0]:.1f})")
    assert memory < MEMORY
    assert slowest(meanwhile) < KEY
