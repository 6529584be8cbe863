"""Do what a plan says: mount(2) and umount2(2) through the C library, without a helper program."""

from __future__ import annotations

import ctypes
import errno
import os
import re
import shlex
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import msgspec

from engine.errors import MountError
from engine.jobs import Job
from engine.libc import MNT_DETACH, UMOUNT_NOFOLLOW, libc
from engine.rootfs.plan import OverlayPlan
from engine.trace import StepKind
from engine.walking import remove_tree

_SPECIAL = b"\\ \t\n"
"""What a path in mountinfo has three octal digits for, after a backslash (proc(5); fs/proc_namespace.c)."""

_CLONE_FS = 0x200  # linux/sched.h
_OVERLAYFS_MAGIC = 0x794C7630  # linux/magic.h
_BUSY_TRIES = 20
_BUSY_PAUSE = 0.05  # seconds; with the tries, one second for processes that are just ending


def mount(plan: OverlayPlan, job: Job, *, image: str = "") -> None:
    """Mount the overlay of `plan`; its directories must be there. `image` is what they are of, for the journal.

    Raises MountError, with a hint where the reason can be told; then nothing is mounted.
    """
    peer = f'buildah mount "$(buildah from {shlex.quote(image)})"' if image else ""
    mark = _mark(plan)
    command = f"rm -r {shlex.quote(str(mark))} && {plan.command()}" if mark else plan.command()
    with job.step(StepKind.MOUNT, command, peer=peer) as step:
        if os.path.ismount(plan.merged):
            raise MountError(f"{plan.merged} is mounted already", hint=f"umount {shlex.quote(str(plan.merged))}")
        if mark is not None:
            _unmark(mark)
        with ExitStack() as opened:
            plan = _with_mapped_owners(plan, opened)
            merged, data = plan.merged.absolute(), _options(plan, opened)
            # Other names than full paths are relative to where descriptors have theirs.
            failure = (
                _mount(merged, data) if plan.plain else _in_own_directory("/proc/self/fd", lambda: _mount(merged, data))
            )
        if failure:
            raise _explain(failure, plan)
        step.detail = f"{len(plan.lower)} lower directories"
        step.detail += f", writes go to {plan.writable.upper}" if plan.writable else ", read-only"
        step.detail += ", and are not brought to the disk: they go with the container" * plan.volatile


def _mark(plan: OverlayPlan) -> Path | None:
    """What keeps an upper directory that was mounted volatile from being mounted again: the host may have gone down
    meanwhile, and what was not brought to the disk is lost. Who mounts one volatile counts on nothing in it.
    """
    if plan.writable is None or not plan.volatile:
        return None
    mark = plan.writable.work / "work" / "incompat"
    return mark if mark.exists() else None


def _unmark(mark: Path) -> None:
    try:
        remove_tree(mark)
    except OSError as error:
        raise MountError(f"cannot remove {mark}: {error.strerror}") from error


def _with_mapped_owners(plan: OverlayPlan, opened: ExitStack) -> OverlayPlan:
    """The plan on its own directories, or where it has a mapping with its lower ones mapped while `opened` is open.

    The upper directory cannot be mapped: the kernel makes files in it as root of this host. So it is the container's
    root's own, and what the container writes is stored by the host's numbers.
    """
    if plan.mapping is None or plan.writable is None:
        return plan
    from engine.rootfs.mapping import mapped  # hardly any container has one

    upper, top = plan.writable.upper, plan.lower[-1].stat()
    home = upper.parent
    user, group = plan.mapping.on_host(top.st_uid, top.st_gid)
    if plan.mapping.in_container(upper.stat().st_uid) is None:
        os.chown(upper, user, group)
    # The container's root gets through to its root directory, other users of this host do not (CVE-2021-41091).
    os.chown(home, -1, plan.mapping.on_host(0, 0)[1])
    os.chmod(home, 0o710)  # noqa: S103 - as docker has it
    lower = opened.enter_context(mapped(plan.lower, plan.mapping, home / "mapped"))
    return msgspec.structs.replace(plan, lower=tuple(lower))


def unmount(merged: Path, job: Job) -> None:
    """Take away what is mounted at `merged` and below it. Nothing mounted is no error, and no step.

    A mount that stays busy for a second is detached lazily (it vanishes from the tree at once, and wholly when
    its last user is gone); the step says so. Raises MountError.
    """
    if not (found := mounts_below(merged)):
        return
    with job.step(StepKind.MOUNT, shlex.join(["umount", str(merged)])) as step:
        gone = 0
        # Deepest first; a place can be mounted on more than once, so look again until there is nothing.
        while found:
            for path in reversed(found):
                if _unmount_one(path):
                    step.detail = f"{path} was busy and has been detached: it goes when its last user ends"
                gone += 1
            if gone > 10_000:
                raise MountError(f"{merged} is mounted again as fast as it is unmounted")
            found = mounts_below(merged)
        step.detail = step.detail or "unmounted"


