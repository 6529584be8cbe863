"""The data directory: where things are, how they are written, how processes keep out of each other's way.

Everything is written to `tmp/`, synced, then renamed, so a reader never sees half a thing; two processes
on one store are normal, and take turns by flock(2), which the kernel releases when a process dies.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.errors import StoreError
from engine.jobs import CancelToken

_TMP_LOCK = "tmp"
_POLL = 0.05  # seconds between two tries for a lock that can be cancelled


@dataclass(frozen=True)
class DataRoot:
    """The paths below one data directory. `prepare` makes them."""

    path: Path

    @property
    def images(self) -> Path:
        """A standard OCI image layout."""
        return self.path / "images"

    @property
    def layers(self) -> Path:
        """Expanded layers, by the hexadecimal digits of their chain ID."""
        return self.path / "layers"

    @property
    def containers(self) -> Path:
        """One directory per container, by id."""
        return self.path / "containers"

    @property
    def traces(self) -> Path:
        """The journals of what made each image, by manifest digest."""
        return self.path / "traces"

    @property
    def tmp(self) -> Path:
        """Work in progress. What nobody holds a lock for is left over from a crash."""
        return self.path / "tmp"

    @property
    def locks(self) -> Path:
        return self.path / "locks"

    @property
    def run(self) -> Path:
        """What does not outlive a reboot: runc's state, sockets, pid files. Short, for sockets' 107 bytes."""
        name = hashlib.sha256(os.fsencode(self.path.resolve())).hexdigest()[:10]
        return Path(os.environ.get("CUTAWAY_RUN", "/run/cutaway")) / name

    def prepare(self) -> None:
        """Make the directories. Raises StoreError where they cannot be made."""
        try:
            self.path.mkdir(mode=0o711, parents=True, exist_ok=True)
            for directory in (self.images, self.layers, self.containers, self.traces, self.tmp, self.locks):
                directory.mkdir(mode=0o711, exist_ok=True)
        except OSError as error:
            raise store_error(error, f"cannot prepare {self.path}") from error

    def write(self, target: Path, data: bytes, *, mode: int = 0o644) -> None:
        """Put a whole file in place, or leave the old one: write to tmp/, fsync, rename, fsync the directory."""
        try:
            with self.lock(_TMP_LOCK, shared=True):
                handle, name = tempfile.mkstemp(prefix="file-", dir=self.tmp)
                try:
                    with os.fdopen(handle, "wb") as file:
                        file.write(data)
                        file.flush()
                        os.fchmod(file.fileno(), mode)
                        os.fsync(file.fileno())
                    os.rename(name, target)
                except BaseException:
                    os.unlink(name)
                    raise
            sync_directory(target.parent)
        except OSError as error:
            raise store_error(error, f"cannot write {target}") from error

    @contextmanager
    def lock(self, name: str, *, shared: bool = False, token: CancelToken | None = None) -> Iterator[None]:
        """Hold the lock `name` (made of letters, digits, dots and dashes) against other processes and threads.

        With a `token` the wait can be cancelled. Not reentrant. Raises StoreError, Cancelled.
        """
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            handle = os.open(self.locks / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise store_error(error, f"cannot lock {name} in {self.path}") from error
        try:
            if token is None:
                fcntl.flock(handle, kind)
            else:
                while True:
                    try:
                        fcntl.flock(handle, kind | fcntl.LOCK_NB)
                        break
                    except BlockingIOError:
                        token.sleep(_POLL)
            yield
        finally:
            os.close(handle)

    @contextmanager
    def staging(self, prefix: str) -> Iterator[Path]:
        """A new directory in tmp/ to build something in; gone at the end unless it was renamed away.

        It is locked while in use, so that a clean-up after a crash tells it from a left-over.
        """
        try:
            with self.lock(_TMP_LOCK, shared=True):
                path = Path(tempfile.mkdtemp(prefix=f"{prefix}-", dir=self.tmp))
                handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError as error:
            raise store_error(error, f"cannot write below {self.tmp}") from error
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)
            os.close(handle)

    def clear_leftovers(self) -> list[str]:
        """Remove from tmp/ what a crash left there, and return its names. What is in use stays.

        The lock makes sure that nobody is between making an entry and locking it.
        """
        gone = []
        with self.lock(_TMP_LOCK):
            for entry in self.tmp.iterdir():
                if entry.is_dir() and not entry.is_symlink():
                    handle = os.open(entry, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                    try:
                        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                        shutil.rmtree(entry, ignore_errors=True)
                    except BlockingIOError:
                        continue
                    finally:
                        os.close(handle)
                else:
                    entry.unlink(missing_ok=True)
                gone.append(entry.name)
        return gone


def sync_directory(path: Path) -> None:
    """Make renames and unlinks in a directory durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def store_error(error: OSError, what: str) -> StoreError:
    """An OSError below the data directory as a StoreError that says what to do."""
    hints = {
        errno.ENOSPC: "The disk is full. Free some space, or choose another place with --root.",
        errno.EACCES: "Run as root, or choose a directory of your own with --root.",
        errno.EPERM: "Run as root, or choose a directory of your own with --root.",
        errno.EROFS: "The filesystem is read-only. Choose another place with --root.",
    }
    return StoreError(f"{what}: {error.strerror}", hint=hints.get(error.errno or 0, ""))
