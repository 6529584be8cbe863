"""A container's state, read from what runc, conmon and the kernel left, without starting a process.

| what is found | state |
| --- | --- |
| runc's state.json, its process lives, exec.fifo is there | created |
| runc's state.json, its process lives | running, or paused if the freezer says so |
| runc's state.json, its process is gone | exited |
| no state.json (cleaned up, or a reboot), a start on record | exited |
| no state.json, no start on record | created (on disk alone) |
| a state.json that cannot be read, or is gone after it was there, and no word of conmon's that it has ended | unknown |

The exit code is what conmon wrote to `exits/` of the runtime directory (a full disk does not reach that), kept from
the clean-up on as `exit` in the container's directory. It is not known where conmon was killed or the host went down
before: then it is None, never a guess.
"""

# Annotations are values here, not text: msgspec reads them when it first decodes, and would compile each one.

import os
from contextlib import suppress
from functools import cached_property
from pathlib import Path

import msgspec

from engine import whereabouts
from engine.disk import DataRoot, store_error
from engine.errors import ContainerState, StoreError
from engine.events import Status
from engine.runtime.record import ContainerRecord
from engine.runtime.waiting import ProcessId

EXIT = "exit"
"""In containers/<id>/: the exit code in decimal; its time is the end of the container."""
ATTACH, CONTROL = "attach", "ctl"
"""In containers/<id>/: conmon's socket, and its fifo for a terminal's size."""
OOM = "oom"
"""conmon leaves it where the kernel killed a process of the container for want of memory."""
STARTED = "started"
"""In containers/<id>/: empty; its time is the start of the container."""


class LiveState(msgspec.Struct, frozen=True):
    """How a container is. `pid` is 0 where none runs; times are seconds since the epoch.

    `out_of_memory` says that the kernel killed a process of it for want of memory.
    """

    status: Status
    pid: int = 0
    exit_code: int | None = None
    started: float | None = None
    finished: float | None = None
    out_of_memory: bool = False


class RuncState(msgspec.Struct, frozen=True):
    """What we read of runc's state.json (libcontainer's State and BaseState)."""

    init_process_pid: int
    init_process_start: int
    cgroup_paths: dict[str, str] = {}

    @property
    def process(self) -> ProcessId:
        return ProcessId(self.init_process_pid, self.init_process_start)

    @property
    def frozen(self) -> bool:
        """Whether the freezer holds the container (v1: freezer.state, v2: cgroup.freeze)."""
        for controller, name, word in (("freezer", "freezer.state", "FROZEN"), ("", "cgroup.freeze", "1")):
            if path := self.cgroup_paths.get(controller):
                try:
                    with open(f"{path}/{name}") as file:
                        return file.read(16).strip() == word
                except OSError:
                    continue
        return False


class RuntimeFiles(msgspec.Struct, frozen=True, dict=True):
    """Where runc and conmon keep what concerns one container."""

    root: DataRoot
    id: str

    @cached_property
    def bundle(self) -> Path:
        """Where its config.json is: its directory in the data directory."""
        return self.root.containers / self.id

    @cached_property
    def runc_root(self) -> Path:
        """What `runc --root` gets: the states of all containers of this data directory."""
        return self.root.run / "runc"

    @cached_property
    def exits(self) -> Path:
        """Exit files of all containers of this data directory: one place to watch."""
        return self.root.run / "exits"

    @cached_property
    def exit_signal(self) -> Path:
        """The last thing that conmon writes about a container."""
        return self.exits / self.id

    @cached_property
    def here(self) -> Path:
        """pid files and runc's own log."""
        return self.root.run / "containers" / self.id

    @cached_property
    def conmon_pid(self) -> Path:
        """Its monitor's process id, as conmon writes it."""
        return self.here / "conmon.pid"

    @cached_property
    def container_pid(self) -> Path:
        """Its first process's id, as conmon writes it."""
        return self.here / "container.pid"

    @cached_property
    def runc_log(self) -> Path:
        return self.here / "runc.log"

    @cached_property
    def log(self) -> Path:
        """What it prints, as conmon writes it."""
        return self.bundle / "output.log"

    def has_poststop(self) -> bool:
        """Whether hooks run while runc deletes it: they may want its network, or its files."""
        try:
            return b'"poststop"' in (self.bundle / "config.json").read_bytes()
        except OSError:
            return False

    def exists_in_runc(self) -> bool:
        """Whether runc has this container: created and not deleted."""
        return (self.runc_root / self.id).exists()

    def runc_state(self) -> RuncState | None:
        """runc's state; None where it has none. Raises ValueError where it cannot be read."""
        try:
            raw = (self.runc_root / self.id / "state.json").read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ValueError(str(error)) from error
        return msgspec.json.decode(raw, type=RuncState)

    def conmon(self) -> ProcessId | None:
        """The monitor, if it lives. A later process with its number is told by its command line."""
        try:
            pid = int(self.conmon_pid.read_text())
        except (OSError, ValueError):
            return None
        process = ProcessId.of(pid)
        if process is None:
            return None
        try:
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return None
        return process if self.id.encode() in arguments and b"conmon" in arguments[0] else None

    def ending(self) -> Path:
        """The file with the exit code in it, if any has one; its time is the end of the container."""
        kept = self.bundle / EXIT
        return kept if kept.exists() else self.exit_signal

    def exit_code(self) -> int | None:
        """What conmon recorded; None where it did not."""
        try:
            return int(self.ending().read_text())
        except (OSError, ValueError):
            return None


