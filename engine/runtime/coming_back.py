"""--restart: whether a container that has ended is to be started again, and how soon.

Two files in its directory say what its record cannot: that a person ended it (`stopped`, empty), and what has come of
it since a person started it (`restarts`: how often it has been started again, and how many of those in a row came after
a short run, in decimal). A loop ends by `stopped`, or by the number that --restart has.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from engine.disk import DataRoot
from engine.errors import StoreError
from engine.events import Status
from engine.jobs import CancelToken
from engine.runtime.state import LiveState
from engine.runtime.waiting import CREATED, DELETED, MOVED_HERE, MOVED_SELF, Watch, wait_readable

_STOPPED, _RESTARTS = "stopped", "restarts"

_FIRST, _LONGEST, _LONG_RUN = 0.1, 60.0, 10.0  # seconds, as docker's restart manager has them


def is_due(policy: str, directory: Path, state: LiveState) -> bool:
    """Whether a container with this `ContainerRecord.restart` in that directory is to be started again.

    Only one that ran, and whose end and count can be read, is: what cannot be started is not tried again.
    """
    name, _, most = policy.partition(":")
    if not name or state.status is not Status.EXITED or state.exit_code is None or (directory / _STOPPED).exists():
        return False
    if (done := restarts(directory)) is None:
        return False
    return name != "on-failure" or (state.exit_code != 0 and (not int(most or 0) or done < int(most)))


def restarts(directory: Path) -> int | None:
    """How often it has been started again; None where that cannot be read."""
    counts = _counts(directory)
    return None if counts is None else counts[0]


def _counts(directory: Path) -> tuple[int, int] | None:
    try:
        often, in_a_row = map(int, (directory / _RESTARTS).read_text().split())
    except FileNotFoundError:
        return 0, 0
    except (OSError, ValueError):
        return None
    return (often, in_a_row) if min(often, in_a_row) >= 0 else None


def delay(directory: Path, state: LiveState) -> float:
    """Seconds from its end to its next start: twice as long after each short run, so that what fails at once leaves
    the host, and the record of events, to others."""
    _, in_a_row = (0, 0) if _ran_long(state) else _counts(directory) or (0, 0)
    return min(_LONGEST, _FIRST * 2.0 ** min(in_a_row, 16))


def _ran_long(state: LiveState) -> bool:
    return state.started is not None and state.finished is not None and state.finished - state.started >= _LONG_RUN


def wait(directory: Path, seconds: float, is_still_due: Callable[[], bool]) -> bool:
    """Wait, but no longer than it is due; whether it is then. The caller holds no lock, so that a person can end it."""
    until = time.monotonic() + seconds
    try:
        with Watch(directory, CREATED | DELETED | MOVED_HERE | MOVED_SELF) as watch:
            while is_still_due():  # looked at when the watch has begun: nothing is missed
                left = until - time.monotonic()
                if left <= 0 or not wait_readable([watch.fileno()], CancelToken(), left):
                    return True
                watch.read()
            return False
    except StoreError:  # the directory has gone, or this user has no inotify to spare: only nobody wakes this then
        if is_still_due():
            time.sleep(max(0.0, until - time.monotonic()))
        return is_still_due()


def count_restart(root: DataRoot, directory: Path, state: LiveState) -> None:
    """To be called before it is started again after that end. Raises StoreError: what cannot be counted does not come
    back."""
    often, in_a_row = _counts(directory) or (0, 0)
    root.write(directory / _RESTARTS, f"{often + 1} {1 if _ran_long(state) else in_a_row + 1}\n".encode(), mode=0o600)


def is_beginning(directory: Path, state: LiveState) -> bool:
    """Whether a start after that end has been counted, and is under way where somebody is at work on it."""
    try:
        return state.finished is not None and (directory / _RESTARTS).stat().st_mtime >= state.finished
    except OSError:
        return False


def leave_alone(directory: Path) -> bool:
    """A person ends it: it does not come back. False where that was so before, or cannot be written: on a full disk it
    does not come back anyway (`count_restart`)."""
    try:
        (directory / _STOPPED).touch(exist_ok=False)
    except OSError:
        return False
    return True


def take_back(directory: Path) -> None:
    """A person could not end it after all: undo `leave_alone`."""
    with suppress(OSError):
        (directory / _STOPPED).unlink(missing_ok=True)


def begin_anew(directory: Path) -> None:
    """A person starts it."""
    for name in (_STOPPED, _RESTARTS):
        (directory / name).unlink(missing_ok=True)
