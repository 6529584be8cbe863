"""What the peers leave behind, and how it goes."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

_PATIENCE = 30.0  # seconds


def remove_podmans(home: Path) -> None:
    """Remove podman's storage at `home`/root. The clean-ups that its conmons began may still be writing there."""
    deadline = time.monotonic() + _PATIENCE
    while home.exists():
        subprocess.run(["umount", home / "root/overlay"], capture_output=True, check=False)
        try:
            shutil.rmtree(home)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
