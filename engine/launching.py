"""Launch: join image, rootfs, config.json and runtime into a container.

draft (see drafting.py) -> create (containers/<id>/ on disk) -> start (mount, runc).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from engine import rootfs
from engine.bundling import blamed, keep_launched, kept_options, mapping
from engine.cleanup import Cleaner
from engine.digest import Digest
from engine.disk import DataRoot
from engine.errors import ContainerState, ContainerUnknown, RuntimeFailed
from engine.events import ALIVE, ContainersChanged, Status
from engine.host import HostFacts
from engine.jobs import Job
from engine.journalling import journalled, keep, need_config
from engine.linking import Linker
from engine.network import Networks
from engine.runtime import (
    Attachment,
    ContainerRecord,
    Containers,
    Ending,
    Runtime,
    coming_back,
    last_run,
    put_back,
)
from engine.trace import StepKind
from engine.volumes import Volumes

if TYPE_CHECKING:
    from engine.runtime import Pump
    from engine.runtime.foreground import Passed


class Launcher:
    """Starts and removes containers."""

    def __init__(
        self, root: DataRoot, facts: HostFacts, containers: Containers, runtime: Runtime, networks: Networks
    ) -> None:
        self._root = root
        self._facts = facts
        self._containers = containers
        self._runtime = runtime
        self._cleaner = Cleaner(root, containers, runtime, networks)
        self._volumes = Volumes(root)
        self._linker = Linker(containers, runtime, networks)

    def start(
        self, record: ContainerRecord, job: Job, attachment: Attachment | None = None, *, fleeting: bool = False
    ) -> int | None:
        """Mount its root filesystem and start it. With an attachment stay until its end and return the exit code.

        The streams are connected before the process starts, so nothing of its output is lost. A `fleeting` container
        that cannot be started is removed. Whose network it shares is started first.
        Returns None if nobody stayed, or the user detached. Raises ContainerState if it runs already, RuntimeFailed.
        """
        need_config(record)
        self._start_owner(record, job, fleeting=fleeting)
        with ExitStack() as stack:
            with journalled(self._containers, record, job), self._containers.lock(record.id, token=job.token):
                if (state := self._runtime.state(record)).pid:
                    if state.status is not Status.CREATED:
                        hint = f"cutaway attach {record.name} connects to it."
                        raise ContainerState(f"{record.name} runs already", hint=hint)
                    # Whoever began to start it was killed in between.
                    self._cleaner.put_away(record, job, force=True)
                self._runtime.check_known(record)
                coming_back.begin_anew(self._containers.path(record.id))
                pump = self._begin(record, job, stack, attachment, fleeting=fleeting)
                began = self._runtime.start_time(record)  # before another run can begin
            job.emit(ContainersChanged((record.id,)))
            if pump is None:
                return None
            ending = pump.run(job.token)
        return self._after(record, ending, began, job)

    def _start_owner(self, record: ContainerRecord, job: Job, *, fleeting: bool) -> None:
        """Start the container whose network it shares where that does not run, as podman does. Not under the lock of
        who shares it: nobody waits for one lock with another one held."""
        owner = self._linker.owner(record)
        if owner is None or self._runtime.state(owner).status in ALIVE or self._runtime.state(record).pid:
            return
        try:
            try:
                self.start(owner, job)
            except ContainerState:
                if self._runtime.state(owner).status not in ALIVE:  # somebody else has started it
                    raise
        except BaseException:
            if fleeting or record.auto_remove:
                self.remove(record, job.quiet(), force=False)
            raise

    def start_again(self, record: ContainerRecord, job: Job) -> None:
        """Start a container again that has ended, where its --restart asks for that; whose network it shares likewise.

        No person asks for it, so it starts nothing that a person has ended. It is not journalled unless it fails: a
        loop would fill the disk. Raises as `start`, StoreError.
        """
        home = self._containers.path(record.id)
        done = len(job.steps)
        try:
            with job.step(StepKind.RUNTIME, shlex.join(["cutaway", "start", record.name])):
                owner = self._linker.owner(record)
                if owner is not None and self._runtime.state(owner).status not in ALIVE:
                    self.start_again(owner, job.quiet())  # one left alone `linked` tells of
                with self._containers.lock(record.id), ExitStack() as stack:
                    if not coming_back.is_due(record.restart, home, state := self._runtime.state(record)):
                        return
                    coming_back.count_restart(self._root, home, state)
                    self._begin(record, job, stack, None)
        except BaseException:
            keep(home / "trace.jsonl", job.steps[done:], job)
            raise

    def restart(self, record: ContainerRecord, timeout: float | None, job: Job) -> None:
        """Stop it where it runs, as `stop` does, and start it. One with --rm stays, too.

        The lock is held from the end to the new beginning, so conmon's clean-up finds a container that runs.
        Raises as `start`.
        """
        need_config(record)
        with journalled(self._containers, record, job), self._containers.lock(record.id, token=job.token):
            self._tell_cut_off(record, job)
            self._runtime.stop(record, record.stop_timeout if timeout is None else timeout, job)
            self._cleaner.put_away(record, job, force=True)
            coming_back.begin_anew(self._containers.path(record.id))
            with ExitStack() as stack:
                self._begin(record, job, stack, None)
        self._containers.happenings.add(record, "restart")
        job.emit(ContainersChanged((record.id,)))

    def _begin(
        self,
        record: ContainerRecord,
        job: Job,
        stack: ExitStack,
        attachment: Attachment | None,
        *,
        fleeting: bool = False,
    ) -> Pump | Passed | None:
        """Mount, create, connect, start. The caller holds the lock. What fails is cleared up after, and an earlier run
        stays the last one."""
        files, home = self._runtime.files(record), self._containers.path(record.id)
        before = last_run(files)
        try:
            if not self._containers.is_mounted(record.id):
                self.mount(record, job)
            self._volumes.fill(home / "config.json", home / "merged", job)
            asked = kept_options(home).network if record.shares else None
            with blamed(home), self._linker.linked(record, asked, job) as held:
                self._runtime.create(record, job, held)
            with blamed(home):
                pump = stack.enter_context(self._runtime.connect(record, attachment)) if attachment else None
                self._runtime.start(record, job)
            keep_launched(self._root, home, lasting=not record.auto_remove)
        except BaseException:
            quiet = job.quiet()  # one that is not cancelled
            remove = self._cleaner.goes(record) or fleeting
            self._cleaner.put_away(record, quiet, force=True, remove=remove)
            if not remove:
                put_back(files, before)
            raise
        self._containers.happenings.add(record, "start", self._runtime.start_time(record))
        return pump

    def attach(self, record: ContainerRecord, attachment: Attachment, job: Job) -> int | None:
        """Connect to a running container, like `start` from then on. Raises ContainerState where it does not run, or
        is paused, as podman has it."""
        self._runtime.need_running(record)
        if record.passes:
            raise ContainerState(
                f"{record.name} was made with --log-driver passthrough: it has the streams of who started it",
                hint=f"A further process in it: cutaway exec {record.name} …",
            )
        with self._runtime.connect(record, attachment) as pump:
            began = self._runtime.start_time(record)
            ending = pump.run(job.token)
        return self._after(record, ending, began, job)

    def _after(self, record: ContainerRecord, ending: Ending, began: float | None, job: Job) -> int | None:
        """The exit code of the run that began then, and not of one that --restart has made of it since."""
        if ending is Ending.DETACHED:
            return None
        if ending is Ending.LOST and record.auto_remove:  # nobody would ever come back to it
            self.stop(record, None, job)
            raise RuntimeFailed(f"what {record.name} prints cannot be written any more: it was stopped")
        if ending is Ending.LOST:
            raise RuntimeFailed(
                f"what {record.name} prints cannot be written to standard output any more; it goes on",
                hint=f"cutaway attach {record.name} connects again; cutaway logs {record.name} has all of it.",
            )
        code = None
        if record.restart and not self._runtime.wait_for_run(record, began, job.token):
            code = self._containers.happenings.exit_code(record.id, began)
        if code is None:
            code = self._runtime.wait(record, job.token, again=False)
        self.tidy(record, job)
        return code

    def tidy(self, record: ContainerRecord, job: Job) -> None:
        """What is due when a container has ended. conmon sees to it, too: who comes first does it."""
        try:
            with self._containers.lock(record.id, token=job.token):
                if not self._runtime.state(record).pid:
                    self._cleaner.tidy(record, job)
        except ContainerUnknown:
            pass  # conmon was faster
        job.emit(ContainersChanged((record.id,)))

    def stop(self, record: ContainerRecord, timeout: float | None, job: Job) -> None:
        """Ask it to end, and kill it after `timeout` seconds (None: the container's own).

        Without the container's lock while it waits, as conmon's clean-up needs that.
        """
        if record.restart:  # under the lock: who starts it again just now comes first, and then it runs
            with self._containers.lock(record.id, token=job.token) as home:
                coming_back.leave_alone(home)
        if not (state := self._runtime.state(record)).pid and state.status is not Status.UNKNOWN:
            return  # it has ended, or never ran: that is what was asked for
        self._tell_cut_off(record, job)
        with journalled(self._containers, record, job):
            self._runtime.stop(record, record.stop_timeout if timeout is None else timeout, job)
        self._containers.happenings.add(record, "stop")
        self.tidy(record, job)

    def _tell_cut_off(self, record: ContainerRecord, job: Job) -> None:
        for problem in self._linker.cut_off(record):
            job.emit(problem)

    def remove(self, record: ContainerRecord, job: Job, *, force: bool) -> None:
        """Take it away with all that it has written. Raises ContainerState while it runs, unless `force`, and while
        other containers share its network."""
        with self._containers.lock(record.id, token=job.token):
            if force or not self._runtime.state(record).pid:
                self._linker.need_unshared(record)
            self._cleaner.put_away(record, job, force=force, remove=True)
        job.emit(ContainersChanged((record.id,)))

    @contextmanager
    def still(self, record: ContainerRecord, job: Job, *, pause: bool = False) -> Iterator[Path]:
        """Its merged directory, mounted at least for as long as the `with` block lasts; nobody starts or removes it.

        With `pause` a running container is frozen meanwhile. Raises MountError, ContainerState, Cancelled.
        """
        with self._containers.lock(record.id, token=job.token) as home, ExitStack() as stack:
            if pause and self._runtime.state(record).status is Status.RUNNING:
                self._runtime.pause(record, job)
                stack.callback(self._runtime.unpause, record, job.quiet())
            if not self._containers.is_mounted(record.id):
                rootfs.mount(self.plan(record), job.quiet())
                stack.callback(rootfs.unmount, home / "merged", job.quiet())
            yield home / "merged"

    def mount(self, record: ContainerRecord, job: Job) -> None:
        """Mount its root filesystem. Raises MountError."""
        rootfs.mount(self.plan(record), job, image="" if record.in_place else record.image)

    def plan(self, record: ContainerRecord) -> rootfs.OverlayPlan:
        """The overlay that is a container's root filesystem while it runs. Raises MountError."""
        layers = [Digest.parse(chain_id) for chain_id in record.layers]
        in_place = [Path(path) for path in record.in_place]
        home = self._containers.path(record.id)
        return rootfs.plan(
            self._root,
            layers,
            home,
            in_place=in_place,
            mapping=mapping(home / "config.json"),
            volatile=record.auto_remove and self._facts.overlay_volatile,
        )
