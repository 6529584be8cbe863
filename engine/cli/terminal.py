"""A container in the foreground: its streams on ours, and signals passed on."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from types import FrameType
from typing import Any

from engine import (
    Attachment,
    ContainerSummary,
    ContainerUnknown,
    CutawayError,
    Draft,
    Job,
    Status,
    Workbench,
)
from engine.cli.console import narrate

_OURS = "KILL STOP CHLD PIPE URG TTIN TTOU WINCH XFSZ XCPU SEGV BUS FPE ILL TRAP ABRT SYS"
"""What nobody can catch, what tells of our own children, pipes, terminal and limits, and our own faults."""
_PASSED_ON = tuple(signal.valid_signals() - {getattr(signal, f"SIG{name}") for name in _OURS.split()})
_ASK_TO_END = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def foreground(
    workbench: Workbench,
    container: ContainerSummary | Draft,
    *,
    new: bool,
    detach_keys: str,
    sig_proxy: bool = True,
    with_stdin: bool = True,
) -> int:
    """Run (`new`) or attach to a container, or launch a draft, on this process's own streams; returns its exit code, 0
    if detached. Of one with --restart the last run's, which is waited for, and the first one's output, as podman.

    With a terminal of its own, ours is a plain wire to it. Where one of the two is none, signals that reach us go to
    the container, as podman's --sig-proxy does.
    """
    if isinstance(container, Draft):
        asked, comes_back = container.options.interactive, container.options.comes_back
    else:
        asked, comes_back = container.interactive, container.restart
    interactive = with_stdin and (asked or not new)
    wired = container.terminal and interactive and sys.stdin.isatty()
    if wired and detach_keys:
        narrate(f"{container.name}: {detach_keys.replace(',', ' ')} detaches, the container goes on")
    stdin = sys.stdin.fileno() if interactive else None
    attachment = Attachment(stdin, sys.stdout.fileno(), sys.stderr.fileno(), detach_keys)
    sys.stdout.flush()

    def act(job: Job) -> int | None:
        if isinstance(container, Draft):
            code = workbench.launch(container, job, to=attachment, keep=True)
        else:
            code = (workbench.run if new else workbench.attach)(container.id, attachment, job)
        return code if code is None or not comes_back else workbench.wait(container.id, job.token)

    with ExitStack() as stack:

        def prepare(job: Job) -> None:
            if wired:
                stack.enter_context(ending(job))
            elif sig_proxy:
                stack.enter_context(_signals(workbench, container.id, job, time.time() if new else 0.0))

        code = workbench.jobs.run(f"run {container.name}", act, prepare=prepare)
    if code is None:
        name = workbench.container(container.id).name
        narrate(f"detached; it goes on as {name}:  cutaway attach {name}")
        return 0
    return code


def warn_without_terminal() -> None:
    """Say, in podman's words, that `-it` has no terminal to connect with: what comes in goes to the container's."""
    if not sys.stdin.isatty():
        narrate("The input device is not a TTY. The --tty and --interactive flags might not work properly")


def ending(job: Job) -> AbstractContextManager[None]:
    """While our terminal is a wire: being told to end leaves the container alone, and gives the terminal back."""
    return _handling((signal.SIGTERM, signal.SIGHUP), lambda number: job.cancel())


def _signals(workbench: Workbench, container: str, job: Job, since: float) -> AbstractContextManager[None]:
    """Signals go to the container; before it runs they end what starts it. A paused one does nothing about them: the
    second that asks it to end ends us alone."""
    waits = False  # a signal, for it to go on

    def pass_on(number: int) -> None:
        nonlocal waits
        asks_to_end = number in _ASK_TO_END
        status = _status(workbench, container) if asks_to_end else None
        if status is Status.CREATED:  # it has not begun: what would end is runc, in the middle of its start
            job.cancel()
            return
        if paused := status is Status.PAUSED:
            if waits:
                job.cancel()
                return
            waits = True
        try:
            workbench.jobs.run(f"kill {container}", lambda own: workbench.kill(container, own, signal=str(number)))
        except CutawayError:
            if asks_to_end and not _runs(workbench, container, since):
                job.cancel()
        else:
            if paused:
                narrate("it is paused, and gets the signal when it goes on; another one ends this attachment alone")

    return _handling(_PASSED_ON, pass_on)


def _status(workbench: Workbench, container: str) -> Status | None:
    try:
        return workbench.container(container).status
    except ContainerUnknown:
        return None


def _runs(workbench: Workbench, container: str, since: float) -> bool:
    """False before it is started, which it is not before `since`, and where it is started again."""
    try:
        found = workbench.container(container)
    except ContainerUnknown:  # not made yet
        return False
    return bool(found.pid) or (not found.restart and found.started is not None and found.started >= since)


@contextmanager
def _handling(numbers: Iterable[int], act: Callable[[int], None]) -> Iterator[None]:
    def handle(number: int, frame: FrameType | None) -> None:
        # Not in this frame: it may have interrupted code that holds a lock the engine wants.
        threading.Thread(target=act, args=(number,), daemon=True).start()

    previous: dict[int, Any] = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
