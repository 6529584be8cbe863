"""What the peers leave behind, and how it goes."""

from __future__ import annotations

import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path

_PATIENCE = 30.0  # seconds


def remove_podmans(home: Path) -> None:
    """Remove podman's storage at `home`/root, after the clean-ups that its conmons began: they would make it anew."""
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


def _at_work(home: Path) -> bool:
    """Whether a process has the directory in its command line."""
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if str(home).encode() in entry.read_bytes():
                return True
    return False
