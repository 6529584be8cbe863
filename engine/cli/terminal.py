"""A container in the foreground: its streams on ours, and signals passed on."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import FrameType
from typing import Any

from engine import Attachment, ContainerSummary, CutawayError, UsageError, Workbench
from engine.cli.console import narrate

_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


def foreground(workbench: Workbench, container: ContainerSummary, *, new: bool) -> int:
    """Run (`new`) or attach to a container on this process's own streams; returns its exit code, 0 if detached.

    With a terminal of its own, ours is a plain wire to it. Without one, signals that reach us go to the container,
    as podman's --sig-proxy does.
    """
    interactive = container.interactive or not new
    wired = container.terminal and interactive
    if wired and not sys.stdin.isatty():
        raise UsageError("-it needs a terminal on stdin", hint="Leave -t away, or run it in a terminal.")
    if wired:
        narrate(f"{container.name}: ctrl-p ctrl-q detaches, the container goes on")
    attachment = Attachment(sys.stdin.fileno() if interactive else None, sys.stdout.fileno(), sys.stderr.fileno())
    sys.stdout.flush()
    act = workbench.run if new else workbench.attach
    with nullcontext() if wired else _signals(workbench, container.id):
        code = workbench.jobs.run(f"run {container.name}", lambda job: act(container.id, attachment, job))
    if code is None:
        narrate(f"detached; it goes on as {container.name}:  cutaway attach {container.name}")
        return 0
    return code


@contextmanager
def _signals(workbench: Workbench, container: str) -> Iterator[None]:
    def pass_on(number: int, frame: FrameType | None) -> None:
        def send() -> None:
            try:
                workbench.jobs.run(f"kill {container}", lambda job: workbench.kill(container, job, signal=str(number)))
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
