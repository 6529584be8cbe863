"""What the engine tells while it works: frozen values, given to one function, the sink.

The command line prints them, the screen drains them from a queue, tests put them in a list. A sink
may be called from any of the engine's threads and must not block.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TypeAlias

import msgspec

from engine.digest import Digest
from engine.trace import Step


class LayerPhase(Enum):
    """Where one layer of a pull, one blob of a push, the layer of a commit, or what is copied as files, is."""

    WAITING = "waiting"
    DOWNLOADING = "downloading"
    UPLOADING = "uploading"
    EXPANDING = "expanding"
    PACKING = "packing"
    COPYING = "copying"
    DONE = "done"
    PRESENT = "already here"


class Outcome(Enum):
    """How a job ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Status(Enum):
    """A container's state as `ps` tells it: read from runc's state and the kernel, never remembered."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    EXITED = "exited"
    UNKNOWN = "unknown"
    DAMAGED = "damaged"
    """Its record cannot be read, so nothing can be done with it but to end and remove it."""


ALIVE = (Status.RUNNING, Status.PAUSED)
"""Its first process is there, and has begun."""


class Stream(Enum):
    """Which of a process's two outputs a line came from."""

    STDOUT = "stdout"
    STDERR = "stderr"


class LogLine(msgspec.Struct, frozen=True, gc=False):
    """One line of a container's output. `time` is seconds since the epoch; `text` is raw (hostile) text.

    `partial` says that the process has not ended the line: the next line of the same stream continues it.
    """

    time: float
    stream: Stream
    text: str
    partial: bool = False


class Problem(msgspec.Struct, frozen=True):
    """A failure or a warning in words: what is wrong and what to do."""

    code: str
    message: str
    hint: str = ""


class JobStarted(msgspec.Struct, frozen=True):
    """Background work began; `command` is the command line that does the same."""

    job: str
    title: str
    command: str = ""


class LayerProgress(msgspec.Struct, frozen=True):
    """How far one layer (or other blob) of a job is: `done` of `total` bytes in `phase`.

    `number` counts from 1, `count` is how many the job has. `total` is 0 where it is not known.
    """

    job: str
    digest: Digest
    number: int
    count: int
    phase: LayerPhase
    done: int
    total: int


class JobFinished(msgspec.Struct, frozen=True):
    """Background work ended; `problem` says why where it did not succeed."""

    job: str
    outcome: Outcome
    problem: Problem | None = None


class ContainersChanged(msgspec.Struct, frozen=True):
    """A container came, went or changed its state: read `Workbench.containers()` again."""

    containers: tuple[str, ...] = ()


class ImagesChanged(msgspec.Struct, frozen=True):
    """An image came, went or was tagged: read `Workbench.images()` again."""


class StepRecorded(msgspec.Struct, frozen=True):
    """The engine did something that its journal holds."""

    job: str
    step: Step


Event: TypeAlias = JobStarted | LayerProgress | JobFinished | ContainersChanged | ImagesChanged | StepRecorded | Problem
Sink: TypeAlias = Callable[[Event], None]


def ignore(event: Event) -> None:
    """The sink of a caller who does not want to know."""
