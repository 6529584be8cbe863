"""--restart: whether a container that has ended is to be started again.

Two files in its directory say what its record cannot: that a person ended it (`stopped`), and how often it has been
started again since a person started it (`restarts`, in decimal). What ends a loop is that file, or --restart's number.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from engine.events import Status
from engine.runtime.state import LiveState

_STOPPED, _RESTARTS = "stopped", "restarts"


def is_due(policy: str, directory: Path, state: LiveState) -> bool:
    """Whether a container with this `ContainerRecord.restart` in that directory is to be started again.

    Only one that ran, and whose end is on record, is: what cannot be started is not tried again.
    """
    name, _, most = policy.partition(":")
    if not name or state.status is not Status.EXITED or state.exit_code is None or (directory / _STOPPED).exists():
        return False
    return name != "on-failure" or (state.exit_code != 0 and (not int(most or 0) or restarts(directory) < int(most)))


def restarts(directory: Path) -> int:
    """How often it has been started again."""
    try:
        return int((directory / _RESTARTS).read_text())
    except (OSError, ValueError):
        return 0


def count_restart(directory: Path) -> None:
    """To be called before it is started again. Raises OSError: what cannot be counted does not come back."""
    (directory / _RESTARTS).write_text(f"{restarts(directory) + 1}\n")


def leave_alone(directory: Path) -> None:
    """A person ends it: it does not come back. On a full disk it would not anyway (`count_restart`)."""
    with suppress(OSError):
        (directory / _STOPPED).touch()


def begin_anew(directory: Path) -> None:
    """A person starts it."""
    for name in (_STOPPED, _RESTARTS):
        (directory / name).unlink(missing_ok=True)
