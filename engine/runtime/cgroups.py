"""A container's control groups, where runc cannot clear them up: it was killed before it wrote down its work."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from engine.walking import entries

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
        for place, name in _inside(group):
            _thaw(place, name)
    for group in groups:
        _clear_one(group)


def processes(path: str, container_id: str) -> list[int]:
    """The ids of the processes in the container's groups and those below."""
    return sorted({pid for group in _groups(path, container_id) for pid in processes_in(group)})


def processes_in(group: Path) -> Iterator[int]:
    """The ids of the processes in a group and those below it; some may be told twice."""
    for place, name in _inside(group):
        yield from map(int, _procs(place, name))


def _inside(group: Path) -> Iterator[tuple[int, str]]:
    """A group, after all that are below it, however deeply its container has nested them: an open directory, and the
    name that it has there."""
    try:
        top = os.open(group, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return
    try:
        for place, name, is_directory in entries(top, lambda error: None):
            if is_directory:
                yield place, name
        yield top, "."
    finally:
        os.close(top)


def _opened(place: int, name: str, file: str, flags: int) -> int:
    return os.open(f"{name}/{file}", flags | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=place)


def _procs(place: int, name: str) -> list[str]:
    try:
        with open(_opened(place, name, "cgroup.procs", os.O_RDONLY)) as file:
            return file.read().split()
    except OSError:
        return []


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
        for place, name in _inside(group):
            _kill_all(place, name)
            with suppress(OSError):
                os.rmdir(group if name == "." else name, dir_fd=None if name == "." else place)
        if not group.exists() or time.monotonic() > deadline:
            return
        time.sleep(_PAUSE)


def _thaw(place: int, name: str) -> None:
    """What is frozen does not die."""
    for file, word in (("freezer.state", b"THAWED"), ("cgroup.freeze", b"0")):
        with suppress(OSError):
            handle = _opened(place, name, file, os.O_WRONLY)
            try:
                os.write(handle, word)
            finally:
                os.close(handle)


def _kill_all(place: int, name: str) -> None:
    for pid in _procs(place, name):
        with suppress(OSError):
            handle = os.pidfd_open(int(pid))
            try:
                # The number may have been given to another process since: look again while we hold it.
                if pid in _procs(place, name):
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
            finally:
                os.close(handle)
