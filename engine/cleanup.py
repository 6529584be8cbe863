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
from engine.network import Networks, leave_names
from engine.runtime import ContainerRecord, Containers, Kind, Runtime
from engine.trace import StepKind, append


def put_away(
    containers: Containers,
    runtime: Runtime,
    networks: Networks,
    record: ContainerRecord,
    job: Job,
    *,
    force: bool = False,
    remove: bool = False,
) -> None:
    """Delete what runc holds of a container, undo its network and unmount it; with `remove` its directory goes, too.

    May be done any number of times. The caller holds the container's lock.
    Raises ContainerState while it runs (unless `force`, which kills it), RuntimeFailed, HostError, MountError.
    """
    had_begun = runtime.files(record).exists_in_runc() and runtime.state(record).started is not None

    failures: list[CutawayError] = []

    def undo() -> None:
        try:
            networks.down(record.id)
            if record.shares:
                leave_names(containers.path(record.id) / "files", record.name)
            rootfs.unmount(containers.path(record.id) / "merged", job)
        except CutawayError as error:
            failures.append(error)

    runtime.delete(record, force, job, undo)
    if had_begun:
        _tell_of_end(containers, runtime, record)
    if failures:  # told now that its end is on record: the next one who clears up finds nothing of that with runc
        raise failures[0]
    if remove:
        containers.remove(record.id)
        containers.happenings.add(record, "remove")


def tidy(containers: Containers, runtime: Runtime, networks: Networks, record: ContainerRecord, job: Job) -> None:
    """What is due for a container that has ended. What its deletion had to say (a hook failed) goes to its journal.

    The caller holds the lock. Raises as `put_away` does.
    """
    done = len(job.steps)
    remove = goes(containers, record)
    put_away(containers, runtime, networks, record, job, remove=remove)
    told = [step for step in job.steps[done:] if step.kind is StepKind.RUNTIME and step.detail]
    if told and not remove:
        with suppress(OSError):  # a full disk: it has been told by an event
            append(containers.path(record.id) / "trace.jsonl", told)


def sharers(records: Sequence[ContainerRecord], container_id: str) -> list[ContainerRecord]:
    """Those of `records` (oldest first) that share a container's network, by way of each other too, oldest first."""
    met, found = {container_id}, []
    for record in records:
        if record.shares in met:
            met.add(record.id)
            found.append(record)
    return found


def goes(containers: Containers, record: ContainerRecord) -> bool:
    """Whether a container goes when it has ended: it has --rm, and none is left that shares its network (as podman)."""
    return record.auto_remove and not sharers(containers.all(), record.id)


def _tell_of_end(containers: Containers, runtime: Runtime, record: ContainerRecord) -> None:
    ended = runtime.state(record)
    detail = {} if ended.exit_code is None else {"exit_code": str(ended.exit_code)}
    if ended.out_of_memory:
        detail["out_of_memory"] = "true"
    containers.happenings.add(record, "died", ended.finished, **detail)


def sweep(root: DataRoot, containers: Containers, runtime: Runtime, networks: Networks, job: Job) -> list[str]:
    """Do for every ended container what is due and nobody did: conmon was killed, or the host went down.

    Also takes away what runc runs and what is mounted for containers that have no record any more.
    Returns what was done, or could not be, in words. Raises RuntimeFailed, MountError.
    """
    done = []
    records = containers.all()
    mounted = {path.parent.name for path in rootfs.mounts_below(root.containers) if path.name == "merged"}
    connected = networks.ids()

    def is_due(record: ContainerRecord) -> bool:
        return (
            record.id in mounted
            or record.id in connected
            or runtime.has_leftovers(record)
            # A reboot takes all of these, and leaves what --rm was to take.
            or (record.auto_remove and runtime.state(record).status is Status.EXITED and goes(containers, record))
        )

    def lives(record: ContainerRecord) -> bool:
        return bool(runtime.state(record).pid) and not waits(record)

    def waits(record: ContainerRecord) -> bool:
        """Made, and not begun: where nobody holds its lock, who was to begin it is gone."""
        state = runtime.state(record)
        return bool(state.pid) and state.status is Status.CREATED

    for record in records:
        if record.kind is Kind.WORKING or not is_due(record) or lives(record):
            continue
        try:
            with containers.lock(record.id, wait=False):  # who is starting it, or clearing up, sees to it
                if is_due(record) and not lives(record):
                    force = waits(record)
                    put_away(containers, runtime, networks, record, job, force=force, remove=goes(containers, record))
                    done.append(f"cleared up after the container {record.name}")
        except (ContainerUnknown, ContainerBusy):
            continue  # somebody else sees to it
        except ContainerState as error:
            done.append(f"left alone: {error}. {error.hint}")
        except CutawayError as error:
            done.append(f"could not clear up after the container {record.name}: {error}")
    met = runtime.ids()
    # Those just removed are no strangers, and a record that cannot be read is no reason to kill.
    known = containers.ids() | {record.id for record in records}
    for stranger in sorted(met - known):
        runtime.delete_stranger(stranger, job)
        done.append(f"ended the container {stranger}, of which there was no record")
    for name in connected - known:
        networks.down(name)
        done.append(f"undid the network of {name}, of which there was no record")
    for name in mounted - known:
        rootfs.unmount(root.containers / name, job)
        done.append(f"unmounted the root filesystem of {name}, of which there was no record")
    return done


def clean_up(root: str, container: str) -> int:
    """For `exit_command`; returns the exit code. Nobody reads what it says, so it says nothing; a next start finds what
    is left."""
    data = DataRoot(Path(root))
    facts = probe()
    containers, runtime, networks = Containers(data), Runtime(data, facts), Networks(data, facts)
    try:
        with containers.lock(container):
            record = containers.find(container)
            if not runtime.state(record).pid:
                tidy(containers, runtime, networks, record, Job("clean up", ignore))
    except ContainerUnknown:
        return 0
    except CutawayError:
        return 1
    return 0
