"""Looks at files inside a directory that holds somebody else's root filesystem, without ever leaving it.

Symbolic links are followed by hand, against that directory, one step at a time through descriptors that do not follow
links themselves; nothing is opened before it is known to be a regular file, so a FIFO cannot hang us and a device
is never touched.
"""

from __future__ import annotations

import os
import stat
from collections import deque
from pathlib import Path

_LINKS = 40  # as the kernel's own limit (path_resolution(7))


class NotAFile(Exception):
    """The path leads to something other than a regular file; the message says what."""


def read_file(root: Path, path: str, limit: int) -> bytes | None:
    """The first `limit` bytes of the regular file at `path` inside `root`; None if there is nothing.

    Raises NotAFile for a FIFO, a device, a directory, and the like.
    """
    handle = _walk(root, path)[0]
    if handle is None:
        return None
    try:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            raise NotAFile(_KINDS.get(stat.S_IFMT(mode), "not a regular file"))
        with open(f"/proc/self/fd/{handle}", "rb") as file:
            return file.read(limit)
    except OSError:
        return None
    finally:
        os.close(handle)


def real_path(root: Path, path: str) -> str:
    """Where `path` leads inside `root`, with links resolved as far as they exist."""
    handle, resolved = _walk(root, path)
    if handle is not None:
        os.close(handle)
    return resolved


def directory_in(root: Path, path: str) -> Path | None:
    """The directory that `path` leads to inside `root`, without links; None where there is none."""
    found = root / real_path(root, path).lstrip("/")
    return found if found.is_dir() and not found.is_symlink() else None


_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a directory",
    stat.S_IFSOCK: "a socket",
}


def _walk(root: Path, path: str) -> tuple[int | None, str]:
    """An O_PATH descriptor of what `path` names inside `root` (None: nothing), and its path without links."""
    flags = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
    handles = [os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)]
    names: list[str] = []
    todo = deque(path.split("/"))
    links = 0
    try:
        while todo:
            name = todo.popleft()
            if name in ("", "."):
                continue
            if name == "..":
                if names:
                    names.pop()
                    os.close(handles.pop())
                continue
            try:
                handle = os.open(name, flags, dir_fd=handles[-1])
            except (OSError, ValueError):
                # Nothing there: what is left of the path stays as it is spelt.
                return None, _joined(names, [name, *todo])
            if stat.S_ISLNK(os.fstat(handle).st_mode):
                target = os.readlink("", dir_fd=handle)
                os.close(handle)
                links += 1
                if links > _LINKS:
                    return None, _joined(names, [name, *todo])
                if target.startswith("/"):
                    while names:
                        names.pop()
                        os.close(handles.pop())
                todo.extendleft(reversed(target.split("/")))
                continue
            names.append(name)
            handles.append(handle)
        return os.dup(handles[-1]), "/" + "/".join(names)
    finally:
        for handle in handles:
            os.close(handle)


def _joined(names: list[str], rest: list[str]) -> str:
    return os.path.normpath("/" + "/".join([*names, *rest])).replace("//", "/")
