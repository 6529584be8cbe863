"""Where peers have their things, what they leave behind, and how it goes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

_PATIENCE = 30.0  # seconds


def podman_home() -> Path:
    """A directory for podman's storage, on a short path, as there are sockets in it; in memory where the tests' files
    are (scripts/test.sh): on a disk podman unpacks an image in half as much time again."""
    return Path(tempfile.mkdtemp(prefix="podman-", dir=os.environ.get("CUTAWAY_TESTS_MEMORY", "/tmp")))


def remove_podmans(home: Path) -> None:
    """Remove podman's storage at `home`/root, after the clean-ups that its conmons began: they would make it anew.

    podman 4.3 now and then forgets the control groups of one that is removed while it is being cleaned up.
    """
    containers = _containers(home)
    deadline = time.monotonic() + _PATIENCE
    while home.exists() or _at_work(home):
        subprocess.run(["umount", home / "root/overlay"], capture_output=True, check=False)
        try:
            if not _at_work(home) and home.exists():
                shutil.rmtree(home)
        except OSError:
            if time.monotonic() > deadline:
                raise
        assert time.monotonic() < deadline, f"somebody is still at work in {home}"
        time.sleep(0.1)
    for number in containers:
        for group in Path("/sys/fs/cgroup").glob(f"*/libpod_parent/libpod-{number}"):
            group.rmdir()


def _containers(home: Path) -> set[str]:
    """The ids of every container that podman made, where it was told to write its events down."""
    events = home / "events"
    lines = events.read_text().splitlines() if events.exists() else []
    return {event["ID"] for event in map(json.loads, lines) if event["Type"] == "container"}


def _at_work(home: Path) -> bool:
    """Whether a process has the directory in its command line."""
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if str(home).encode() in entry.read_bytes():
                return True
    return False
