"""The journal of what the engine did: each step with the command that a person would type for it.

Steps are kept as JSON lines: `traces/<manifest>.jsonl` for what made an image, `containers/<id>/trace.jsonl`
for a container. Secrets never enter a step: callers build commands from public parts alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from enum import Enum
from pathlib import Path

import msgspec

from engine.text import as_json


class StepKind(Enum):
    """What a step worked on."""

    REQUEST = "request"
    LAYER = "layer"
    STORE = "store"
    MOUNT = "mount"
    CONFIG = "config"
    RUNTIME = "runtime"
    NETWORK = "network"


class Step(msgspec.Struct, frozen=True):
    """One thing the engine did.

    `time` is seconds since the epoch, `duration` seconds. `command` is a POSIX shell line that does the same
    by hand, `detail` what came of it, `peer` the line of podman, buildah, skopeo or conmon that covers it (may be
    empty), `failure` the error if it failed.
    """

    time: float
    duration: float
    kind: StepKind
    command: str
    detail: str = ""
    peer: str = ""
    failure: str = ""


_FIELDS = frozenset(Step.__struct_fields__)


def append(path: Path, steps: Iterable[Step]) -> None:
    """Add steps to a journal file. A torn last line from a crash is closed first, so it costs only itself."""
    lines = [as_json(step) + b"\n" for step in steps]
    if not lines:
        return
    with path.open("ab+") as file:
        torn = False
        if file.tell():
            file.seek(-1, 2)
            torn = file.read(1) != b"\n"
        file.write(b"\n" * torn + b"".join(lines))


def read(path: Path) -> list[Step]:
    """The steps in a journal file; lines that cannot be read (a crash tore them) are left out. No file: no steps."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return []
    steps = []
    for line in raw.splitlines():
        try:
            record = {key: value for key, value in json.loads(line).items() if key in _FIELDS}
            steps.append(Step(**{**record, "kind": StepKind(record["kind"])}))
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
    return steps
