"""Working containers: an image's layers below a writable directory of their own, mounted. Nothing runs in them."""

from __future__ import annotations

from engine.disk import DataRoot
from engine.errors import ContainerState
from engine.events import ContainersChanged
from engine.jobs import Job
from engine.journalling import image_steps, journalled
from engine.launching import Launcher
from engine.linking import Linker
from engine.runtime import ContainerRecord, Containers, Kind, now
from engine.store import ImageRecord


class Mounter:
    """Makes working containers, and mounts them again."""

    def __init__(self, root: DataRoot, containers: Containers, linker: Linker, launcher: Launcher) -> None:
        self._root = root
        self._containers = containers
        self._linker = linker
        self._launcher = launcher

    def make(self, image: ImageRecord, name: str | None, job: Job) -> ContainerRecord:
        """A new one of an image. Raises ContainerState if the name is taken, MountError."""
        identity = self._containers.reserve(name, image.name)
        record = ContainerRecord(
            id=identity.id,
            name=identity.name,
            image=image.name,
            image_digest=image.descriptor.digest,
            layers=list(image.chain_ids),
            in_place=list(map(str, image.in_place)),
            created=now(),
            command=[],
            kind=Kind.WORKING,
        )
        record = self._linker.add(record, {}, made_up=name is None)
        with journalled(self._containers, record, job, image_steps(self._root, record)):
            try:
                self._launcher.mount(record, job)
            except BaseException:
                self._containers.remove(record.id)
                raise
        self._containers.happenings.add(record, "mount")
        job.emit(ContainersChanged((record.id,)))
        return record

    def mount_again(self, record: ContainerRecord, job: Job) -> None:
        """Mount a working container's root filesystem where it is not mounted. Raises ContainerState for another kind
        of container that does not run: its root filesystem is mounted while it does."""
        with journalled(self._containers, record, job), self._containers.lock(record.id, token=job.token):
            if self._containers.is_mounted(record.id):
                return
            if record.kind is not Kind.WORKING:
                raise ContainerState(
                    f"the container {record.name} does not run, so its root filesystem is not mounted",
                    hint=f"Start it with: cutaway start {record.name}",
                )
            self._launcher.mount(record, job)
