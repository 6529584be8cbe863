"""The data directory: where things are, how they are written, how processes keep out of each other's way.

Everything is written to `tmp/`, synced (but for what goes with a container that has --rm), then renamed, so a reader
never sees half a thing; two processes on one store are normal, and take turns by flock(2), which the kernel releases
when a process dies.

```
images/       a standard OCI image layout       layers/      expanded layers, by chain ID
containers/   one directory per container       traces/      journals of what made each image
tmp/          work in progress, locked by whoever works on it
locks/        who takes turns with whom right now
```
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path

import msgspec

from engine import whereabouts
from engine.errors import CutawayError, StoreError
from engine.jobs import CancelToken
from engine.walking import remove_quietly, remove_tree

_TMP_LOCK = "tmp"
_POLL = 0.05  # seconds between two tries for a lock that can be cancelled
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_RESERVE = 256 * 1024  # bytes; some hundreds of names, and the directory that a removal needs

PART = ".part"
"""What the name of the resumable part of a transfer, in tmp/, ends with."""

KEEP_PARTIAL = 7 * 24 * 3600
"""Seconds that the resumable part of a transfer waits for somebody to go on with it."""


class DataRoot(msgspec.Struct, frozen=True, dict=True):
    """The paths below one data directory. `prepare` makes them."""

    path: Path

    @cached_property
    def images(self) -> Path:
        """A standard OCI image layout."""
        return self.path / "images"

    @cached_property
    def layers(self) -> Path:
        """Expanded layers, by the hexadecimal digits of their chain ID."""
        return self.path / "layers"

    @cached_property
    def containers(self) -> Path:
        """One directory per container, by id."""
        return self.path / "containers"

    @cached_property
    def traces(self) -> Path:
        """The journals of what made each image, by manifest digest."""
        return self.path / "traces"

    @cached_property
    def tmp(self) -> Path:
        """Work in progress. What nobody holds a lock for is left over from a crash."""
        return self.path / "tmp"

    @cached_property
    def locks(self) -> Path:
        """Who takes turns with whom right now, by the lock's name."""
        return self.path / "locks"

    @cached_property
    def _reserve(self) -> Path:
        return self.path / ".reserve"

    @cached_property
    def run(self) -> Path:
        """What does not outlive a reboot: runc's state, sockets, pid files (see `whereabouts`)."""
        return whereabouts.run_directory(self.path)

    def prepare(self) -> None:
        """Make the directories. Raises StoreError where they cannot be made.

        Images may be private and have set-user-ID programs with known holes in them, so other users get no way into
        them by this host's own paths (CVE-2021-41091). A container's path alone can be passed through: runc has to,
        as the container's own user, where it has a user namespace.
        """
        try:
            passed_through = (self.path, self.containers)
            for directory in (*passed_through, self.images, self.layers, self.traces, self.tmp, self.locks):
                if not directory.is_dir():
                    directory.mkdir(mode=0o711 if directory in passed_through else 0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise store_error(error, f"cannot prepare {self.path}") from error

    def lay_by(self) -> None:
        """Keep some room for the day when the disk is full to the last byte, so that things can be removed then."""
        if not self._reserve.exists():
            with suppress(StoreError):
                self.write(self._reserve, os.urandom(_RESERVE), mode=0o600)  # no filesystem can compress that away

    @contextmanager
    def reserve(self) -> Iterator[None]:
        """While inside, the room that was laid by for removals on a full disk may be used; it is laid by again after.

        Raises what the block raises.
        """
        if free_space(self.path) < _RESERVE:
            self._reserve.unlink(missing_ok=True)
        try:
            yield
        finally:
            self.lay_by()

    def write(self, target: Path, data: bytes, *, mode: int = 0o644, lasting: bool = True) -> None:
        """Put a whole file in place, or leave the old one: write to tmp/, rename; brought to the disk if `lasting`."""
        try:
            with self.lock(_TMP_LOCK, shared=True):
                name = self.tmp / f"file-{os.urandom(6).hex()}"
                handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
                try:
                    with os.fdopen(handle, "wb") as file:
                        file.write(data)
                        file.flush()
                        os.fchmod(file.fileno(), mode)
                        if lasting:
                            os.fsync(file.fileno())
                    os.rename(name, target)
                except BaseException:
                    os.unlink(name)
                    raise
            if lasting:
                sync_directory(target.parent)
        except OSError as error:
            raise store_error(error, f"cannot write {target}") from error

    @contextmanager
    def lock(self, name: str, *, shared: bool = False, token: CancelToken | None = None) -> Iterator[int]:
        """Hold the lock `name` (made of letters, digits and `._-`) against other processes and threads.

        Gives the descriptor that holds it: a child that inherits it holds the lock, too, if this process is killed.
        With a `token` the wait can be cancelled. Not reentrant. Raises StoreError, Cancelled.
        """
        path = self.locks / _checked(name)
        with self._locked(path, fcntl.LOCK_SH if shared else fcntl.LOCK_EX, token) as handle:
            assert handle is not None
            try:
                yield handle
            finally:
                if not shared:
                    path.unlink(missing_ok=True)  # those who wait for it see that it has gone, and make a new one

    @contextmanager
    def try_lock(self, name: str) -> Iterator[bool]:
        """Like `lock`, but does not wait: False where somebody else holds it."""
        path = self.locks / _checked(name)
        with self._locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB, None) as handle:
            try:
                yield handle is not None
            finally:
                if handle is not None:
                    path.unlink(missing_ok=True)

    @contextmanager
    def partial(self, name: str, token: CancelToken | None = None) -> Iterator[tuple[Path, int]]:
        """The file tmp/<name>.part and a descriptor to read and write it, locked: only one process works on it.

        What it holds at the end stays for the next one who asks, unless it was renamed or unlinked meanwhile;
        an empty one goes. Raises StoreError, Cancelled.
        """
        path = self.tmp / (_checked(name) + PART)
        with self._locked(path, fcntl.LOCK_EX, token) as handle:
            assert handle is not None
            try:
                yield path, handle
            finally:
                if os.fstat(handle).st_size == 0 and is_at(handle, path):
                    path.unlink()

    @contextmanager
    def _locked(self, path: Path, operation: int, token: CancelToken | None) -> Iterator[int | None]:
        """Open and flock a file; it is at `path` still when the lock is held. None where LOCK_NB found it taken."""
        while True:
            try:
                handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            except OSError as error:
                raise store_error(error, f"cannot lock {path}") from error
            try:
                if not flock(handle, operation, token):
                    yield None
                    return
                if is_at(handle, path):  # otherwise its holder took it away while this process waited
                    yield handle
                    return
            finally:
                os.close(handle)

    @contextmanager
    def staging(self, prefix: str) -> Iterator[Path]:
        """A new directory in tmp/ to build something in; gone at the end unless it was renamed away, or cannot go.

        It is locked while in use, so that a clean-up after a crash tells it from a left-over.
        """
        try:
            with self.lock(_TMP_LOCK, shared=True):
                path = self.tmp / f"{prefix}-{os.urandom(6).hex()}"
                path.mkdir(mode=0o700)
                handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError as error:
            raise store_error(error, f"cannot write below {self.tmp}") from error
        try:
            yield path
        finally:
            remove_quietly(path)
            os.close(handle)

    def leftovers(self) -> list[Path]:
        """What `clear_leftovers` would remove from tmp/. Raises StoreError."""
        with self.lock(_TMP_LOCK):
            found = []
            for entry in sorted(self.tmp.iterdir()):
                with _leftover(entry) as is_one:
                    found += [entry] * is_one
            return found

    def clear_leftovers(self, unmount: Callable[[Path], None]) -> tuple[list[str], list[str]]:
        """Remove what a crash left in tmp/, and locks that nobody holds; returns its names, and in words what stays.

        What is in use stays, and so do resumable parts of transfers for KEEP_PARTIAL seconds. `unmount` is called
        for each directory before it goes, to take away what is mounted below it. Raises StoreError.
        """
        gone, stays = [], []
        # The lock makes sure that nobody is between making an entry and locking it.
        with self.lock(_TMP_LOCK):
            for entry in self.tmp.iterdir():
                try:
                    gone += [entry.name] * _remove_leftover(entry, unmount)
                except (CutawayError, OSError) as error:
                    stays.append(f"cannot remove {entry}: {error.strerror if isinstance(error, OSError) else error}")
        for entry in self.locks.iterdir():
            with self.try_lock(entry.name):
                pass  # its end takes the file away
        return sorted(gone), stays


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"not the name of a lock: {name!r}")
    return name


