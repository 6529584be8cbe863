"""What is done to a container goes into its journal, `containers/<id>/trace.jsonl`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from engine import trace
from engine.errors import ContainerState
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
        with suppress(FileNotFoundError):  # it is gone
            trace.append(journal, [*before, *job.steps[done:]])


def need_config(record: ContainerRecord) -> None:
    """Raise ContainerState for a working container: nothing can run in it."""
    if record.kind is Kind.WORKING:
        raise ContainerState(
            f"{record.name} is a working container: it has no config.json", hint="Use: cutaway run IMAGE"
        )
