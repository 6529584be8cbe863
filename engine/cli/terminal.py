"""A container in the foreground: its streams on ours, the terminal in raw mode, signals and sizes passed on."""

from __future__ import annotations

import shutil
import signal
import sys
import termios
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from engine import Attachment, ContainerSummary, CutawayError, UsageError, Workbench
from engine.cli.console import narrate

DETACHED = -1
_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


def foreground(workbench: Workbench, container: ContainerSummary, *, new: bool) -> int:
    """Run (`new`) or attach to a container on this process's own streams; returns its exit code, 0 if detached.

    With a terminal of its own, ours becomes a plain wire to it (raw mode) and is restored whatever happens.
    Without one, signals that reach us go to the container, as podman's --sig-proxy does.
    """
    interactive = container.interactive or not new
    ours = sys.stdin.isatty()
    if container.terminal and interactive and new and not ours:
        raise UsageError("-it needs a terminal on stdin", hint="Leave -t away, or run it in a terminal.")
    attachment = Attachment(sys.stdin.fileno() if interactive else None, sys.stdout.fileno(), sys.stderr.fileno())
    sys.stdout.flush()
    act = workbench.run if new else workbench.attach
    with _terminal(workbench, container.id) if container.terminal and ours else _signals(workbench, container.id):
        code = workbench.jobs.run(f"run {container.name}", lambda job: act(container.id, attachment, job))
    if code == DETACHED:
        narrate(f"detached; it goes on as {container.name}:  cutaway attach {container.name}")
        return 0
    return code


@contextmanager
def _terminal(workbench: Workbench, container: str) -> Iterator[None]:
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)

    def resize(number: int | None = None, frame: FrameType | None = None) -> None:
        size = shutil.get_terminal_size()
        try:
            workbench.resize(container, size.lines, size.columns)
        except CutawayError:
            pass  # it has ended, or is not up yet: it is told again at the next change

    previous = signal.signal(signal.SIGWINCH, resize)
    tty.setraw(descriptor)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
        signal.signal(signal.SIGWINCH, previous)


@contextmanager
def _signals(workbench: Workbench, container: str) -> Iterator[None]:
    def pass_on(number: int, frame: FrameType | None) -> None:
        def send() -> None:
            try:
                workbench.jobs.run(
                    f"kill {container}", lambda job: workbench.kill(container, job, signal=str(number))
                )
            except CutawayError:
                pass  # it has not started, or has just ended

        # Not in this frame: it may have interrupted code that holds a lock the engine wants.
        threading.Thread(target=send, daemon=True).start()

    previous: dict[int, Any] = {number: signal.signal(number, pass_on) for number in _PASSED_ON}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