def _remove_leftover(entry: Path, unmount: Callable[[Path], None]) -> bool:
    with _leftover(entry) as is_one:
        if is_one and entry.is_dir() and not entry.is_symlink():
            unmount(entry)
            remove_tree(entry)
        elif is_one:
            entry.unlink(missing_ok=True)
        return is_one


@contextmanager
def _leftover(entry: Path) -> Iterator[bool]:
    """Whether nobody works on an entry of tmp/, and nobody can go on with it; nobody begins to while inside."""
    try:
        handle = os.open(entry, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        yield False
        return
    except OSError:  # a symbolic link or a socket: nothing of ours, and nothing that can be locked
        yield True
        return
    try:
        is_resumable = entry.name.endswith(PART) and time.time() - os.fstat(handle).st_mtime < KEEP_PARTIAL
        yield flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, None) and (entry.is_dir() or not is_resumable)
    finally:
        os.close(handle)


def flock(handle: int, operation: int, token: CancelToken | None) -> bool:
    """Lock an open file or directory (flock(2)); False where `operation` has LOCK_NB and somebody else holds it.

    With a `token` the wait can be cancelled. Raises Cancelled, OSError.
    """
    if token is None:
        try:
            fcntl.flock(handle, operation)
        except BlockingIOError:
            return False
        return True
    while not flock(handle, operation | fcntl.LOCK_NB, None):
        token.sleep(_POLL)
    return True


