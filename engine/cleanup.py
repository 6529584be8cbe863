"""What is due when a container has ended, and for every one for which nobody did it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from engine import rootfs
from engine.disk import DataRoot
from engine.errors import ContainerBusy, ContainerState, ContainerUnknown, CutawayError
from engine.events import Status, ignore
from engine.host import probe
from engine.jobs import Job
from engine.network import Networks
from engine.runtime import ContainerRecord, Containers, Kind, Runtime
from engine.trace import StepKind, append


def sharers(records: Sequence[ContainerRecord], container_id: str) -> list[ContainerRecord]:
    """Those of `records` (oldest first) that share a container's network, by way of each other too, oldest first."""
    met, found = {container_id}, []
    for record in records:
        if record.shares in met:
            met.add(record.id)
            found.append(record)
    return found


class Cleaner:
    """For the containers of one data directory. Whoever calls for one of them holds its lock."""

    def __init__(self, root: DataRoot, containers: Containers, runtime: Runtime, networks: Networks) -> None:
        self._root = root
        self._containers = containers
        self._runtime = runtime
        self._networks = networks

    def put_away(self, record: ContainerRecord, job: Job, *, force: bool = False, remove: bool = False) -> None:
        """Delete what runc holds of a container, undo its network and unmount it; with `remove` its directory goes,
        too. May be done any number of times.

        Raises ContainerState while it runs (unless `force`, which kills it), RuntimeFailed, HostError, MountError.
        """
        had_begun = self._runtime.files(record).exists_in_runc() and self._runtime.state(record).started is not None

        failures: list[CutawayError] = []

        def undo() -> None:
            try:
                self._networks.down(record.id)
                if record.shares:
                    from engine.network import leave_names

                    leave_names(self._containers.path(record.id) / "files", record.name)
                rootfs.unmount(self._containers.path(record.id) / "merged", job)
            except CutawayError as error:
                failures.append(error)

        self._runtime.delete(record, force, job, undo, keeps_exit=not remove)
        if had_begun:
            self._tell_of_end(record)
        if failures:  # told now that its end is on record: the next one who clears up finds nothing of that with runc
            raise failures[0]
        if remove:
            self._containers.remove(record.id)
            self._containers.happenings.add(record, "remove")

    def _tell_of_end(self, record: ContainerRecord) -> None:
        ended = self._runtime.state(record)
        detail = {} if ended.exit_code is None else {"exit_code": str(ended.exit_code)}
        if ended.out_of_memory:
            detail["out_of_memory"] = "true"
        self._containers.happenings.add(record, "died", ended.finished, **detail)

    def tidy(self, record: ContainerRecord, job: Job, *, force: bool = False) -> None:
        """What is due for a container that has ended; the steps go to its journal, of one with --restart those alone
        that had something to say (a hook failed), as it may come back for ever. `force`, and what is raised, as
        `put_away` has it."""
        done = len(job.steps)
        remove = self.goes(record)
        self.put_away(record, job, force=force, remove=remove)
        told = [step for step in job.steps[done:] if step.kind is StepKind.RUNTIME and step.detail]
        steps = told if record.restart else job.steps[done:]
        if steps and not remove:
            with suppress(OSError):  # a full disk: its end has been told by an event
                append(self._containers.path(record.id) / "trace.jsonl", steps)

    def goes(self, record: ContainerRecord) -> bool:
        """Whether a container goes when it has ended: it has --rm, and none is left that shares its network (as
        podman)."""
        return record.auto_remove and not sharers(self._containers.all(), record.id)

    def sweep(self, job: Job) -> list[str]:
        """Do for every ended container what is due and nobody did: conmon was killed, or the host went down.

        Also takes away what runc runs and what is mounted for containers that have no record any more. Takes the locks
        itself. Returns what was done, or could not be, in words. Raises RuntimeFailed, MountError.
        """
        done = []
        records = self._containers.all()
        mounted = {path.parent.name for path in rootfs.mounts_below(self._root.containers) if path.name == "merged"}
        connected = self._networks.ids()
        for record in records:
            outside = record.id in mounted or record.id in connected
            if record.kind is Kind.WORKING or not self._is_due(record, outside) or self._lives(record):
                continue
            try:
                with self._containers.lock(record.id, wait=False):  # who is starting it, or clearing up, sees to it
                    if self._is_due(record, outside) and not self._lives(record):
                        self.tidy(record, job, force=self._waits(record))
                        done.append(f"cleared up after the container {record.name}")
            except (ContainerUnknown, ContainerBusy):
                continue  # somebody else sees to it
            except ContainerState as error:
                done.append(f"left alone: {error}. {error.hint}")
            except CutawayError as error:
                done.append(f"could not clear up after the container {record.name}: {error}")
        met = self._runtime.ids()
        # Those just removed are no strangers, and a record that cannot be read is no reason to kill.
        known = self._containers.ids() | {record.id for record in records}
        for stranger in sorted(met - known):
            self._runtime.delete_stranger(stranger, job)
            done.append(f"ended the container {stranger}, of which there was no record")
        for name in connected - known:
            self._networks.down(name)
            done.append(f"undid the network of {name}, of which there was no record")
        for name in mounted - known:
            rootfs.unmount(self._root.containers / name, job)
            done.append(f"unmounted the root filesystem of {name}, of which there was no record")
        return done

    def _is_due(self, record: ContainerRecord, outside: bool) -> bool:
        """`outside`: something of it was mounted or connected."""
        return (
            outside
            or self._runtime.has_leftovers(record)
            # A reboot takes all of these, and leaves what --rm was to take.
            or (record.auto_remove and self._runtime.state(record).status is Status.EXITED and self.goes(record))
        )

    def _lives(self, record: ContainerRecord) -> bool:
        return bool(self._runtime.state(record).pid) and not self._waits(record)

    def _waits(self, record: ContainerRecord) -> bool:
        """Made, and not begun: where nobody holds its lock, who was to begin it is gone."""
        state = self._runtime.state(record)
        return bool(state.pid) and state.status is Status.CREATED


def clean_up(root: str, container: str) -> int:
    """For `exit_command`; returns the exit code. Nobody reads what it says, so it says nothing; a next start finds what
    is left."""
    data = DataRoot(Path(root))
    facts = probe()
    containers, runtime = Containers(data), Runtime(data, facts)
    cleaner = Cleaner(data, containers, runtime, Networks(data, facts))
    try:
        with containers.lock(container):
            record = containers.find(container)
            if not runtime.state(record).pid:
                cleaner.tidy(record, Job("clean up", ignore))
    except ContainerUnknown:
        return 0
    except CutawayError:
        return 1
    return 0
