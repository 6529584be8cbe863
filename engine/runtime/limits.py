"""Other limits for a container that is there: `runc update`, and where that fails the kernel has them as before.

runc 1.1 writes one limit after the other, and what it wrote before the one that the kernel refuses stays.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from engine.errors import RuntimeFailed
from engine.jobs import Job
from engine.runtime.record import ContainerRecord
from engine.runtime.runc import Runc, failure
from engine.runtime.state import RuntimeFiles
from engine.text import as_json

_FILES = (
    *("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.soft_limit_in_bytes"),
    *("memory.max", "memory.swap.max", "memory.low"),
    *("cpu.shares", "cpu.cfs_period_us", "cpu.cfs_quota_us", "cpu.max", "cpu.weight"),
    *("cpuset.cpus", "cpuset.mems", "pids.max"),
    *("blkio.weight", "blkio.bfq.weight", "io.weight", "io.bfq.weight"),
)
"""What `runc update` writes for the limits that `update` takes: of version 1, and of 2."""


def update(
    runc: Runc, record: ContainerRecord, files: RuntimeFiles, limits: dict[str, Any], asked: Sequence[str], job: Job
) -> None:
    """What `Runtime.update` does."""
    place = files.here / "resources.json"
    place.write_bytes(as_json(limits))
    line = ["update", "--resources", str(place), record.id]
    with (
        _changed_whole(files),
        runc.step(job, line, files, shlex.join(["podman", "update", *asked, record.name])),
    ):
        if (said := runc.run(files, line, job.token)) is not None:
            raise failure(said, f"cannot change the limits of {record.name}: {' '.join(asked)}")


@contextmanager
def _changed_whole(files: RuntimeFiles) -> Iterator[None]:
    """The limits of a container that are changed inside are put back where that ends with an error; a RuntimeFailed
    tells that, or what could not be put back."""
    try:
        state = files.runc_state()
    except ValueError:
        state = None
    paths = (Path(group, name) for group in set(state.cgroup_paths.values() if state else ()) for name in _FILES)
    before = {path: text for path in paths if (text := _read(path)) is not None}
    try:
        yield
    except RuntimeFailed as error:
        other = _put_back(before)
        error.hint = f"Other than before now: {', '.join(other)}." if other else "All limits are as before."
        raise
    except BaseException:
        _put_back(before)
        raise


def _put_back(before: dict[Path, str]) -> list[str]:
    """The names of the files where that cannot be."""
    other: list[Path] = []
    for _ in range(2):  # a limit of memory may have to wait for that of memory and swap, or the other way round
        other = [path for path, text in before.items() if _read(path) not in (text, None)]
        for path in other:
            with suppress(OSError):
                path.write_text(before[path].partition("\n")[0] + "\n")
    return [path.name for path in other if _read(path) not in (before[path], None)]


def _read(path: Path) -> str | None:
    """None for a file that is not of this version, or not of this kernel, or whose group has gone."""
    try:
        return path.read_text()
    except OSError:
        return None
