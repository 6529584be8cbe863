"""Directories seen with other owners: ID-mapped mounts (mount_setattr(2)), for containers with a user namespace.

What a layer's root owns is to be root's in the container, whatever number that has on the host; the layers stay as they
are.
"""

from __future__ import annotations

import ctypes
import errno
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from engine.errors import MountError
from engine.libc import MNT_DETACH, UMOUNT_NOFOLLOW, libc

# The numbers are the same on every architecture but alpha (the kernel's syscall.tbl), the flags from linux/mount.h.
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
_OPEN_TREE_CLONE = 1
_MOVE_MOUNT_F_EMPTY_PATH = 4
_MOUNT_ATTR_IDMAP = 0x00100000
_AT_FDCWD, _AT_EMPTY_PATH = -100, 0x1000

Range = tuple[int, int, int]
"""The first number in the container, the first on the host, how many."""


class IdMapping(msgspec.Struct, frozen=True):
    """Whose numbers of the host are whose in the container (user_namespaces(7))."""

    users: tuple[Range, ...]
    groups: tuple[Range, ...]

    def on_host(self, user: int, group: int) -> tuple[int, int]:
        """The numbers on the host of a user and a group of the container; -1 for one that is not mapped."""
        return _shifted(user, self.users), _shifted(group, self.groups)

    def in_container(self, user: int) -> int | None:
        """The number in the container of a user of the host, or None."""
        found = _shifted(user, _turned(self.users))
        return None if found == -1 else found

    def inside(self, user: int, group: int) -> tuple[int, int]:
        """The numbers in the container of a user and a group of the host; -1 for one that is not mapped."""
        return _shifted(user, _turned(self.users)), _shifted(group, _turned(self.groups))

    def words(self) -> str:
        """As mount(8)'s option X-mount.idmap has it."""
        kinds = (("u", self.users), ("g", self.groups))
        return "X-mount.idmap=" + " ".join(f"{k}:{a}:{b}:{n}" for k, ranges in kinds for a, b, n in ranges)


def _shifted(number: int, ranges: tuple[Range, ...]) -> int:
    return next((to + number - first for first, to, size in ranges if first <= number < first + size), -1)


def _turned(ranges: tuple[Range, ...]) -> tuple[Range, ...]:
    return tuple((outside, inside, size) for inside, outside, size in ranges)


class _MountAttr(ctypes.Structure):
    _fields_ = (
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


@contextmanager
def mapped(directories: Sequence[Path], mapping: IdMapping, at: Path) -> Iterator[list[Path]]:
    """The directories with mapped owners, mounted below `at` for as long as the `with` block lasts.

    An overlay that is mounted of them meanwhile keeps them. Raises MountError.
    """
    places = [at / str(number) for number in range(len(directories))]
    done: list[Path] = []
    try:
        with _user_namespace(mapping) as namespace:
            for directory, place in zip(directories, places, strict=True):
                place.mkdir(parents=True, exist_ok=True)
                _bind(directory, place, namespace)
                done.append(place)
        yield places
    finally:
        for place in reversed(done):
            libc.umount2(os.fsencode(place), UMOUNT_NOFOLLOW | MNT_DETACH)
        for place in (*places, at):
            if place.is_dir():
                place.rmdir()


def _bind(directory: Path, place: Path, namespace: int) -> None:
    tree = libc.syscall(_OPEN_TREE, _AT_FDCWD, os.fsencode(directory), _OPEN_TREE_CLONE | os.O_CLOEXEC)
    if tree < 0:
        raise _failed(directory)
    try:
        attributes = _MountAttr(_MOUNT_ATTR_IDMAP, 0, 0, namespace)
        size = ctypes.c_size_t(ctypes.sizeof(attributes))
        if libc.syscall(_MOUNT_SETATTR, tree, b"", _AT_EMPTY_PATH, ctypes.byref(attributes), size):
            raise _failed(directory)
        if libc.syscall(_MOVE_MOUNT, tree, b"", _AT_FDCWD, os.fsencode(place), _MOVE_MOUNT_F_EMPTY_PATH):
            raise _failed(directory)
    finally:
        os.close(tree)


@contextmanager
def _user_namespace(mapping: IdMapping) -> Iterator[int]:
    """A descriptor of a user namespace with that mapping. A process holds it while it is set up."""
    try:
        # When it echoes it has left this process's namespace.
        holder = subprocess.Popen(
            ["unshare", "--user", "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
    except OSError as error:
        raise MountError(
            f"cannot make a user namespace: {error}", hint="The package util-linux has unshare."
        ) from error
    try:
        assert holder.stdin is not None
        assert holder.stdout is not None
        try:
            holder.stdin.write(b"\n")
            echoed = holder.stdout.read(1)
        except BrokenPipeError:
            echoed = b""
        if not echoed:
            raise MountError("cannot make a user namespace", hint="See sysctl user.max_user_namespaces.")
        proc = Path("/proc") / str(holder.pid)
        for name, ranges in (("uid_map", mapping.users), ("gid_map", mapping.groups)):
            try:
                (proc / name).write_text("".join(f"{a} {b} {n}\n" for a, b, n in ranges))
            except OSError as error:
                raise MountError(
                    f"the kernel does not take the mapping of numbers ({name}): {error.strerror}"
                ) from error
        handle = os.open(proc / "ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        holder.kill()
        holder.communicate()
    try:
        yield handle
    finally:
        os.close(handle)


def _failed(directory: Path) -> MountError:
    number = ctypes.get_errno()
    message = f"cannot mount {directory} with mapped owners: {os.strerror(number)}"
    if number in (errno.EINVAL, errno.ENOSYS):
        return MountError(
            message, hint="It needs Linux 5.19, and a filesystem that can (ext4, xfs, btrfs; tmpfs since 6.3)."
        )
    return MountError(message)
