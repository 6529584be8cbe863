"""Network namespaces that a file keeps: a bind mount of a process's /proc/<pid>/ns/net, as ip-netns(8) does it."""

from __future__ import annotations

import ctypes
import os
import threading
from contextlib import suppress
from pathlib import Path

from engine.errors import HostError
from engine.libc import MNT_DETACH, libc

_CLONE_NEWNET = 0x40000000  # linux/sched.h
_MS_BIND = 4096  # linux/mount.h


def make(path: Path) -> None:
    """A new, empty network namespace, kept by the file `path`, which is made. Raises HostError."""
    failures: list[int] = []

    def body() -> None:  # in a thread of its own: the namespace is that of the thread that calls unshare(2)
        if libc.unshare(_CLONE_NEWNET):
            failures.append(ctypes.get_errno())
        else:
            _bind("/proc/thread-self/ns/net", path, failures)

    remove(path)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    thread = threading.Thread(target=body, name="cutaway-netns")
    thread.start()
    thread.join()
    if failures:
        remove(path)
        raise HostError(f"cannot make a network namespace: {os.strerror(failures[0])}")


def keep(path: Path, pid: int) -> None:
    """Have the file `path`, which is made, keep the network namespace of a process. Raises HostError."""
    failures: list[int] = []
    remove(path)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    _bind(f"/proc/{pid}/ns/net", path, failures)
    if failures:
        remove(path)
        raise HostError(f"cannot enter the network namespace of process {pid}: {os.strerror(failures[0])}")


def remove(path: Path) -> None:
    """Let go of it; it ends with the last process in it. None there is no error."""
    with suppress(FileNotFoundError):
        while libc.umount2(os.fsencode(path), MNT_DETACH) == 0:
            pass
        path.unlink()


def _bind(source: str, target: Path, failures: list[int]) -> None:
    if libc.mount(source.encode(), os.fsencode(target), None, ctypes.c_ulong(_MS_BIND), None):
        failures.append(ctypes.get_errno())
