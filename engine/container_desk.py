"""The façade's part about containers that are there: what a user can do with them by name.

`Workbench` is this and images, config.json and the making of containers.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from engine import rootfs
from engine.describe import container_summary
from engine.disk import DataRoot, default_root
from engine.errors import Cancelled, ContainerDamaged, ContainerState, ContainerUnknown, UsageError
from engine.events import ContainersChanged, ImagesChanged, LogLine, Problem, Sink, Status, ignore
from engine.host import HostFacts, probe
from engine.jobs import CancelToken, Job, Jobs
from engine.network import Networks
from engine.runtime import ContainerRecord, Containers, Runtime
from engine.text import storable, visible
from engine.views import ContainerSummary

if TYPE_CHECKING:  # what not every command needs is loaded where it is used
    from engine.launching import Launcher
    from engine.making import Maker
    from engine.runtime import Attachment, ContainerStats, Happening, ProcessSummary, Reading, Transcript, Watcher
    from engine.spec import ExecOptions, RunOptions
    from engine.tending import Tender


class ContainerDesk:
    """The containers of one data directory on this host.

    A container is called by its name, its id, or a unique beginning of that: each method that takes a name raises
    ContainerUnknown, ContainerDamaged where its record cannot be read, and UsageError where it can mean several.

    `root` is the data directory (None: the usual one); `sink` gets every event, from any thread.
    Making one reads and writes nothing. Raises UsageError for a `root` that no JSON can name.
    """

    def __init__(self, root: Path | None = None, *, sink: Sink = ignore) -> None:
        place = (root or default_root()).absolute()  # others, with other directories, are told of it
        if not storable(str(place)):
            raise UsageError(f"runc needs names in UTF-8, not {visible(str(place))}", hint="Take another --root.")
        self.root = DataRoot(place)
        self.jobs = Jobs(sink)
        self._sink = sink
        self._containers = Containers(self.root)
        self._stop_watching = CancelToken()
        self._watcher: threading.Thread | None = None

    @cached_property
    def facts(self) -> HostFacts:
        """What this machine is and has."""
        return probe()

    @cached_property
    def _runtime(self) -> Runtime:
        return Runtime(self.root, self.facts)

    @cached_property
    def _networks(self) -> Networks:
        return Networks(self.root, self.facts)

    @cached_property
    def _launcher(self) -> Launcher:
        from engine.launching import Launcher

        return Launcher(self.root, self.facts, self._containers, self._runtime, self._networks)

    @cached_property
    def _maker(self) -> Maker:
        from engine.making import Maker

        return Maker(self.root, self._containers, self._runtime, self._networks)

    @cached_property
    def _tender(self) -> Tender:
        from engine.tending import Tender

        return Tender(self.root, self.facts, self._containers, self._runtime)

    def start(self, name: str, job: Job) -> ContainerSummary:
        """Start a created or exited container in the background, and before it the one whose network it shares.

        Raises ContainerState where it runs, RuntimeFailed.
        """
        record = self._find(name)
        self._launcher.start(record, job)
        return self._summary(record)

    def run(self, name: str, attachment: Attachment, job: Job) -> int | None:
        """Start a created container in the foreground and return its exit code, or None if the user detached.

        Raises as `start`.
        """
        return self._launcher.start(self._find(name), job, attachment)

    def attach(self, name: str, attachment: Attachment, job: Job) -> int | None:
        """Connect to a running container; like `run` from then on. Raises ContainerState where it does not run."""
        return self._launcher.attach(self._find(name), attachment, job)

    def stop(self, name: str, job: Job, *, timeout: float | None = None) -> ContainerSummary:
        """Ask it to end (its stop signal), and kill it after `timeout` seconds (None: the container's own, 10).

        Running containers that share its network lose it: a Problem names them, with `restart`, too. One that does not
        run is no error. Raises RuntimeFailed, Cancelled.
        """
        record = self._find(name)
        self._launcher.stop(record, timeout, job)
        return self._summary(record)

    def restart(self, name: str, job: Job, *, timeout: float | None = None) -> ContainerSummary:
        """Stop it where it runs, as `stop` does, and start it again. Raises as those do."""
        record = self._find(name)
        self._launcher.restart(record, timeout, job)
        return self._summary(record)

    def rename(self, name: str, new: str, job: Job) -> ContainerSummary:
        """Give it another name. Raises UsageError for what is no name, ContainerState for one that is taken."""
        return self._summary(self._tender.rename(self._find(name), new, job))

    def exec(self, name: str, options: ExecOptions, attachment: Attachment | None, job: Job) -> int | None:
        """A further process in a running container; its exit code, or None if the user detached from it.

        Without an attachment it goes on in the background. Where the job is cancelled the process ends.
        Raises CommandNotFound, CommandNotExecutable, ContainerState, RuntimeFailed, SpecError, UsageError.
        """
        return self._tender.execute(self._find(name), options, attachment, job)

    def shell(self, name: str) -> list[str]:
        """The command of the best shell in a running container, for `exec`. Raises CommandNotFound."""
        return self._tender.shell(self._find(name))

    def top(self, name: str) -> list[ProcessSummary]:
        """The processes in a container. Raises ContainerState where it does not run."""
        return self._tender.top(self._find(name))

    def update(self, name: str, options: RunOptions, job: Job) -> ContainerSummary:
        """Give it other limits (memory, CPU, pids, block I/O of `options`), now and for every start from now on.

        Raises UsageError, ContainerState for a working container, RuntimeFailed (nothing has changed then).
        """
        record = self._find(name)
        self._tender.update(record, options, job)
        return self._summary(record)

    def stats(
        self, token: CancelToken, *names: str, every: float = 1.0, once: bool = False, idle: bool = False
    ) -> Iterator[list[ContainerStats]]:
        """What running containers use, at once and then `every` so many seconds; without names of all that run. With
        `idle` those that do not run have a line, too.

        With names it ends with the last of them. Raises ContainerUnknown, Cancelled.
        """
        named = [self._find(name) for name in names]
        before: dict[str, Reading] = {}
        while True:
            lines = self._tender.stats(named or self._containers.all(), before, idle=idle)
            yield lines
            if once or (named and all(line.reading.pids == 0 for line in lines)):
                return
            token.sleep(every)

    def happenings(
        self, token: CancelToken, *, since: float | None = None, until: float | None = None, follow: bool = False
    ) -> Iterator[Happening]:
        """What was done to containers, oldest first, times in seconds since the epoch; `follow` waits for more.

        Raises StoreError, Cancelled.
        """
        if follow:
            self.root.prepare()
        return self._containers.happenings.read(token, since=since, until=until, follow=follow)

    def kill(self, name: str, job: Job, *, signal: str = "KILL") -> None:
        """Send a signal to the container's first process. KILL and its stop signal end what --restart makes of it, too.

        Raises ContainerState where none runs and none is about to, UsageError for what is no signal, RuntimeFailed.
        """
        self._tender.kill(self._find(name), signal, job)

    def pause(self, name: str, job: Job) -> None:
        """Freeze all processes of a container. Raises ContainerState where none runs, RuntimeFailed."""
        self._tender.pause(self._find(name), job)

    def unpause(self, name: str, job: Job) -> None:
        """Let a frozen container go on. Raises ContainerState where it is not frozen, RuntimeFailed."""
        self._tender.unpause(self._find(name), job)

    def remove(self, name: str, job: Job, *, force: bool = False) -> None:
        """Take a container away with all it has written; with `force` also one whose record cannot be read, by its id.

        Raises ContainerState while it runs, unless `force`, and while others share its network (`sharers`).
        """
        try:
            record = self._find(name)
        except ContainerDamaged as error:
            if not force:
                raise
            record = self._containers.nameless(error.container)
        self._launcher.remove(record, job, force=force)

    def sharers(self, name: str) -> list[str]:
        """The names of the containers that share a container's network, oldest first."""
        from engine.cleanup import sharers

        return [record.name for record in sharers(self._containers.all(), self._find(name).id)]

    def wait(self, name: str, token: CancelToken) -> int:
        """Wait for its end and return its exit code; where --restart starts it again, for the last one.

        Raises ContainerState for one that was never started, RuntimeFailed where the exit code is lost, Cancelled.
        """
        return next(self.wait_each([name], token))

    def wait_each(self, names: Sequence[str], token: CancelToken) -> Iterator[int]:
        """As `wait`, for one after the other; that a later one removes itself meanwhile loses nothing."""
        for record in [self._find(name) for name in names]:
            yield self._runtime.wait(record, token)

    def containers(self) -> list[ContainerSummary]:
        """Every container, running or not, oldest first; states read from runc's files and the kernel.

        Those whose record cannot be read come before them, with their id as name, and `damaged_containers` tells why.
        Raises StoreError.
        """
        places = rootfs.mounts_below(self.root.containers)
        mounted = {place.parent.name for place in places if place.name == "merged"}
        records = self._containers.all()
        damaged = map(self._containers.nameless, self._containers.unreadable({record.id for record in records}))
        return [
            *(replace(self._summary(record, mounted), status=Status.DAMAGED) for record in damaged),
            *(self._summary(record, mounted) for record in records),
        ]

    def damaged_containers(self) -> list[Problem]:
        """What there is to say of the containers whose record cannot be read. Raises StoreError."""
        return self._containers.damaged()

    def container(self, name: str) -> ContainerSummary:
        """One container by name, id or unique beginning of an id. Raises ContainerUnknown."""
        return self._summary(self._find(name))

    def logs(
        self,
        name: str,
        token: CancelToken,
        *,
        follow: bool = False,
        tail: int | None = None,
        since: float | None = None,
        until: float | None = None,
    ) -> Iterator[list[LogLine]]:
        """A container's output in batches; `tail` the last lines alone, times in seconds since the epoch.

        With `follow` it goes on until the container ends (an empty batch is a sign of life) or `token` is cancelled.
        Raises ContainerState where none is kept, StoreError, Cancelled.
        """
        from engine.runtime import Extent, read_log

        record = self._find(name)
        extent = Extent(tail, since, until, follow, lambda: self._runtime.may_print(record))
        return read_log(self._log(record), extent, token)

    def transcript(self, name: str) -> Transcript:
        """A container's output as rows that can be read from anywhere; whoever asks follows it, and closes it.

        Raises ContainerState where none is kept.
        """
        from engine.runtime import Transcript

        record = self._find(name)
        return Transcript(self._log(record), lambda: self._runtime.may_print(record))

    def copy_logs(
        self,
        name: str,
        stdout: int,
        stderr: int,
        token: CancelToken,
        *,
        timestamps: bool = False,
        follow: bool = False,
        tail: int | None = None,
        since: float | None = None,
        until: float | None = None,
    ) -> None:
        """Write a container's output to two descriptors, byte for byte; the limits are those of `logs`.

        With `timestamps` each line stands after its time. For programs that read, and ten times as fast as `logs`.
        Raises ContainerState where none is kept, OSError where nobody reads.
        """
        from engine.runtime import Extent, copy_log

        record = self._find(name)
        extent = Extent(tail, since, until, follow, lambda: self._runtime.may_print(record))
        copy_log(self._log(record), stdout, stderr, extent, token, timestamps=timestamps)

    def watch(self) -> None:
        """Tell of containers that come, go or change state, by events, until `close`. For a front end that stays.

        Whatever is done after this returns is told of; what is read before it may be stale.
        """
        if self._watcher is None:
            from engine.runtime import Watcher

            watcher = Watcher(
                self.root, lambda ids: self._sink(ContainersChanged(ids)), lambda: self._sink(ImagesChanged())
            )
            self._watcher = threading.Thread(target=self._watch, args=(watcher,), name="cutaway-watch", daemon=True)
            self._watcher.start()

    def _watch(self, watcher: Watcher) -> None:
        with suppress(Cancelled):
            watcher.run(self._stop_watching)

    def close(self) -> None:
        """Cancel what is under way. Containers go on."""
        self._stop_watching.cancel()
        self.jobs.close()

    def _find(self, name: str) -> ContainerRecord:
        """By name, id, or the directory that `mount` printed."""
        path = Path(name)
        if path.is_absolute() and path.name == "merged" and path.parent.parent == self.root.containers:
            name = path.parent.name
        try:
            return self._containers.find(name)
        except ContainerUnknown as error:
            if (told := self._containers.happenings.how_it_went(name)) is not None:
                raise ContainerUnknown(
                    f"{visible(name)[:80]} {told}", hint="Its output and all that it had written went with it."
                ) from error
            raise

    def _summary(self, record: ContainerRecord, mounted: Collection[str] | None = None) -> ContainerSummary:
        path = self._containers.path(record.id)
        here = self._containers.is_mounted(record.id) if mounted is None else record.id in mounted
        return container_summary(record, self._runtime.state(record), path, mounted=here)

    def _log(self, record: ContainerRecord) -> Path:
        if record.passes:
            raise ContainerState(
                f"{record.name} was made with --log-driver passthrough: nothing that it prints is kept",
                hint="It went where the streams of who started it lead.",
            )
        if not record.logged:
            raise ContainerState(
                f"{record.name} was made with --log-driver none: nothing that it prints is kept",
                hint=f"What it prints from now on: cutaway attach {record.name}",
            )
        return self._containers.path(record.id) / "output.log"
