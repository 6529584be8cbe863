"""The containers of a data directory: found, added, changed and removed, safe against other processes."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath

import msgspec

from engine.digest import Digest
from engine.disk import DataRoot, flock, is_at, store_error, sync_directory
from engine.errors import ContainerBusy, ContainerDamaged, ContainerState, ContainerUnknown, StoreError, UsageError
from engine.events import Problem
from engine.jobs import CancelToken
from engine.runtime.happenings import Happenings
from engine.runtime.record import ContainerRecord, check_name, is_id, name_stem, new_id
from engine.text import visible

RECORD = "container.json"
_NAMES = "containers"  # the lock under which names are given


class NameTaken(ContainerState):
    """Another container has the name."""


class Identity(msgspec.Struct, frozen=True):
    """An id and a name for a container to be."""

    id: str
    name: str


class Containers:
    """One directory per container: `container.json`, `config.json`, `upper/`, `work/`, `merged/`, `output.log`, …"""

    def __init__(self, root: DataRoot) -> None:
        self._root = root
        self.happenings = Happenings(root)
        self._known: dict[str, tuple[tuple[int, ...], ContainerRecord]] = {}

    def path(self, container_id: str) -> Path:
        """The directory of a container. Raises ContainerUnknown for what is no id (it could lead elsewhere)."""
        if not is_id(container_id):
            raise ContainerUnknown(f"not a container id: {visible(container_id)[:80]!r}")
        return self._root.containers / container_id

    def is_mounted(self, container_id: str) -> bool:
        """Whether its root filesystem is mounted. An overlay has a filesystem number of its own, so no list of mounts
        is read; a bind of the same filesystem would not be seen. Raises as `path`."""
        return os.path.ismount(self.path(container_id) / "merged")

    def all(self) -> list[ContainerRecord]:
        """Every container, oldest first. A directory whose record cannot be read is left out."""
        ids = self.ids()
        for name in list(self._known):
            if name not in ids:
                self._known.pop(name, None)
        records = [record for name in ids if (record := self._read(name)) is not None]
        return sorted(records, key=lambda record: (record.created, record.id))

    def ids(self) -> set[str]:
        """The ids of all containers that have a record, whether it can be read or not. Raises StoreError."""
        try:
            names = os.listdir(self._root.containers)
        except FileNotFoundError:
            return set()
        except OSError as error:
            raise store_error(error, f"cannot read {self._root.containers}") from error
        here = os.fspath(self._root.containers)
        return {name for name in names if is_id(name) and os.path.lexists(f"{here}/{name}/{RECORD}")}

    def certain(self) -> list[ContainerRecord]:
        """Every container, or StoreError naming one whose record cannot be read: for who removes what none needs."""
        records = self.all()
        for problem in self.damaged():
            raise StoreError(problem.message, hint=f"What it needs is not known, so nothing is removed. {problem.hint}")
        return records

    def damaged(self) -> list[Problem]:
        """The containers that `all` leaves out, since their record cannot be read. Raises StoreError."""
        return [Problem(error.code, error.message, error.hint) for error in self._damaged()]

    def unreadable(self, readable: Collection[str] = ()) -> list[str]:
        """The ids of the containers whose record cannot be read; those that are known to be `readable` are not looked
        at. Raises StoreError."""
        here = os.fspath(self._root.containers)
        suspects = sorted(self.ids().difference(readable))
        return [name for name in suspects if self._read(name) is None and os.path.lexists(f"{here}/{name}/{RECORD}")]

    def _damaged(self) -> Iterator[ContainerDamaged]:
        for name in self.unreadable():
            path = self._root.containers / name / RECORD
            message = f"the record of the container {name} cannot be read: {path}"
            hint = f"Mend the file, or end it and remove all that it has written: cutaway rm --force {name}"
            yield ContainerDamaged(name, message, hint=hint)

    def find(self, name: str) -> ContainerRecord:
        """The container of that name, id, or unique beginning of an id. Raises ContainerUnknown, ContainerDamaged,
        UsageError."""
        if is_id(name) and (record := self._read(name)) is not None:
            return record
        records = self.all()
        for record in records:
            if record.name == name:
                return record
        matches = [record for record in records if name and record.id.startswith(name)]
        if len(matches) > 1:
            found = ", ".join(f"{record.id} ({record.name})" for record in matches[:5])
            raise UsageError(f"{name!r} could be any of {found}", hint="Give more digits of the id, or the name.")
        if not matches:
            damaged = list(self._damaged())
            for error in damaged:
                if error.container == name:
                    raise error
            hint = "cutaway ps -a lists the containers that are here."
            raise ContainerUnknown(
                f"no container {visible(name)[:80]!r}",
                hint=f"It may be one whose record cannot be read: {_ids(damaged)}. {hint}" if damaged else hint,
            )
        return matches[0]

    def nameless(self, container_id: str) -> ContainerRecord:
        """What stands for a record that cannot be read, so that the container can be ended and removed."""
        return ContainerRecord(
            id=container_id, name=container_id, image="", image_digest="", layers=[], created="", command=[]
        )

    def reserve(self, name: str | None, image: str) -> Identity:
        """A fresh id, and `name` or, without one, `<image's last part>-<smallest free number>`.

        Nothing is written: `add` finds out if somebody was faster. Raises UsageError, NameTaken.
        """
        if name is not None:
            check_name(name)
            if any(record.name == name for record in self.all()):
                raise _name_taken(name)
            return Identity(new_id(), name)
        return Identity(new_id(), self.free_name(name_stem(image)))

    def free_name(self, stem: str) -> str:
        """`<stem>-<smallest free number>`."""
        taken = {record.name for record in self.all()}
        return next(candidate for n in itertools.count(1) if (candidate := f"{stem}-{n}") not in taken)

    def add(self, record: ContainerRecord, files: Mapping[str, bytes]) -> Path:
        """Make the container's directory, whole or not at all, with `files` by their path in it; returns the directory.

        `upper/` gets the mode and owner of the topmost layer's root directory, since it becomes the root directory of
        the container. Raises ContainerState (id or address taken), NameTaken, UsageError, StoreError.
        """
        check_name(record.name)
        target = self.path(record.id)
        try:
            with self._root.staging("container") as staging:
                self._fill(staging, record, files)
                with self._root.lock(_NAMES):
                    if any(other.name == record.name for other in self.all()):
                        raise _name_taken(record.name)
                    if record.network == "bridge" and any(other.address == record.address for other in self.all()):
                        raise ContainerState(f"the address {record.address} has just been taken", hint="Try again.")
                    if record.numbers and any(_meet(record.numbers, other.numbers) for other in self.all()):
                        raise ContainerState("the numbers of --userns auto have just been taken", hint="Try again.")
                    os.rename(staging, target)
                    sync_directory(self._root.containers)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                raise ContainerState(f"there is a container {record.id} already") from error
            raise store_error(error, f"cannot make {target}") from error
        return target

    def update(self, record: ContainerRecord) -> None:
        """Replace the record of a container that is here. Raises ContainerUnknown, ContainerState, StoreError."""
        check_name(record.name)
        with self._root.lock(_NAMES):
            others = self.all()
            if not any(other.id == record.id for other in others):
                raise ContainerUnknown(f"no container {record.id}")
            if any(other.name == record.name and other.id != record.id for other in others):
                raise _name_taken(record.name)
            self._root.write(self.path(record.id) / RECORD, _encoded(record), mode=0o600)

    def remove(self, container_id: str) -> None:
        """Take a container's directory away, with all that was written in it. Raises ContainerUnknown, StoreError.

        Refuses while its root filesystem is mounted: unmount it first.
        """
        path = self.path(container_id)
        if self.is_mounted(container_id):
            raise StoreError(f"{path / 'merged'} is still mounted", hint=f"umount {path / 'merged'}")
        try:
            with self._root.staging("removed") as staging:  # the end of the block deletes it
                os.rename(path, staging / container_id)
                sync_directory(self._root.containers)
        except FileNotFoundError as error:
            raise ContainerUnknown(f"no container {container_id}") from error
        except OSError as error:
            raise store_error(error, f"cannot remove {path}") from error

    @contextlib.contextmanager
    def lock(self, container_id: str, *, token: CancelToken | None = None, wait: bool = True) -> Iterator[Path]:
        """Hold a container against other processes and threads, and give its directory. Not reentrant.

        Without `wait` raises ContainerBusy at once where somebody else holds it.

        The lock is on the directory itself, so it leaves nothing behind. Raises ContainerUnknown if the container
        is not there, or went while we waited; Cancelled.
        """
        path = self.path(container_id)
        try:
            handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise ContainerUnknown(f"no container {container_id}") from error
        except OSError as error:
            raise store_error(error, f"cannot lock {path}") from error
        try:
            if not flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB), token if wait else None):
                raise ContainerBusy(f"another process is at work on {container_id}")
            if not is_at(handle, path):
                raise ContainerUnknown(f"container {container_id} has just been removed")
            yield path
        finally:
            os.close(handle)

    def _read(self, container_id: str) -> ContainerRecord | None:
        """All are asked for several times in each start, so what has been read is read again where it has changed."""
        place = f"{os.fspath(self._root.containers)}/{container_id}/{RECORD}"
        try:
            status = os.stat(place)
            as_of = (status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size)
            known = self._known.get(container_id)
            if known is not None and known[0] == as_of:
                return known[1]
            with open(place, "rb") as file:
                record = msgspec.json.decode(file.read(), type=ContainerRecord)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            self._known.pop(container_id, None)
            return None
        if record.id != container_id:
            return None
        self._known[container_id] = as_of, record
        return record

    def _fill(self, staging: Path, record: ContainerRecord, files: Mapping[str, bytes]) -> None:
        for name in ("upper", "work", "merged"):
            (staging / name).mkdir(mode=0o755)
        if (below := self._root_directory(record)) is not None:
            os.chown(staging / "upper", below.st_uid, below.st_gid)
            os.chmod(staging / "upper", below.st_mode & 0o7777)
            os.utime(staging / "upper", ns=(below.st_atime_ns, below.st_mtime_ns))
        for name, data in {**files, RECORD: _encoded(record)}.items():
            place = PurePosixPath(name)
            if place.is_absolute() or ".." in place.parts or place.parts[0] in ("upper", "work", "merged"):
                raise StoreError(f"not a place for a container's file: {visible(name)[:80]!r}")
            (staging / place.parent).mkdir(parents=True, exist_ok=True)
            # Of one with --rm that the host went down with the record is needed, to remove it, and nothing else.
            lasting = name == RECORD or not record.auto_remove
            _write(staging / place, data, 0o600 if len(place.parts) == 1 else 0o644, lasting=lasting)
        sync_directory(staging)

    def _root_directory(self, record: ContainerRecord) -> os.stat_result | None:
        """The root directory of the topmost layer, which the container's own takes the place of."""
        if not record.layers:
            return None
        try:
            return os.stat(self._root.layers / Digest.parse(record.layers[-1]).hex / "diff")
        except FileNotFoundError:
            return None


def _ids(damaged: list[ContainerDamaged]) -> str:
    return ", ".join([error.container for error in damaged[:5]] + ["…"] * (len(damaged) > 5))


def _encoded(record: ContainerRecord) -> bytes:
    # A Digest in it is a str of ours, which msgspec wants to be told.
    return msgspec.json.format(msgspec.json.encode(record, enc_hook=str), indent=2) + b"\n"


def _meet(one: tuple[int, int], other: tuple[int, int] | None) -> bool:
    return other is not None and one[0] < sum(other) and other[0] < sum(one)


def _name_taken(name: str) -> NameTaken:
    return NameTaken(
        f"there is a container {name!r} already", hint=f"Remove it with: cutaway rm {name}, or choose another --name."
    )


def _write(path: Path, data: bytes, mode: int, *, lasting: bool) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(handle, mode)
        file.write(data)
        file.flush()
        if lasting:
            os.fsync(handle)
