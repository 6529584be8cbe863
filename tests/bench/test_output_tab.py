"""The Output tab under half a million lines as fast as runc can write, in the real program on a terminal."""

from __future__ import annotations

import os
import statistics
import time
from dataclasses import dataclass

import pytest
from command_line import Cutaway
from pseudo_terminal import Program, program

pytestmark = [pytest.mark.bench, pytest.mark.root]

LINES = 500_000
FLOODS = 3  # each has some hundred keys: of fewer, one in a hundred is chance
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


@dataclass
class Flood:
    """What one of them took: seconds, of the keys before it and meanwhile too, and bytes of memory at most."""

    lasted: float
    quiet: list[float]
    meanwhile: list[float]
    starved: float
    memory: int

    def __str__(self) -> str:
        return (
            f"{LINES:,} lines in {self.lasted:.1f} s, {self.memory / 1e6:.0f} MB resident at most; "
            f"{self.starved:.1f} s of them the screen waited for a processor"
        )


def flood(cutaway: Cutaway, name: str) -> Flood:
    # Quiet at first, for what keys take here without any output; then as fast as it goes.
    script = f"while [ ! -e /go ]; do sleep 0.1; done; seq -f 'line %.0f of the output' 1 {LINES}; sleep 600"
    cutaway("run", "-d", "--name", name, "--network=host", DEMO, "sh", "-c", script)
    with program(cutaway.command(), cutaway.environment) as screen:
        screen.wait(name.encode())
        screen.idle(1)
        screen.press(b"l")
        screen.idle(1)
        cutaway("exec", name, "sh", "-c", "seq 1 100 > /proc/1/fd/1")
        screen.wait(b"100 lines")
        quiet = [seconds for _ in range(25) for seconds in up_and_down(screen)]
        cutaway("exec", name, "touch", "/go")
        began, starved, meanwhile = time.monotonic(), screen.starved, list[float]()
        while not screen.shows(ALL) and time.monotonic() < began + 300:
            meanwhile += up_and_down(screen)
        lasted, starved = time.monotonic() - began, screen.starved - starved
        screen.answer(b"k", b" paused")
        screen.answer(b"G", ALL)
        for number in (1, LINES // 2, LINES):
            screen.answer(b"/", b"search:")
            screen.answer(b"line %d of\r" % number, b"1 of 1 with")
            screen.idle(0.2)
            screen.answer(b"\x1b", b"paused")
            screen.idle(0.2)
        made = Flood(lasted, quiet, meanwhile, starved, screen.resident)
    cutaway("rm", "--force", name)  # it would be the first of the next one's list
    return made


def test_half_a_million_lines(cutaway: Cutaway, capsys: pytest.CaptureFixture[str]) -> None:
    cutaway("demo")
    floods = [flood(cutaway, f"loud-{number}") for number in range(FLOODS)]
    quiet = [seconds for each in floods for seconds in each.quiet]
    meanwhile = [seconds for each in floods for seconds in each.meanwhile]
    with capsys.disabled():
        print("", *floods, sep="\n")
        for name, keys in (("before", quiet), ("meanwhile", meanwhile)):
            print(f"  keys {name:10} {len(keys):5}: {told(keys)}, at worst {max(keys) * 1000:.0f} ms")
        print(f"  (load {os.getloadavg()[0]:.1f})")
    assert max(each.memory for each in floods) < MEMORY
    assert slowest(meanwhile) < KEY
