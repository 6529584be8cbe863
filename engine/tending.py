"""What can be done with containers that are there: signals, further processes, those inside, limits, names."""

from __future__ import annotations

import json
import shlex
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

import msgspec

from engine import spec
from engine.bundling import kept_config, kept_provenance
from engine.disk import DataRoot
from engine.errors import CommandNotFound, ContainerState, CutawayError, SpecError
from engine.events import ALIVE, ContainersChanged, Status
from engine.host import HostFacts
from engine.jobs import Job
from engine.journalling import journalled, need_config
from engine.network import leave_names, share_names
from engine.runtime import ContainerRecord, Containers, Runtime, coming_back, signal_number
from engine.trace import StepKind

if TYPE_CHECKING:  # what not every command needs is loaded where it is used
    from engine.runtime import Attachment, ContainerStats, ProcessSummary, Reading
    from engine.spec import ExecOptions, RunOptions


class Tender:
    """Works on containers that run, or have run."""

    def __init__(self, root: DataRoot, facts: HostFacts, containers: Containers, runtime: Runtime) -> None:
        self._root = root
        self._facts = facts
        self._containers = containers
        self._runtime = runtime

    def execute(
        self, record: ContainerRecord, options: ExecOptions, attachment: Attachment | None, job: Job
    ) -> int | None:
        """A further process in a running container; its exit code, or None if nobody stayed.

        Raises ContainerState, RuntimeFailed and its kinds, SpecError, UsageError, Cancelled (the process ends then).
        """
        from engine.runtime import exec_command

        need_config(record)
        directory = self._containers.path(record.id)
        with ExitStack() as stack:
            with journalled(self._containers, record, job), self._containers.lock(record.id, token=job.token):
                process = spec.exec_process(
                    self._config(record)["process"], options, facts=self._facts, rootfs=directory / "merged"
                )
                command = exec_command(self._runtime.files(record), process)
                with job.step(StepKind.RUNTIME, command, peer=_peer(record, options)) as step:
                    session = stack.enter_context(self._runtime.execute(record, process, attachment, job))
                    step.detail = f"process {session.pid}, held by a conmon of its own"
            self._containers.happenings.add(record, "exec", command=shlex.join(options.args)[:200])
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

    def kill(self, record: ContainerRecord, signal: str, job: Job) -> None:
        """Send a signal to its first process; one that ends it keeps it from coming back, too, as podman's, also just
        before it would. Raises ContainerState where none runs, UsageError for no signal."""
        home, marked = self._containers.path(record.id), False
        if record.restart and signal_number(signal) in (9, signal_number(record.stop_signal or "TERM")):
            # Without the lock: a signal has to get through to one whose start hangs.
            is_there = self._runtime.state(record).pid or self._runtime.comes_back(record)
            marked = bool(is_there) and coming_back.leave_alone(home)
        try:
            with journalled(self._containers, record, job):
                try:
                    self._runtime.kill(record, signal, job)
                except ContainerState:
                    if not marked:
                        raise
                    with self._containers.lock(record.id, token=job.token):  # who starts it just now comes first
                        if self._runtime.state(record).pid:
                            self._runtime.kill(record, signal, job)
        except CutawayError:
            if marked:
                coming_back.take_back(home)
            raise
        self._containers.happenings.add(record, "kill", signal=signal)

    def pause(self, record: ContainerRecord, job: Job) -> None:
        """Freeze all its processes. Raises ContainerState where it does not run."""
        with journalled(self._containers, record, job), self._containers.lock(record.id, token=job.token):
            self._runtime.pause(record, job)
        self._containers.happenings.add(record, "pause")
        job.emit(ContainersChanged((record.id,)))

    def unpause(self, record: ContainerRecord, job: Job) -> None:
        """Let a frozen one go on. Raises ContainerState where it is not frozen."""
        with journalled(self._containers, record, job), self._containers.lock(record.id, token=job.token):
            self._runtime.unpause(record, job)
        self._containers.happenings.add(record, "unpause")
        job.emit(ContainersChanged((record.id,)))

    def rename(self, record: ContainerRecord, name: str, job: Job) -> ContainerRecord:
        """Give it another name. Raises UsageError, ContainerState (taken)."""
        renamed = msgspec.structs.replace(record, name=name)
        with (
            self._containers.lock(record.id, token=job.token),
            journalled(self._containers, record, job),
            job.step(StepKind.STORE, shlex.join(["cutaway", "rename", record.name, name])),
        ):
            self._containers.update(renamed)
            if record.shares:
                names = self._containers.path(record.id) / "files"
                leave_names(names, record.name)
                if self._runtime.state(record).pid:
                    with suppress(OSError):  # a full disk: it has another name all the same
                        share_names(names, names, name)
        self._containers.happenings.add(renamed, "rename", before=record.name)
        job.emit(ContainersChanged((record.id,)))
        return renamed

    def update(self, record: ContainerRecord, options: RunOptions, job: Job) -> None:
        """Other limits: at once where it runs, and in its config.json for every start from now on.

        Raises UsageError, RuntimeFailed (nothing has changed then), ContainerState for a working container.
        """
        need_config(record)
        directory = self._containers.path(record.id)
        with self._containers.lock(record.id, token=job.token), journalled(self._containers, record, job):
            text, before = kept_config(record, directory), kept_provenance(record, directory)
            text, provenance, limits = spec.updated(text, before, options, self._facts.cgroups)
            if self._runtime.state(record).pid:
                self._runtime.update(record, limits, spec.limit_words(options), job)
            self._root.write(directory / "config.json", text.encode("utf-8", "surrogateescape"), mode=0o600)
            self._root.write(directory / "provenance.json", provenance.to_json(), mode=0o600)
        self._containers.happenings.add(record, "update")
        job.emit(ContainersChanged((record.id,)))

    def stats(
        self, records: list[ContainerRecord], before: dict[str, Reading], *, idle: bool = False
    ) -> list[ContainerStats]:
        """What those of the containers that run use now, and with `idle` that the others use nothing. `before` holds
        the readings of last time, and then these."""
        from engine.runtime import compared, no_usage, read_usage

        lines = []
        for record in records:
            state = self._runtime.state(record)
            now = read_usage(self._runtime.files(record), state) if state.status in ALIVE else None
            if now is None and idle and state.status is not Status.UNKNOWN:
                now = no_usage()
            if now is not None:
                lines.append(compared(record.id, record.name, state.started, now, before.get(record.id)))
                before[record.id] = now
        return lines

    def top(self, record: ContainerRecord) -> list[ProcessSummary]:
        """The processes in a container, the first one first. Raises ContainerState where none run."""
        from engine.runtime import processes

        self._runtime.check_known(record)
        if self._runtime.state(record).status not in ALIVE:
            raise ContainerState(f"{record.name} does not run", hint=f"cutaway start {record.name}")
        accounts = spec.Accounts(self._containers.path(record.id) / "merged")
        return processes(self._runtime.files(record), accounts.names(), accounts.group_names())

    def _config(self, record: ContainerRecord) -> dict[str, Any]:
        directory = self._containers.path(record.id)
        hint = f"cutaway check {directory}/config.json shows where."
        try:
            found = json.loads(kept_config(record, directory))
        except (ValueError, RecursionError) as error:
            raise SpecError(f"the config.json of {record.name} is not JSON: {error}", hint=hint) from error
        if not isinstance(found, dict) or not isinstance(found.get("process"), dict):
            raise SpecError(f"the config.json of {record.name} has no process", hint=hint)
        return found


def _peer(record: ContainerRecord, options: ExecOptions) -> str:
    flags = [flag for flag, on in (("-i", options.interactive), ("-t", options.terminal)) if on]
    return shlex.join(["podman", "exec", *flags, record.name, *options.args])
