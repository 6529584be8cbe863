"""Walking and removing trees that others made, and may be changing meanwhile.

A container nests directories as deeply as it likes, and renames them while they are read. So nothing here recurses, no
path is put together, no link is followed, and however deep it is, two or three descriptors do: the way back up is `..`,
where that is still the directory that was come from.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)  # or something else has its name now


class Entry(NamedTuple):
    """A name in a directory, whose descriptor is open until the next entry is asked for."""

    directory: int
    name: str
    is_directory: bool


class _Level(NamedTuple):
    """A directory on the way from the top to the one that is open, and those in it that are still to be walked."""

    name: str
    identity: tuple[int, int]
    left: list[str]


def entries(top: int, failed: Callable[[OSError], None]) -> Iterator[Entry]:
    """All that is below the open directory `top`, a directory after what is in it.

    What goes or is moved meanwhile is left out; `failed` hears why a directory cannot be read, and may raise.
    """
    here, name = os.dup(top), ""
    levels: list[_Level] = []
    try:
        while True:
            directories, others = _listed(here, failed)
            levels.append(_Level(name, _identity(here), directories))
            for other in others:
                yield Entry(here, other, False)
            inner = None
            while inner is None:
                if levels[-1].left:
                    name = levels[-1].left.pop()
                    inner = _opened(name, here, failed)
                    continue
                name = levels.pop().name
                if not levels:
                    return
                above = _opened("..", here)
                is_parent = above is not None and _identity(above) == levels[-1].identity
                if above is None or not is_parent:
                    if above is not None:
                        os.close(above)
                    above = _found_again(top, levels, failed)
                os.close(here)
                here = above
                if is_parent:
                    yield Entry(here, name, True)
            os.close(here)
            here = inner
    finally:
        os.close(here)


def remove_tree(name: str | bytes | os.PathLike[str], directory: int | None = None) -> None:
    """Remove the directory `name`, in an open directory where that is given, with all below it.

    Raises OSError, the first, when all that can be removed has been.
    """
    errors: list[OSError] = []
    top = os.open(name, _OPEN, dir_fd=directory)
    try:
        for entry in entries(top, errors.append):
            try:
                (os.rmdir if entry.is_directory else os.unlink)(entry.name, dir_fd=entry.directory)
            except FileNotFoundError:
                continue
            except OSError as error:
                errors.append(error)
    finally:
        os.close(top)
    if errors:
        raise errors[0]
    os.rmdir(name, dir_fd=directory)


def _listed(handle: int, failed: Callable[[OSError], None]) -> tuple[list[str], list[str]]:
    """The directories in an open one, and what else is in it."""
    directories: list[str] = []
    others: list[str] = []
    try:
        with os.scandir(handle) as found:
            for entry in found:
                (directories if entry.is_dir(follow_symlinks=False) else others).append(entry.name)
    except OSError as error:
        failed(error)
    return directories, others


def _opened(name: str, directory: int, failed: Callable[[OSError], None] = lambda error: None) -> int | None:
    try:
        return os.open(name, _OPEN, dir_fd=directory)
    except OSError as error:
        if error.errno not in _GONE:
            failed(error)
        return None


def _found_again(top: int, levels: list[_Level], failed: Callable[[OSError], None]) -> int:
    """The deepest of `levels` that is still where it was, opened on the way from the top; the others are dropped."""
    here = os.dup(top)
    for depth, level in enumerate(levels[1:], 1):
        inner = _opened(level.name, here, failed)
        if inner is None or _identity(inner) != level.identity:
            if inner is not None:
                os.close(inner)
            del levels[depth:]
            break
        os.close(here)
        here = inner
    return here


def _identity(handle: int) -> tuple[int, int]:
    status = os.fstat(handle)
    return status.st_dev, status.st_ino
