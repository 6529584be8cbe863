"""Walking and removing trees that others made, and may be changing meanwhile.

A container nests directories as deeply as it likes, and renames them while they are read. So nothing here recurses, no
path is put together, no link is followed, and however deep it is, two or three descriptors do: the way back up is `..`,
where that is still the directory that was come from.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import suppress

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)  # or something else has its name now


class Descent:
    """A directory of a tree that is open, from which ways lead down by a name, and up again.

    `handle` is its descriptor, until the next step; `top` the one that was given; `depth` counts from there, which is
    0. `failed` hears why a directory cannot be opened that is there, and may raise.
    """

    def __init__(self, top: int, failed: Callable[[OSError], None]) -> None:
        self.top = top
        self._failed = failed
        self.handle = os.dup(top)
        self._way: list[tuple[str | bytes, tuple[int, int]]] = [("", _identity(top))]

    @property
    def depth(self) -> int:
        return len(self._way) - 1

    @property
    def path(self) -> bytes:
        """The names from the top to here."""
        return b"/".join(os.fsencode(name) for name, _ in self._way[1:])

    def enter(self, name: str | bytes) -> bool:
        """Go down into the directory `name`; False where it has gone, or something else has its name now."""
        inner = _opened(name, self.handle, self._failed)
        if inner is None:
            return False
        self._way.append((name, _identity(inner)))
        self._go(inner)
        return True

    def leave(self) -> bool:
        """Go up; not from the top. False where this directory was moved, or one above it: then the place is now the
        lowest on the way down to it that is still in the tree."""
        self._way.pop()
        above = _opened("..", self.handle)
        if above is not None and _identity(above) == self._way[-1][1]:
            self._go(above)
            return True
        if above is not None:
            os.close(above)
        self._go(self._found_again())
        return False

    def close(self) -> None:
        os.close(self.handle)

    def _go(self, there: int) -> None:
        os.close(self.handle)
        self.handle = there

    def _found_again(self) -> int:
        here = os.dup(self.top)
        try:
            for depth, (name, identity) in enumerate(self._way[1:], 1):
                inner = _opened(name, here, self._failed)
                if inner is None or _identity(inner) != identity:
                    if inner is not None:
                        os.close(inner)
                    del self._way[depth:]
                    break
                os.close(here)
                here = inner
        except BaseException:
            os.close(here)
            raise
        return here


def entries(top: int, failed: Callable[[OSError], None]) -> Iterator[tuple[int, str, bool]]:
    """All that is below the open directory `top`, a directory after what is in it: the directory that it is in, open
    until the next one is asked for, its name there, and whether it is a directory itself.

    What goes or is moved meanwhile is left out; `failed` hears why a directory cannot be read, and may raise.
    """
    place = Descent(top, failed)
    ways: list[str] = []
    left: list[list[str]] = []  # by depth, the directories that are still to be walked
    try:
        while True:
            directories, others = _listed(place.handle, failed)
            left.append(directories)
            for other in others:
                yield place.handle, other, False
            while not (left[-1] and place.enter(left[-1][-1])):
                if left[-1]:
                    left[-1].pop()
                    continue
                if not ways:
                    return
                name = ways.pop()
                is_parent = place.leave()
                del left[place.depth + 1 :], ways[place.depth :]
                if is_parent:
                    yield place.handle, name, True
            ways.append(left[-1].pop())
    finally:
        place.close()


def remove_tree(name: str | bytes | os.PathLike[str], directory: int | None = None) -> None:
    """Remove the directory `name`, in an open directory where that is given, with all below it.

    Raises OSError, the first, when all that can be removed has been.
    """
    errors: list[OSError] = []
    top = os.open(name, _OPEN, dir_fd=directory)
    try:
        for inside, name_there, is_directory in entries(top, errors.append):
            try:
                (os.rmdir if is_directory else os.unlink)(name_there, dir_fd=inside)
            except FileNotFoundError:
                continue
            except OSError as error:
                errors.append(error)
    finally:
        os.close(top)
    if errors:
        raise errors[0]
    os.rmdir(name, dir_fd=directory)


def remove_quietly(name: str | bytes | os.PathLike[str]) -> None:
    """As `remove_tree`, and what cannot be removed stays, or was not there."""
    with suppress(OSError):
        remove_tree(name)


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


def _opened(name: str | bytes, directory: int, failed: Callable[[OSError], None] = lambda error: None) -> int | None:
    try:
        return os.open(name, _OPEN, dir_fd=directory)
    except OSError as error:
        if error.errno not in _GONE:
            failed(error)
        return None


def _identity(handle: int) -> tuple[int, int]:
    status = os.fstat(handle)
    return status.st_dev, status.st_ino
