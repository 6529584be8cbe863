"""A container's control groups, where runc cannot clear them up: it was killed before it wrote down its work."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path, PurePosixPath

_BASE = Path("/sys/fs/cgroup")
_PATIENCE = 2.0  # seconds for killed processes to be gone
_PAUSE = 0.01


def configured_path(config: Path) -> str:
    """`linux.cgroupsPath` of a config.json; "" where it has none or cannot be read."""
    try:
        path = json.loads(config.read_bytes())["linux"]["cgroupsPath"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""
    return path if isinstance(path, str) else ""


def clear(path: str, container_id: str) -> None:
    """Kill what is in the container's groups, of every hierarchy, and remove them. Does what it can."""
    groups = _groups(path, container_id)
    for group in groups:  # all of them first: of version 1, one freezes, and in the others what it froze does not die
        for directory, _, _ in os.walk(group):
            _thaw(Path(directory))
    for group in groups:
        _clear_one(group)


def processes(path: str, container_id: str) -> list[int]:
    """The ids of the processes in the container's groups and those below."""
    found: set[int] = set()
    for group in _groups(path, container_id):
        for directory, _, _ in os.walk(group):
            with suppress(OSError):
                found.update(map(int, Path(directory, "cgroup.procs").read_text().split()))
    return sorted(found)


def _groups(path: str, container_id: str) -> list[Path]:
    """The container's groups that are there.

    Only an absolute path whose last part names the container counts: config.json is the user's, and could
    say "/", where everything on this host is.
    """
    pure = PurePosixPath(path)
    if not pure.is_absolute() or ".." in pure.parts or container_id not in pure.name:
        return []
    inner = str(pure).lstrip("/")
    places = [_BASE / inner, *(entry / inner for entry in _BASE.iterdir() if entry.is_dir())]
    return [group for group in places if (group / "cgroup.procs").exists()]


def _clear_one(group: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        for directory, _, _ in os.walk(group, topdown=False):
            _kill_all(Path(directory))
            with suppress(OSError):
                os.rmdir(directory)
        if not group.exists() or time.monotonic() > deadline:
            return
        time.sleep(_PAUSE)


def _thaw(group: Path) -> None:
    """What is frozen does not die."""
    for name, word in (("freezer.state", "THAWED"), ("cgroup.freeze", "0")):
        with suppress(OSError):
            (group / name).write_text(word)


def _kill_all(group: Path) -> None:
    with suppress(OSError):
        for pid in (group / "cgroup.procs").read_text().split():
            handle = os.pidfd_open(int(pid))
            try:
                # The number may have been given to another process since: look again while we hold it.
                if pid in (group / "cgroup.procs").read_text().split():
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
            finally:
                os.close(handle)
