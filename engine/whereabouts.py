"""Which runtime directory the containers of a data directory are in.

$CUTAWAY_RUN chooses it, and may be another one in the next shell; but as long as something is in the one that was
chosen first, every process has to look there: elsewhere a running container looks like one that has ended. So the data
directory has it on record, with the boot for which that counts (random(4), boot_id).
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from engine.digest import sha256
from engine.text import as_json

RECORD = ".run"
"""In the data directory: {"boot": …, "directory": …}."""

_BOOT = Path("/proc/sys/kernel/random/boot_id")


def run_directory(data: Path) -> Path:
    """Where runc's state, sockets and pid files of a data directory's containers are. Short, for sockets' 107 bytes.

    The name in it tells data directories apart, so that a copy of one does not get at the containers of the other.
    """
    name = sha256(os.fsencode(data.resolve())).hexdigest()[:10]
    bound = _on_record(data)
    if bound is not None and bound.name == name and _in_use(bound):
        return bound
    return Path(os.environ.get("CUTAWAY_RUN", "/run/cutaway")).absolute() / name


def as_record(directory: Path) -> bytes:
    """What `RECORD` holds for a runtime directory, until the next boot."""
    return as_json({"boot": _boot(), "directory": os.fspath(directory)}) + b"\n"


def _on_record(data: Path) -> Path | None:
    with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        found = json.loads((data / RECORD).read_bytes())
        if found["boot"] == _boot() and (directory := Path(found["directory"])).is_absolute():
            return directory
    return None


def _in_use(directory: Path) -> bool:
    for part in ("runc", "containers", "netns"):
        with suppress(OSError):
            if os.listdir(directory / part):
                return True
    return False


def _boot() -> str:
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return ""