def mounts_below(path: Path) -> list[Path]:
    """Every mount point at or below `path`, in order of mounting (so the last is to be unmounted first)."""
    place = os.path.realpath(path)
    below = place.rstrip("/") + "/"
    # A host may have thousands of mounts, and hardly any is meant: only lines with the path in them are taken apart.
    written = os.fsencode(place)
    for byte in _SPECIAL:  # the backslash first
        written = written.replace(bytes([byte]), b"\\%03o" % byte)
    # What else could end a line (a carriage return) stands in it as it is.
    lines = [line for line in Path("/proc/self/mountinfo").read_bytes().split(b"\n") if written in line]
    points = [os.fsdecode(_unescaped(line.split(b" ", 5)[4])) for line in lines]
    return [Path(point) for point in points if point == place or point.startswith(below)]


def _unescaped(field: bytes) -> bytes:
    if b"\\" not in field:
        return field
    return re.sub(rb"\\([0-7]{3})", lambda match: bytes([int(match[1], 8)]), field)


def _options(plan: OverlayPlan, opened: ExitStack) -> bytes:
    """The option string for mount(2): full paths where these can stand, otherwise the numbers of open descriptors.

    The numbers are names relative to /proc/self/fd, short and free of special characters: 500 layers fit. Old
    and new kernels differ in how they read a backslash in a path, so nothing is escaped.
    """
    if plan.plain:
        return os.fsencode(plan.options())

    def name(path: Path) -> str:
        try:
            handle = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise _explain(error.errno or 0, plan) from error
        opened.callback(os.close, handle)
        return str(handle)

    return plan.options_with(name).encode()


def _in_own_directory(directory: str, action: Callable[[], int]) -> int:
    """Run `action` with `directory` as the working directory of a thread that shares it with no other."""
    result = errno.EIO

    def body() -> None:
        nonlocal result
        if libc.unshare(_CLONE_FS):
            result = ctypes.get_errno()
            return
        os.chdir(directory)
        result = action()

    thread = threading.Thread(target=body, name="cutaway-mount")
    thread.start()
    thread.join()
    return result


def _mount(target: Path, data: bytes) -> int:
    """mount(2); returns 0 or the error number."""
    if libc.mount(b"overlay", os.fsencode(target), b"overlay", ctypes.c_ulong(0), data):
        return ctypes.get_errno()
    return 0


def _unmount_one(path: Path) -> bool:
    """Unmount what is topmost at `path`; True if it had to be detached lazily."""
    target = os.fsencode(path)
    for attempt in range(_BUSY_TRIES + 1):
        last = attempt == _BUSY_TRIES
        if not libc.umount2(target, UMOUNT_NOFOLLOW | (MNT_DETACH if last else 0)):
            return last
        failure = ctypes.get_errno()
        if failure == errno.EINVAL:  # not a mount point any more: somebody was faster
            return False
        if failure != errno.EBUSY or last:
            hint = "Run it as root, e.g. with sudo." if failure == errno.EPERM else ""
            raise MountError(f"cannot unmount {path}: {os.strerror(failure)}", hint=hint)
        time.sleep(_BUSY_PAUSE)
    raise AssertionError("unreachable")


def _explain(failure: int, plan: OverlayPlan) -> MountError:
    """The kernel's error number as an error that says what to do."""
    message = f"cannot mount the overlay at {plan.merged}: {os.strerror(failure)}"
    if failure in (errno.EPERM, errno.EACCES):
        return MountError(message, hint="Run it as root, e.g. with sudo. (Root in a container needs CAP_SYS_ADMIN.)")
    for path in (*plan.directories, plan.merged):
        if not path.is_dir():
            return MountError(f"cannot mount the overlay: {path} is not there", hint="Pull the image again.")
    if failure in (errno.EINVAL, errno.EOPNOTSUPP, errno.EREMOTE, errno.ELOOP) and (
        plan.writable is not None and _on_overlay(plan.writable.upper)
    ):
        return MountError(
            f"{message}: {plan.writable.upper} is itself on an overlay",
            hint="The data directory must be on an ordinary filesystem (in a container: on a volume); see --root.",
        )
    hints = {
        errno.ENODEV: "This kernel offers no overlayfs. Load it with: modprobe overlay",
        errno.ENOSPC: "The disk is full, or this host's limit of mounts (sysctl fs.mount-max) is reached.",
        errno.ENOMEM: "The host is out of memory.",
        errno.EMFILE: "Too many open files; raise the limit with: ulimit -n",
        errno.EBUSY: "The container's upper or work directory is in use by another mount.",
        errno.EROFS: "The data directory is read-only; see --root.",
        errno.EINVAL: "The data directory's filesystem cannot hold an upper directory (it needs extended attributes"
        " and d_type: ext4, xfs with ftype=1, btrfs, tmpfs); see --root.",
    }
    return MountError(message, hint=hints.get(failure, "The kernel's log may say more: dmesg | tail"))


def _on_overlay(path: Path) -> bool:
    class Statfs(ctypes.Structure):  # statfs(2): only the first word is of interest
        _fields_ = (("f_type", ctypes.c_long), ("rest", ctypes.c_char * 512))

    buffer = Statfs()
    if libc.statfs(os.fsencode(path), ctypes.byref(buffer)):
        return False
    return int(buffer.f_type) & 0xFFFFFFFF == _OVERLAYFS_MAGIC
