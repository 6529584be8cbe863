"""The life of a container: created, started, stopped, waited for and deleted, by runc under conmon."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import engine
from engine.disk import DataRoot
from engine.errors import ContainerState, RuntimeFailed
from engine.events import ALIVE, Problem, Status
from engine.host import HostFacts
from engine.jobs import CancelToken, Job
from engine.runtime.ending import comes_back, forget_exits, keep_exit, wait_for_end, wait_for_last
from engine.runtime.monitor import Monitor, monitors, stop_creation
from engine.runtime.record import ContainerRecord, is_id
from engine.runtime.runc import Runc, failure, runc_options
from engine.runtime.state import (
    ATTACH,
    CONTROL,
    EXIT,
    OOM,
    STARTED,
    LiveState,
    RuntimeFiles,
    bind_run,
    make_directory,
    read_state,
    start_time,
    untold,
)
from engine.text import visible
from engine.trace import StepKind
from engine.walking import remove_quietly

if TYPE_CHECKING:  # what a clean-up does not need is loaded where it is used
    from engine.runtime.attach import Pump
    from engine.runtime.attachment import Attachment
    from engine.runtime.executing import Session
    from engine.runtime.foreground import Passed

_CLEANUP = Path(engine.__file__).with_name("exit_command.py")
"""What conmon runs when a container has ended; by its place, as it is above."""

_SHOWN = 500  # characters of what runc says by the way
_PAUSE = 0.02  # seconds between two looks whether a start has come so far
_END_PATIENCE = 10.0  # seconds from a container's end until conmon must have written it down


class Runtime:
    """Drives runc and conmon for the containers of one data directory.

    The caller mounts the root filesystem first, and holds the container's lock (`Containers.lock`) around what
    changes it: `create`, `start`, `pause`, `unpause`, `delete`. Not around `kill` and `stop`: a signal changes nothing
    by itself, and the end that `stop` waits for is cleared up after by somebody who needs the lock.
    """

    def __init__(self, root: DataRoot, facts: HostFacts) -> None:
        self._root = root
        self._facts = facts
        self._runc = Runc(facts)

    def files(self, record: ContainerRecord) -> RuntimeFiles:
        """Where what concerns this container is."""
        return RuntimeFiles(self._root, record.id)

    def state(self, record: ContainerRecord) -> LiveState:
        """How it is now, from the files of runc and conmon and from the kernel; no process is started."""
        return read_state(self.files(record))

    def _told(self, record: ContainerRecord) -> LiveState:
        """As `state`. Raises ContainerState where it is unknown."""
        state = self.state(record)
        if state.status is Status.UNKNOWN:
            raise untold(record)
        return state

    def start_time(self, record: ContainerRecord) -> float | None:
        """When its last run began, as `LiveState.started` of one that has begun; None where there was none."""
        return start_time(self.files(record))

    def may_print(self, record: ContainerRecord) -> bool:
        """Whether output may still come: it runs or comes back, or conmon writes what a program that has ended left in
        its pipe. The exit code is what it writes last.
        """
        files, state = self.files(record), self.state(record)
        if state.status in ALIVE or (not files.ending().exists() and files.conmon() is not None):
            return True
        return comes_back(files, record.restart, state)

    def comes_back(self, record: ContainerRecord) -> bool:
        """Whether it does not run, and is just about to be started again."""
        return comes_back(self.files(record), record.restart, self.state(record))

    def create(self, record: ContainerRecord, job: Job, held: Sequence[int] = ()) -> int:
        """`runc create` under conmon: namespaces and mounts are made, the command waits; returns the process id.

        What is left of an earlier run is cleared first. conmon keeps the descriptors `held` open until the end.
        Raises ContainerState while it runs, RuntimeFailed with runc's message, CommandNotFound, CommandNotExecutable,
        ToolMissing, StoreError, UsageError, Cancelled.
        """
        files = self.files(record)
        monitor = Monitor(self._facts.need_conmon().path, self._facts.need_runc().path, _CLEANUP)
        monitor.check_streams(record)
        if files.exists_in_runc():
            if read_state(files).pid:
                raise ContainerState(f"the container {record.name} is there already, with a process")
            self.delete(record, True, job, keeps_exit=False)
        command = shlex.join(["runc", *runc_options(files)[:2], "create", "--bundle", str(files.bundle), record.id])
        with job.step(StepKind.RUNTIME, command, peer=monitor.command(record, files)) as step:
            self._make_way(files)
            try:
                pid = monitor.create(record, files, job.token, held)
            except BaseException:
                with contextlib.suppress(RuntimeFailed):
                    self._delete(files, job.quiet())
                raise
            step.detail = f"process {pid}, held by conmon"
        return pid

    def start(self, record: ContainerRecord, job: Job) -> None:
        """`runc start`: let a created container's command go. Raises RuntimeFailed and its kind, Cancelled."""
        files = self.files(record)
        with self._runc.step(job, ["start", record.id], files, f"podman start {record.name}"):
            with contextlib.suppress(OSError):  # a full disk: it runs all the same, and nobody knows since when
                (files.bundle / STARTED).touch()
            said = self._runc.run(files, ["start", record.id], job.token)
            if said is not None:
                (files.bundle / STARTED).unlink(missing_ok=True)
                raise failure(said, f"cannot start the container {record.name}")

    def kill(self, record: ContainerRecord, name: str, job: Job) -> None:
        """Send a signal ("TERM", "SIGTERM", "15") to the container's first process.

        Needs no lock: it must be possible while somebody starts the container and hangs.
        Raises UsageError for what is no signal, ContainerState where no process is, RuntimeFailed.
        """
        from engine.runtime.signals import signal_number

        number = signal_number(name)
        files = self.files(record)
        if not self._told(record).pid:
            raise ContainerState(
                f"the container {record.name} does not run", hint=f"Start it with: cutaway start {record.name}"
            )
        word = signal.Signals(number).name.removeprefix("SIG") if number in set(signal.Signals) else str(number)
        with self._runc.step(job, ["kill", record.id, word], files, f"podman kill --signal {word} {record.name}"):
            said = self._runc.run(files, ["kill", record.id, str(number)], job.token)
            if said is not None and read_state(files).pid:
                from engine.runtime.without_runc import signalled

                if not signalled(files, number, said):
                    raise failure(said, f"cannot signal the container {record.name}")

    def stop(self, record: ContainerRecord, timeout: float, job: Job) -> int | None:
        """Send its stop signal, and KILL after `timeout` seconds; returns the exit code (None: not known).

        The caller does not hold the lock: at the container's end conmon's clean-up takes it.
        No process is no error. Raises ContainerState where that cannot be told, RuntimeFailed, Cancelled (the first
        signal has been sent then).
        """
        files = self.files(record)
        state = self._told(record)
        if not state.pid:
            return state.exit_code
        gentle = record.stop_signal or "TERM"
        if state.status in ALIVE and timeout > 0:
            try:
                self.kill(record, gentle, job)
                if state.status is Status.PAUSED:
                    self.unpause(record, job)
            except ContainerState:
                pass  # it has just ended
            if wait_for_end(files, job.token, timeout):
                return files.exit_code()
        try:
            self.kill(record, "KILL", job)
            if state.status is Status.PAUSED:
                self._runc.run(files, ["resume", record.id], job.token)
        except ContainerState:
            pass
        if not wait_for_end(files, job.token, _END_PATIENCE):
            raise RuntimeFailed(
                f"the container {record.name} did not end within {_END_PATIENCE:.0f} s of SIGKILL",
                hint="A process of it may hang in the kernel (state D in ps): a dead disk or network filesystem.",
            )
        return files.exit_code()

    def pause(self, record: ContainerRecord, job: Job) -> None:
        """Freeze every process of a running container. Raises ContainerState, RuntimeFailed."""
        self._freeze(record, "pause", Status.RUNNING, job)

    def unpause(self, record: ContainerRecord, job: Job) -> None:
        """Thaw a paused container. Raises ContainerState, RuntimeFailed."""
        self._freeze(record, "resume", Status.PAUSED, job)

    def delete(
        self,
        record: ContainerRecord,
        force: bool,
        job: Job,
        undo: Callable[[], None] = lambda: None,
        *,
        keeps_exit: bool = True,
    ) -> None:
        """Remove what runc and conmon keep of it: state, cgroups, sockets, pid files. Nothing there is no error.

        The log stays, and the exit code unless nobody will ask for it (`keeps_exit`). `undo` is what else is due when
        nothing runs in it any more; it is done while runc is at work, unless hooks are. Not cancelled by the job.
        Raises ContainerState while a process is in it, unless `force` (which kills it), RuntimeFailed.
        """
        files = self.files(record)
        state = read_state(files)
        running = state.pid
        if not force:
            self.check_known(record)
        if state.status is Status.UNKNOWN:
            from engine.runtime import without_runc

            without_runc.end(files)
        if running and not force:
            raise ContainerState(
                f"the container {record.name} has a running process ({running})",
                hint=f"Stop it with: cutaway stop {record.name}",
            )
        if running or files.has_poststop():
            self._delete(files, job)
            if running:
                wait_for_end(files, CancelToken(), _END_PATIENCE)
            undo()
        else:
            self._delete(files, job, undo)
        for path in (files.bundle / ATTACH, files.bundle / CONTROL, files.bundle / "winsz"):
            path.unlink(missing_ok=True)
        remove_quietly(files.here)
        if keeps_exit:
            keep_exit(files)
        forget_exits(files)

    def check_known(self, record: ContainerRecord) -> None:
        """Raise ContainerState where it has living processes and the runtime directory knows nothing of it.

        Somebody cleared that directory, or the container was started with another $CUTAWAY_RUN. Or it is `unknown`.
        """
        files = self.files(record)
        self._told(record)
        if files.exists_in_runc() or files.here.exists():
            return
        if not any(path.exists() for path in (files.bundle / STARTED, files.bundle / ATTACH, files.log)):
            return  # it has never run: conmon makes the latter two before it calls runc
        from engine.runtime import cgroups

        alive = cgroups.processes(cgroups.configured_path(files.bundle / "config.json"), files.id)
        if not alive and not (files.bundle / EXIT).exists():  # where it has ended, its conmon may be about to
            alive = monitors(files)
        if alive:
            raise ContainerState(
                f"the container {record.name} has living processes ({', '.join(map(str, alive[:5]))}),"
                f" and nothing is known of them in {self._root.run}",
                hint="It may have been started with another CUTAWAY_RUN: set that. Otherwise end it with:"
                f" cutaway rm --force {record.name}",
            )

    def has_leftovers(self, record: ContainerRecord) -> bool:
        """Whether nothing runs in it and it waits for its clean-up, `delete`: who should have done it was killed."""
        files = self.files(record)
        if not (files.exists_in_runc() or files.here.exists()):
            return False
        state = read_state(files)
        return not state.pid and state.status is not Status.UNKNOWN

    def ids(self) -> set[str]:
        """The containers of this data directory of which runc or conmon keep something."""
        found: set[str] = set()
        for directory in (self._root.run / "runc", self._root.run / "containers"):
            with contextlib.suppress(FileNotFoundError):
                found.update(filter(is_id, os.listdir(directory)))
        return found

    def delete_stranger(self, container_id: str, job: Job) -> None:
        """Delete (and kill) a container by an id of `ids` for which there is no record any more.

        Ask for `ids` first, and then for the records: a container has its record before runc hears of it and until
        runc has forgotten it. Raises RuntimeFailed.
        """
        files = RuntimeFiles(self._root, container_id)
        self._delete(files, job)
        remove_quietly(files.here)

    def _delete(self, files: RuntimeFiles, job: Job, undo: Callable[[], None] = lambda: None) -> None:
        if files.here.exists():
            stop_creation(files)
        if files.exists_in_runc():
            line = ["delete", "--force", files.id]
            with self._runc.step(job, line, files, f"podman container cleanup {files.id}") as step:
                failed, said = self._runc.call(files, line, None, undo)
                if failed and files.exists_in_runc():
                    from engine.runtime.without_runc import cleared

                    if not cleared(files):
                        raise failure(said, f"cannot delete the container {files.id}")
                if said and not failed:  # a hook poststop: by the runtime-spec its failure is told, and no more
                    step.detail = visible(" ".join(said.split()))[:_SHOWN]
                    job.emit(Problem("deleted-with-errors", f"runc deleted {files.id}, and said: {step.detail}"))
        else:
            undo()
        from engine.runtime import cgroups

        cgroups.clear(cgroups.configured_path(files.bundle / "config.json"), files.id)

    def wait(self, record: ContainerRecord, token: CancelToken, *, again: bool = True) -> int:
        """Wait until it has ended and return its exit code; with `again`, as podman, until it does not come back.

        Raises ContainerState for one that was never started, RuntimeFailed where the exit code is lost, Cancelled.
        """
        files = self.files(record)
        while (state := read_state(files)).status is Status.CREATED and not state.pid:
            if comes_back(files, record.restart, state):
                break
            if not monitors(files):  # otherwise somebody is just starting it
                raise ContainerState(f"the container {record.name} has not been started")
            token.sleep(_PAUSE)
        state = wait_for_last(files, record.restart if again else "", token)
        if state.status is Status.UNKNOWN:
            raise untold(record)
        if (code := state.exit_code) is None:
            raise RuntimeFailed(
                f"the container {record.name} has ended, and its exit code is lost",
                hint="Its monitor, conmon, was killed, or the host went down.",
            )
        return code

    def wait_for_run(self, record: ContainerRecord, began: float | None, token: CancelToken) -> bool:
        """Wait until the run has ended that began then (`LiveState.started`); whether no other has begun since."""
        files = self.files(record)
        if self.start_time(record) == began:
            wait_for_end(files, token, None)
        return self.start_time(record) == began

    def connect(self, record: ContainerRecord, to: Attachment) -> contextlib.AbstractContextManager[Pump | Passed]:
        """Connect a caller with a created or running container; the `Pump` it gives then carries the bytes.

        Start a created container inside the `with`, before `Pump.run`: no output is lost, and its terminal has the
        right size from the beginning. Raises ContainerState where nobody holds the container, UsageError.
        """
        from engine.runtime.foreground import connected, passed

        return passed() if record.passes else connected(self.files(record).bundle, to, has_terminal=record.terminal)

    def need_running(self, record: ContainerRecord) -> None:
        """Raise ContainerState where it does not run, or is paused: nothing in it answers then."""
        status = self._told(record).status
        if status is not Status.RUNNING:
            raise ContainerState(
                f"the container {record.name} is {status.value}, not running",
                hint=f"cutaway {'unpause' if status is Status.PAUSED else 'start'} {record.name}",
            )

    def execute(
        self, record: ContainerRecord, process: dict[str, Any], to: Attachment | None, job: Job
    ) -> contextlib.AbstractContextManager[Session]:
        """Start a further `process` in a running container; see `Executor.start`. Raises ContainerState, too."""
        self.need_running(record)
        from engine.runtime.executing import Executor

        return Executor(self._facts).start(record, self.files(record), process, to, job.token)

    def update(self, record: ContainerRecord, limits: dict[str, Any], asked: Sequence[str], job: Job) -> None:
        """`runc update`: give a created or running container other limits (runtime-spec `linux.resources`), `asked`
        for by these options.

        Raises RuntimeFailed with runc's message: the kernel refuses a limit of memory below what is in use. Then what
        runc has changed until there is put back.
        """
        from engine.runtime.limits import update

        update(self._runc, record, self.files(record), limits, asked, job)

    def _make_way(self, files: RuntimeFiles) -> None:
        bind_run(self._root)
        for directory in (files.runc_root, files.exits, files.here):
            make_directory(directory)
        for path in (files.exit_signal, files.bundle / EXIT, files.bundle / STARTED, files.bundle / OOM):
            path.unlink(missing_ok=True)

    def _freeze(self, record: ContainerRecord, verb: str, needed: Status, job: Job) -> None:
        files = self.files(record)
        status = self._told(record).status
        if status is not needed:
            hint = f"cutaway ps -a; it runs after: cutaway start {record.name}" if status not in ALIVE else ""
            raise ContainerState(f"the container {record.name} is {status.value}, not {needed.value}", hint=hint)
        word = {"pause": "pause", "resume": "unpause"}[verb]
        with self._runc.step(job, [verb, record.id], files, f"podman {word} {record.name}"):
            if (said := self._runc.run(files, [verb, record.id], job.token)) is not None:
                raise failure(said, f"cannot {word} the container {record.name}")
