"""What is done to a container goes into its journal, `containers/<id>/trace.jsonl`."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from engine import trace
from engine.disk import DataRoot
from engine.errors import ContainerState
from engine.events import Problem
from engine.jobs import Job
from engine.runtime import ContainerRecord, Containers, Kind
from engine.trace import Step


@contextmanager
def journalled(
    containers: Containers, record: ContainerRecord, job: Job, before: Iterable[Step] = ()
) -> Iterator[None]:
    """Add the steps done inside to the container's journal, after those `before`."""
    journal = containers.path(record.id) / "trace.jsonl"
    done = len(job.steps)
    try:
        yield
    finally:
        keep(journal, [*before, *job.steps[done:]], job)


def keep(journal: Path, steps: Iterable[Step], job: Job) -> None:
    """Add steps to a journal. They are done: that they cannot be written down (a full disk) is told, and no failure."""
    try:
        trace.append(journal, steps)
    except FileNotFoundError:  # what it is about is gone
        return
    except OSError as error:
        job.emit(
            Problem(
                "trace-lost",
                f"these steps are missing in the trace, {journal} cannot be written: {error.strerror}",
                "cutaway system df tells what takes how much room." if error.errno == errno.ENOSPC else "",
            )
        )


def need_config(record: ContainerRecord) -> None:
    """Raise ContainerState for a working container: nothing can run in it."""
    if record.kind is Kind.WORKING:
        raise ContainerState(
            f"{record.name} is a working container: it has no config.json", hint="Use: cutaway run IMAGE"
        )


def image_steps(root: DataRoot, record: ContainerRecord) -> list[Step]:
    """What was done to make a container's image, as it was journalled."""
    return trace.read(root.traces / f"{record.image_digest.partition(':')[2]}.jsonl")
