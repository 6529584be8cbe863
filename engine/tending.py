"""What can be done with containers that are there: further processes, a look at those inside, another name."""

from __future__ import annotations

import json
import shlex
from contextlib import ExitStack
from typing import Any

import msgspec

from engine import spec
from engine.errors import CommandNotFound, ContainerState, SpecError
from engine.events import ContainersChanged, Status
from engine.host import HostFacts
from engine.jobs import Job
from engine.launching import journalled, need_config
from engine.runtime import Attachment, ContainerRecord, Containers, ProcessSummary, Runtime, processes
from engine.spec import ExecOptions
from engine.trace import StepKind


class Tender:
    """Works on containers that run, or have run."""

    def __init__(self, facts: HostFacts, containers: Containers, runtime: Runtime) -> None:
        self._facts = facts
        self._containers = containers
        self._runtime = runtime

    def execute(
        self, record: ContainerRecord, options: ExecOptions, attachment: Attachment | None, job: Job
    ) -> int | None:
        """A further process in a running container; its exit code, or None if nobody stayed.

        Raises ContainerState, RuntimeFailed and its kinds, SpecError, UsageError, Cancelled (the process ends then).
        """
        need_config(record)
        directory = self._containers.path(record.id)
        with ExitStack() as stack:
            with journalled(self._containers, record, job), self._containers.lock(record.id, token=job.token):
                process = spec.exec_process(
                    self._config(record)["process"], options, facts=self._facts, rootfs=directory / "merged"
                )
                with job.step(
                    StepKind.RUNTIME, self._runtime.exec_command(record, process), peer=_peer(record, options)
                ) as step:
                    session = stack.enter_context(self._runtime.execute(record, process, attachment, job))
                    step.detail = f"process {session.pid}, held by a conmon of its own"
            return session.run(job.token) if attachment else None

    def shell(self, record: ContainerRecord) -> list[str]:
        """The command of the best shell that the container has. Raises CommandNotFound, ContainerState."""
        need_config(record)
        if not self._runtime.state(record).pid:
            raise ContainerState(f"{record.name} does not run", hint=f"cutaway start {record.name}")
        found = spec.find_shell(self._containers.path(record.id) / "merged")
        if found is None:
            raise CommandNotFound(
                f"{record.name} has no shell: none of {', '.join(spec.SHELLS)}",
                hint="Its files can be looked at from outside, and a static busybox copied in with: cutaway cp",
            )
        return found

    def rename(self, record: ContainerRecord, name: str, job: Job) -> ContainerRecord:
        """Give it another name. Raises UsageError, ContainerState (taken)."""
        renamed = msgspec.structs.replace(record, name=name)
        with (
            self._containers.lock(record.id, token=job.token),
            journalled(self._containers, record, job),
            job.step(StepKind.STORE, shlex.join(["cutaway", "rename", record.name, name])),
        ):
            self._containers.update(renamed)
        job.emit(ContainersChanged((record.id,)))
        return renamed

    def top(self, record: ContainerRecord) -> list[ProcessSummary]:
        """The processes in a container, the first one first. Raises ContainerState where none run."""
        if self._runtime.state(record).status not in (Status.RUNNING, Status.PAUSED):
            raise ContainerState(f"{record.name} does not run", hint=f"cutaway start {record.name}")
        names = spec.Accounts(self._containers.path(record.id) / "merged").names()
        return processes(self._runtime.files(record), names)

    def _config(self, record: ContainerRecord) -> dict[str, Any]:
        try:
            found = json.loads((self._containers.path(record.id) / "config.json").read_bytes())
        except (OSError, ValueError, RecursionError) as error:
            raise SpecError(f"the config.json of {record.name} cannot be read: {error}") from error
        if not isinstance(found, dict) or not isinstance(found.get("process"), dict):
            raise SpecError(f"the config.json of {record.name} has no process")
        return found


def _peer(record: ContainerRecord, options: ExecOptions) -> str:
    flags = [flag for flag, on in (("-i", options.interactive), ("-t", options.terminal)) if on]
    return shlex.join(["podman", "exec", *flags, record.name, *options.args])