def is_at(handle: int, path: Path) -> bool:
    """Whether `path` is still the file that `handle` has open."""
    try:
        there = path.lstat()
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(handle), there)


def default_root() -> Path:
    """Where the data is when nobody says: $CUTAWAY_ROOT, for root /var/lib/cutaway, else in the user's data folder."""
    if chosen := os.environ.get("CUTAWAY_ROOT"):
        return Path(chosen).absolute()
    if os.geteuid() == 0:
        return Path("/var/lib/cutaway")
    data = os.environ.get("XDG_DATA_HOME", "")  # a relative one counts as unset (XDG Base Directory Specification)
    return (Path(data) if data.startswith("/") else Path.home() / ".local/share") / "cutaway"


def free_space(path: Path) -> int:
    """Bytes that can still be written there. Raises StoreError."""
    try:
        found = os.statvfs(path)
    except OSError as error:
        raise store_error(error, f"cannot look at {path}") from error
    return found.f_bavail * found.f_frsize


def sync_directory(path: Path) -> None:
    """Make renames and unlinks in a directory durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_regular(path: Path, limit: int) -> bytes:
    """At most `limit` bytes of a regular file. Raises StoreError for anything else."""
    try:
        with open(open_regular(path), "rb") as file:
            return file.read(limit)
    except OSError as error:
        raise store_error(error, f"cannot read {path}") from error


def open_regular(path: Path) -> int:
    """A descriptor to read a regular file by. Raises StoreError for a FIFO, a device, a directory; OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise StoreError(f"{path} is not a regular file")
    return handle


def store_error(error: OSError, what: str) -> StoreError:
    """An OSError below the data directory as a StoreError that says what to do."""
    hints = {
        errno.ENOSPC: "The disk is full. Free some space, or choose another place with --root.",
        errno.EACCES: "Run as root, or choose a directory of your own with --root.",
        errno.EPERM: "Run as root, or choose a directory of your own with --root.",
        errno.EROFS: "The filesystem is read-only. To look all the same: cutaway --read-only ps (or logs, or inspect).",
    }
    return StoreError(f"{what}: {error.strerror}", hint=hints.get(error.errno or 0, ""))
