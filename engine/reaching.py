"""Reaching into a container's root filesystem from this host, and out of it: `cp`.

Where it runs its root is opened as its processes have it, volumes and all; where it does not, its merged directory is
mounted meanwhile. Either way all names are looked up below that open directory (engine.layers.rooted).
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from engine.bundling import mapping
from engine.digest import Digest
from engine.disk import DataRoot
from engine.drafting import looked_into
from engine.errors import ContainerState, UsageError
from engine.events import ALIVE, LayerPhase, LayerProgress, Problem
from engine.host import HostFacts
from engine.jobs import Job
from engine.launching import Launcher
from engine.layers.grafting import Graft, as_told
from engine.rootfs import IdMapping
from engine.runtime import ContainerRecord, Containers, Runtime
from engine.store import ImageRecord
from engine.text import visible

_EVERY = 0.1  # seconds between two words on how far a copy is
_KERNELS_OWN = (b"proc", b"sysfs", b"cgroup", b"cgroup2", b"devpts", b"mqueue")
_NO_DIGEST = Digest.of(b"")


class Reacher:
    """Copies between containers and this host."""

    def __init__(
        self, root: DataRoot, facts: HostFacts, containers: Containers, runtime: Runtime, launcher: Launcher
    ) -> None:
        self._root = root
        self._facts = facts
        self._containers = containers
        self._runtime = runtime
        self._launcher = launcher

    def copy_out(
        self,
        found: ContainerRecord | ImageRecord,
        path: str,
        target: Path | str,
        job: Job,
        *,
        overwrite: bool = False,
        replace: bool = True,
        devices: bool = False,
    ) -> int:
        """Copy `path` of a container or an image to this host; owners are as its processes see them. Returns how many
        files. Without `replace` no file takes another's place. Without `devices` those are left out, as podman does,
        and that is told: on this host no control group keeps anybody from using them.

        Raises UsageError, ContainerState, MountError, CutawayError, Cancelled.
        """
        opened = self._image_root(found, job) if isinstance(found, ImageRecord) else self._root_of(found, job)
        with opened as (root, numbers), _opened("/") as host:
            owner = numbers.inside if numbers else _same
            pid = 0 if isinstance(found, ImageRecord) else self._runtime.state(found).pid
            unread = _kernels_own(pid) if pid else ()
            graft = Graft(
                owner,
                job.token,
                overwrite=overwrite,
                replace=replace,
                tell=_teller(job),
                unread=unread,
                devices=devices,
            )
            count = _copied(graft, root, os.fsencode("/" + path.lstrip("/")), host, _absolute(target), path)
            if graft.left_out:
                job.emit(Problem("devices-left-out", _without_devices(graft.left_out)))
            return count

    def copy_in(
        self,
        source: Path | str,
        record: ContainerRecord,
        path: str,
        job: Job,
        *,
        keep_owner: bool = False,
        overwrite: bool = False,
    ) -> int:
        """Copy something of this host to `path` of a container, as its user's unless `keep_owner`; how many files.

        Raises UsageError, ContainerState, MountError, CutawayError, Cancelled.
        """
        user = None if keep_owner else _user(self._containers.path(record.id) / "config.json")
        with self._root_of(record, job) as (root, numbers), _opened("/") as host:

            def owner(uid: int, gid: int) -> tuple[int, int]:
                found = user or (uid, gid)
                there = numbers.on_host(*found) if numbers else found
                if -1 in there:
                    raise UsageError(f"{record.name} has no number for the owner {found[0]}:{found[1]}")
                return there

            graft = Graft(owner, job.token, overwrite=overwrite, tell=_teller(job))
            return _copied(graft, host, _absolute(source), root, os.fsencode("/" + path.lstrip("/")), str(source))

    @contextmanager
    def _image_root(self, image: ImageRecord, job: Job) -> Iterator[tuple[int, IdMapping | None]]:
        with looked_into(self._root, self._facts, image, job) as merged, _opened(merged) as handle:
            yield handle, None

    @contextmanager
    def _root_of(self, record: ContainerRecord, job: Job) -> Iterator[tuple[int, IdMapping | None]]:
        """A container's root, open, and the mapping of its user namespace."""
        self._facts.need_root("reach into a container")
        with self._launcher.still(record, job) as merged:
            state = self._runtime.state(record)
            runs = state.status in ALIVE
            with _opened(f"/proc/{state.pid}/root" if runs else merged) as handle:
                if runs and self._runtime.state(record).pid != state.pid:
                    raise ContainerState(f"{record.name} ended a moment ago", hint="Try again.")
                yield handle, mapping(self._containers.path(record.id) / "config.json")


def _teller(job: Job) -> Callable[[int, int], None]:
    """Progress of what takes long; what is copied in a moment is not told of."""
    last = time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _EVERY:
            last = now
            job.emit(LayerProgress(job.id, _NO_DIGEST, 1, 1, LayerPhase.COPYING, done, total))

    return tell


def _without_devices(left_out: list[str]) -> str:
    some = ", ".join(left_out[:5]) + ", …" * (len(left_out) > 5)
    return f"devices are not copied to this host: {some}"


def _same(user: int, group: int) -> tuple[int, int]:
    return user, group


@contextmanager
def _opened(directory: Path | str) -> Iterator[int]:
    try:
        handle = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise ContainerState(f"cannot open {directory}: {error.strerror}", hint="Try again.") from error
    try:
        yield handle
    finally:
        os.close(handle)


def _kernels_own(pid: int) -> set[int]:
    """The devices of what a process has mounted and the kernel makes up (/proc, /sys): reading there may fail or hang.

    The form of the lines: proc(5), /proc/pid/mountinfo.
    """
    found = set()
    with suppress(OSError):  # it has just ended
        for line in Path(f"/proc/{pid}/mountinfo").read_bytes().split(b"\n")[:-1]:
            words = line.split(b" ")
            if words[words.index(b"-") + 1] in _KERNELS_OWN:
                major, _, minor = words[2].partition(b":")
                found.add(os.makedev(int(major), int(minor)))
    return found


def _user(config: Path) -> tuple[int, int]:
    """Who a container's process is, by its config.json: root where that does not say."""
    try:
        user = json.loads(config.read_bytes())["process"]["user"]
        return int(user["uid"]), int(user["gid"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return 0, 0


def _absolute(path: Path | str) -> bytes:
    """With the slash or dot at its end, which says how it is meant, as pathlib would not keep it."""
    return os.path.join(os.fsencode(os.getcwd()), os.fsencode(path))


def _copied(graft: Graft, source_root: int, source: bytes, target_root: int, target: bytes, what: str) -> int:
    try:
        return graft.copy(source_root, source, target_root, target)
    except OSError as error:
        raise as_told(error, visible(what)) from error
