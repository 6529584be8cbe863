"""Copying between two trees of which neither is trusted: a container's, where processes may work, and the host's.

Names are looked up below an open root (engine.layers.rooted), and what is copied goes from one open directory to
another: no link is followed that was not followed on purpose, whatever is renamed meanwhile.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import NamedTuple

from engine.errors import CutawayError, PathUnknown, UsageError
from engine.jobs import CancelToken
from engine.layers import copying, lower, names
from engine.layers.names import shown
from engine.layers.rooted import open_below
from engine.reference import copied_name
from engine.walking import Descent, remove_tree

_LINKS_KEPT = 100_000  # files of several names; of more, each name becomes a file

Owner = Callable[[int, int], tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Place:
    """A name in an open directory. `name` is `.` where it is the root itself."""

    directory: int
    name: bytes

    def status(self) -> os.stat_result | None:
        """What is there, a link itself; None where nothing is. Raises OSError."""
        try:
            return os.lstat(self.name, dir_fd=self.directory)
        except FileNotFoundError:
            return None


@contextmanager
def located(root: int, path: bytes, *, follow: bool) -> Iterator[Place]:
    """Where `path` leads below the open directory `root`, links on the way followed, and with `follow` the last one
    too. Nothing need be there, but its directory. Raises UsageError, OSError."""
    for _ in range(names.LINKS):
        folder, name = names.split(path.rstrip(b"/"))
        if name in (b"", b".", b".."):
            folder, name = path or b".", b"."
        try:
            handle = open_below(root, folder or b".", os.O_PATH | os.O_DIRECTORY)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise PathUnknown(f"there is no directory {shown(folder)}") from error
        try:
            place = Place(handle, name)
            status = place.status()
            if not follow or status is None or not stat.S_ISLNK(status.st_mode):
                yield place
                return
            target = os.readlink(name, dir_fd=handle)
        finally:
            os.close(handle)
        path = names.join(folder, target) if not target.startswith(b"/") else target
    raise PathUnknown(f"too many symbolic links on the way to {shown(path)}")


class Graft:
    """One copy: files keep mode, times, links and attributes; whose they are to be, `owner` says of what they were.

    `overwrite` lets a directory be replaced by something else, and the other way round; without `replace` not even a
    file takes another's place. `tell` is called with the bytes that were copied and those that there are, 0 where that
    is not known. Of directories on one of the devices `unread` (/proc, /sys: no files that could be copied) the content
    is left out, unless what is asked for lies there. Without `devices` no device is made: those are `left_out`, and
    to ask for one alone is refused.
    """

    def __init__(
        self,
        owner: Owner,
        token: CancelToken,
        *,
        overwrite: bool = False,
        replace: bool = True,
        tell: Callable[[int, int], None] = lambda done, total: None,
        unread: Collection[int] = (),
        devices: bool = True,
    ) -> None:
        self.left_out: list[str] = []
        self._devices = devices
        self._owner = owner
        self._tell = tell
        self._done = self._total = 0
        self._token = token
        self._overwrite = overwrite
        self._replaces = replace
        self._unread = unread

    def copy(self, source_root: int, source: bytes, target_root: int, target: bytes) -> int:
        """Copy as cp and `podman cp` do: into a directory that is there, otherwise as `target`; a source without a name
        (`copied_name`) gives its content alone. Returns how many files and directories that were.

        Raises UsageError, OSError, Cancelled.
        """
        name = os.fsencode(copied_name(os.fsdecode(source)))
        with located(source_root, source, follow=source.endswith(b"/")) as origin:
            status = origin.status()
            if status is None:
                raise PathUnknown(f"there is no {shown(source)}")
            is_directory = stat.S_ISDIR(status.st_mode)
            if not self._devices and _is_device(status):
                raise UsageError(f"{shown(source)} is a device, and those are not copied to this host")
            if status.st_dev in self._unread:
                self._unread = ()
            self._total = status.st_size if stat.S_ISREG(status.st_mode) else 0
            if not name and not is_directory:
                raise UsageError(f"{shown(source)} is no directory")
            with located(target_root, target, follow=True) as place:
                there = place.status()
                if there is not None and stat.S_ISDIR(there.st_mode):
                    if not name:
                        return self._entry(origin, place)
                    inner = os.open(place.name, lower.OPEN_DIRECTORY, dir_fd=place.directory)
                    try:
                        return self._entry(origin, Place(inner, name))
                    finally:
                        os.close(inner)
                if target.endswith(b"/") and not (is_directory and there is None):
                    raise UsageError(f"{shown(target)} is no directory")
                return self._entry(origin, place)

    def _entry(self, source: Place, target: Place) -> int:
        """What there is at `source`, a directory with all in it."""
        self._token.check()
        status = source.status()
        if status is None or not stat.S_ISDIR(status.st_mode):
            return self._file(source, target, status)
        return self._directory(source, target)

    def _file(self, source: Place, target: Place, status: os.stat_result | None, linked: _Linked | None = None) -> int:
        if status is None or stat.S_ISSOCK(status.st_mode):  # gone meanwhile; a socket without its process is nothing
            return 0
        if not self._devices and _is_device(status):
            self.left_out.append(shown(source.name))
            return 0
        there = target.status()
        if there is not None and stat.S_ISDIR(there.st_mode):
            self._replace(target, there)
        elif there is not None and not self._replaces:
            raise UsageError(f"{shown(target.name)} is there already")
        passing = Place(target.directory, b".cutaway-" + secrets.token_hex(6).encode())
        try:
            if linked is None or not linked.made(status, passing):
                self._content(source, passing, status)
                if linked is not None:
                    linked.remember(status, passing, target.name)
            os.rename(passing.name, target.name, src_dir_fd=target.directory, dst_dir_fd=target.directory)
        finally:  # also where the same file had that name before: then rename(2) does nothing
            with suppress(OSError):
                os.unlink(passing.name, dir_fd=target.directory)
        return 1

    def _content(self, source: Place, target: Place, status: os.stat_result) -> None:
        copying.file_as(source.name, source.directory, target.name, target.directory, self._copied)
        owner = self._owner(status.st_uid, status.st_gid)
        if owner != (status.st_uid, status.st_gid):
            os.chown(target.name, *owner, dir_fd=target.directory, follow_symlinks=False)
            if not stat.S_ISLNK(status.st_mode):  # chown(2) takes set-user-ID away
                os.chmod(target.name, stat.S_IMODE(status.st_mode), dir_fd=target.directory)

    def _copied(self, count: int) -> None:
        self._token.check()
        self._done += count
        self._tell(self._done, self._total)

    def _directory(self, source: Place, target: Place) -> int:
        """A directory with all in it: not by recursion, and with few descriptors, for it is as deep as others like."""
        with _descent(source) as origin:
            own = os.fstat(origin.handle)
            is_new = self._made(target)
            with _descent(target) as goal:
                copy = _identity(os.fstat(goal.handle))
                if copy == _identity(own):
                    raise UsageError("that is the same directory")
                linked = _Linked(goal)
                levels = [self._level(origin, own, is_new)]
                count = 1
                while levels:
                    self._token.check()
                    if not levels[-1].left:
                        _finish(origin, goal, self._owner, levels.pop())
                        if levels and not (origin.leave() and goal.leave()):
                            raise _moved()
                        continue
                    name = levels[-1].left.pop()
                    there = Place(goal.handle, name)
                    status = Place(origin.handle, name).status()
                    if status is None or not stat.S_ISDIR(status.st_mode):
                        count += self._file(Place(origin.handle, name), there, status, linked)
                    elif origin.enter(name):
                        own = os.fstat(origin.handle)
                        if _identity(own) == copy:  # it is made inside of what is copied
                            if not origin.leave():
                                raise _moved()
                            continue
                        is_new = self._made(there)
                        if not goal.enter(name):
                            raise _moved()
                        levels.append(self._level(origin, own, is_new))
                        count += 1
                return count

    def _level(self, origin: Descent, own: os.stat_result, is_new: bool) -> _Level:
        found = [] if own.st_dev in self._unread else os.listdir(origin.handle)
        return _Level(own, is_new, sorted(map(os.fsencode, found), reverse=True))

    def _made(self, target: Place) -> bool:
        """See to it that a directory is there; whether it is a new one."""
        there = target.status()
        if there is not None and not stat.S_ISDIR(there.st_mode):
            self._replace(target, there)
            there = None
        if there is None:
            os.mkdir(target.name, 0o700, dir_fd=target.directory)
        return there is None

    def _replace(self, target: Place, there: os.stat_result) -> None:
        """Make room for something of another kind, where that was asked for."""
        is_directory = stat.S_ISDIR(there.st_mode)
        if not self._overwrite or target.name == b".":
            kinds = ("a directory", "none") if is_directory else ("no directory", "one")
            raise UsageError(
                f"{shown(target.name)} is {kinds[0]} there, and would become {kinds[1]}",
                hint="Use --overwrite to replace it.",
            )
        if is_directory:
            remove_tree(target.name, target.directory)
        else:
            os.unlink(target.name, dir_fd=target.directory)


class _Linked:
    """Files of several names that have been copied by one of them: by the others they become links of that copy.

    A copy is found again by its path, below the top and through no link, and has to be the file that was made.
    """

    def __init__(self, goal: Descent) -> None:
        self._goal = goal
        self._made: dict[tuple[int, int], tuple[bytes, tuple[int, int]]] = {}

    def made(self, status: os.stat_result, name: Place) -> bool:
        """Give the copy of that file one more name; False where there is none, or a link is not to be had."""
        known = self._made.get(_identity(status)) if _has_names(status) else None
        if known is None:
            return False
        path, copy = known
        try:
            handle = open_below(self._goal.top, path, os.O_PATH | os.O_NOFOLLOW)
            try:
                if _identity(os.fstat(handle)) != copy:
                    return False
                os.link(f"/proc/self/fd/{handle}", name.name, dst_dir_fd=name.directory, follow_symlinks=True)
            finally:
                os.close(handle)
        except OSError:  # it was moved, another filesystem is mounted there, it has as many names as it may have
            return False
        return True

    def remember(self, status: os.stat_result, copied: Place, name: bytes) -> None:
        """That file has been copied, and will be called so in the directory where the copy is."""
        if _has_names(status) and len(self._made) < _LINKS_KEPT:
            made = os.lstat(copied.name, dir_fd=copied.directory)
            self._made[_identity(status)] = b"/".join(filter(None, (self._goal.path, name))), _identity(made)


class _Level(NamedTuple):
    """A directory that is being copied: what it is, whether its copy is a new one, and what is left in it."""

    own: os.stat_result
    is_new: bool
    left: list[bytes]


@contextmanager
def _descent(place: Place) -> Iterator[Descent]:
    """The way down from a directory. Raises OSError."""
    handle = os.open(place.name, lower.OPEN_DIRECTORY, dir_fd=place.directory)
    try:
        found = Descent(handle, _raise)
        try:
            yield found
        finally:
            found.close()
    finally:
        os.close(handle)


def _finish(origin: Descent, goal: Descent, owner: Owner, level: _Level) -> None:
    """What a new directory gets when everything is in it: mode, owner, times, attributes."""
    if level.is_new:
        copying.directory_metadata(origin.handle, goal.handle)
        os.fchown(goal.handle, *owner(level.own.st_uid, level.own.st_gid))
        os.fchmod(goal.handle, stat.S_IMODE(level.own.st_mode))


def _has_names(status: os.stat_result) -> bool:
    return status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode)


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _moved() -> CutawayError:
    return CutawayError("a directory was moved while it was copied", hint="Pause the container meanwhile.")


def _raise(error: OSError) -> None:
    raise error


def _is_device(status: os.stat_result) -> bool:
    return stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode)


def as_told(error: OSError, what: str) -> CutawayError:
    """What the kernel said, in words about `what` was to be copied."""
    hints = {errno.EROFS: "It is read-only there.", errno.ENOSPC: "The disk is full."}
    return CutawayError(f"cannot copy {what}: {error.strerror}", hint=hints.get(error.errno or 0, ""))
