"""Somebody else has the terminal for a while: a shell in a container, an attachment, a container in the foreground.

The interface is suspended, and what runs has the real terminal. However it ends, what it may have left the terminal in
is put back, and then the screen comes again.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING, Any

from engine import Attachment, CutawayError, Job, Outcome, visible
from tui.text import SIGNS

if TYPE_CHECKING:
    from engine import CancelToken, Workbench
    from tui.bench import Bench

DETACH = "ctrl-p ctrl-q"
"""The engine's detach keys, as they are shown."""

_RESET = (
    "\x1b[?1047l"  # the other screen, where a program that died was on it; not 1049, which also moves the cursor back
    "\x1b[?1000;1002;1003;1004;1006;1015l\x1b[?2004l"  # mouse, focus, pasting
    "\x1b[<u\x1b[>4;0m\x1b[?1l\x1b>"  # keys
    "\x1b[4l\x1b[?5l\x1b[?6l\x1b[?7h\x1b(B\x0f"  # inserting, colours turned about, origin, wrapping, character set
    "\x1b[r\x1b[999;1H"  # scrolling region; then to the last line, for nothing to be written over
    "\x1b[?25h\x1b[m\r\n"
)
"""What undoes the modes of a full-screen program that was killed (xterm's control sequences)."""

_TOLD_TO_END = (signal.SIGTERM, signal.SIGHUP)

Work = Callable[["Workbench", Job, Attachment], int | None]
"""Runs with our terminal; returns the exit code, or None where it was detached from."""


def visit(bench: Bench, title: str, command: str, leaving: Sequence[str], work: Work) -> int | None:
    """Give the terminal to `work` until it ends or is detached from; returns as `work` does.

    `leaving` says, before anybody goes in, how to come back. Raises what `work` raises, UsageError without a terminal;
    the screen is back in any case.
    """
    bench.show_command(command, "…")
    try:
        code = bench.at_terminal(lambda: _there(bench.desk.workbench, title, [f"$ {command}", *leaving], work))
    except CutawayError:
        bench.show_command(command, SIGNS[Outcome.FAILED], good=False)
        raise
    said = "✓ detached, it goes on" if code is None else "✓ ended with 0" if code == 0 else f"✗ ended with {code}"
    bench.show_command(command, said, good=not code)
    return code


def _there(workbench: Workbench, title: str, words: Sequence[str], work: Work) -> int | None:
    stdin, stdout = 0, 1 if os.isatty(1) else 2  # the screen itself is drawn on 2
    before = termios.tcgetattr(stdin) if os.isatty(stdin) else None
    _say(stdout, "\r\n" + "".join(f"{visible(line)}\r\n" for line in words) + "\r\n")
    to = Attachment(stdin, stdout, 2)
    try:
        with _ending() as prepare:
            return workbench.jobs.run(title, lambda job: work(workbench, job, to), prepare=prepare)
    finally:
        _say(stdout, _RESET)
        if before is not None:
            with suppress(termios.error):  # the terminal has gone
                termios.tcsetattr(stdin, termios.TCSAFLUSH, before)


def linger(said: str, to: Attachment, token: CancelToken) -> None:
    """Within a visit: leave in sight what a program wrote, until a key is pressed or the visit has to end."""
    _say(to.stdout, f"{_RESET}{visible(said)}\r\n")
    while to.stdin is not None and not token.cancelled:
        if select.select([to.stdin], [], [], 0.2)[0]:
            return


def _say(handle: int, text: str) -> None:
    sys.stdout.flush()
    with suppress(OSError):
        os.write(handle, text.encode("utf-8", "replace"))


@contextmanager
def _ending() -> Iterator[Callable[[Job], None]]:
    """Being told to end, or ctrl-c where that is a signal and no key, ends the visit and leaves the container alone.

    What tells this program to end does so once more afterwards, as if there had been no visit.
    """
    jobs: list[Job] = []
    told: set[int] = set()

    def handle(number: int, frame: FrameType | None) -> None:
        told.add(number)
        # Not in this frame: it may have interrupted code that holds a lock the engine wants.
        for job in jobs:
            threading.Thread(target=job.cancel, daemon=True).start()

    before: dict[int, Any] = {number: signal.signal(number, handle) for number in (*_TOLD_TO_END, signal.SIGINT)}
    try:
        yield jobs.append
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in told.intersection(_TOLD_TO_END):
            os.kill(os.getpid(), number)
