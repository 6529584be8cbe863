"""A container's output into a file: the lines that are shown, as the program wrote them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine import Job
from tui.files_out import written
from tui.widgets.log_model import LogModel
from tui.widgets.log_search import Pattern

_BATCH = 2000  # lines


@dataclass(frozen=True, slots=True)
class Limits:
    """Which lines of one container are shown. `since` is in seconds since the epoch, as people type it `since_said`."""

    since: float | None = None
    since_said: str = ""
    tail: int | None = None

    @property
    def words(self) -> list[str]:
        """The flags of `logs`."""
        since = ["--since", self.since_said] if self.since is not None else []
        return [*since, *(["--tail", str(self.tail)] if self.tail is not None else [])]


def command(line: str, pattern: Pattern | None, path: str) -> str:
    """The shell's line that makes the same file, from `cutaway logs …`."""
    if pattern is None:
        return f"{line} > {shlex.quote(path)} 2>&1"
    return f"{line} 2>&1 | {shlex.join(pattern.words)} > {shlex.quote(path)}"


def save(model: LogModel, numbers: Sequence[int], path: Path, job: Job) -> None:
    """Write these lines to a file: all of them, or none. Raises UsageError where that cannot be, Cancelled."""
    with written(path) as file:
        for start in range(0, len(numbers), _BATCH):
            job.token.check()
            for line in model.whole(numbers[start : start + _BATCH]):
                label = f"{line.label} | " if line.label else ""
                file.write(f"{label}{line.text}\n".encode("utf-8", "surrogateescape"))
