"""What is due when a container has ended. `python -m engine.cleanup ROOT ID` is what conmon runs then, so that a
container whose starter is long gone leaves no mount, no cgroup and, with --rm, no directory behind.
"""

from __future__ import annotations

import sys
from pathlib import Path

from engine import rootfs
from engine.disk import DataRoot
from engine.errors import ContainerUnknown, CutawayError
from engine.events import ignore
from engine.host import probe
from engine.jobs import Job
from engine.runtime import ContainerRecord, Containers, Runtime


def put_away(
    containers: Containers,
    runtime: Runtime,
    record: ContainerRecord,
    job: Job,
    *,
    force: bool = False,
    remove: bool = False,
) -> None:
    """Delete what runc holds of a container and unmount it; with `remove` its directory goes, too.

    May be done any number of times. The caller holds the container's lock.
    Raises ContainerState while it runs (unless `force`, which kills it), RuntimeFailed, MountError.
    """
    runtime.delete(record, force, job)
    rootfs.unmount(containers.path(record.id) / "merged", job)
    if remove:
        containers.remove(record.id)


def main(root: str, container: str) -> int:
    """Called by conmon. Nobody reads what this says, so it says nothing; a next start finds what is left."""
    data = DataRoot(Path(root))
    containers, runtime = Containers(data), Runtime(data, probe())
    try:
        with containers.lock(container):
            record = containers.find(container)
            if not runtime.state(record).pid:
                put_away(containers, runtime, record, Job("clean up", ignore), remove=record.auto_remove)
    except ContainerUnknown:
        return 0
    except CutawayError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