def read_state(files: RuntimeFiles) -> LiveState:
    """The state of one container; see the table above.

    Asked for every container again and again, so paths are plain strings here: half the time.
    """
    bundle, runc = os.fspath(files.bundle), f"{os.fspath(files.runc_root)}/{files.id}"
    kept = f"{bundle}/{EXIT}"
    started = _time(f"{bundle}/{STARTED}")
    out_of_memory = os.path.exists(f"{bundle}/{OOM}")
    state, is_readable = None, True
    if os.path.exists(runc):
        try:
            state = files.runc_state()
            is_readable = state is not None or not os.path.exists(files.container_pid)  # which comes after runc's
        except ValueError:
            is_readable = False
    if not is_readable and not os.path.exists(files.exit_signal):
        return LiveState(Status.UNKNOWN, started=started)
    if state is not None and state.process.alive:
        if os.path.exists(f"{runc}/exec.fifo"):
            return LiveState(Status.CREATED, state.init_process_pid)
        status = Status.PAUSED if state.frozen else Status.RUNNING
        return LiveState(status, state.init_process_pid, None, started, None, out_of_memory)
    finished = _time(kept)
    if finished is None:
        finished = _time(os.fspath(files.exit_signal))
    code = files.exit_code()
    if state is None and started is None and code is None:
        return LiveState(Status.CREATED)
    return LiveState(Status.EXITED, 0, code, started, finished, out_of_memory)


def untold(record: ContainerRecord) -> ContainerState:
    """The error for whoever has to know whether a container runs, where it is `unknown`."""
    return ContainerState(
        f"whether {record.name} runs cannot be told: runc's state of it cannot be read",
        hint=f"cutaway rm --force {record.name} ends it, and takes away all that it has written.",
    )


def start_time(files: RuntimeFiles) -> float | None:
    """When its last run began, in seconds since the epoch; None where there was none."""
    return _time(os.fspath(files.bundle / STARTED))


def bind_run(root: DataRoot) -> None:
    """Have every process use `root.run` from now on, while anything is in it. Called before anything is put there.

    Raises StoreError where others use another one since this process began.
    """
    if (now := whereabouts.run_directory(root.path)) != root.run:
        raise StoreError(
            f"containers of {root.path} run, and their state is in {now}, not in {root.run}",
            hint=f"Start the program again, with CUTAWAY_RUN={now.parent} or without it.",
        )
    place, wanted = root.path / whereabouts.RECORD, whereabouts.as_record(root.run)
    with suppress(OSError, StoreError):  # a full disk: the sweep still kills nothing that lives
        if not place.exists() or place.read_bytes() != wanted:
            root.write(place, wanted, mode=0o600)


def make_directory(path: Path) -> None:
    """Make a directory of the runtime's own. Raises StoreError."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise store_error(error, f"cannot make {path}") from error


def _time(path: str) -> float | None:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return None
