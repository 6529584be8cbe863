"""Copying within the layer store: a directory's metadata, a lower layer's file."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from engine.layers import xattrs

_PIECE = 32 << 20  # bytes asked of the kernel at once: a moment's work, so that somebody can be told, or cancel
_WORTHWHILE = 64 * 1024  # bytes of holes: to ask where fewer are costs more than to read them
_PIECES_LIMIT = 1_000_000  # of one file: more than any real one has, few enough to hold in memory

Tell = Callable[[int], None]
"""Called with so many more bytes that were copied; what it raises ends the copy."""


def _nobody(copied: int) -> None:
    pass


@contextmanager
def times_kept(directory: int) -> Iterator[None]:
    """Entries come and go inside; the directory's own times stay as the layer has them."""
    before = os.fstat(directory)
    yield
    os.utime(directory, ns=(before.st_atime_ns, before.st_mtime_ns))


def directory_metadata(source: int, target: int) -> None:
    """Owner, mode, attributes, times of an open directory for another. Raises OSError."""
    status = os.fstat(source)
    os.fchown(target, status.st_uid, status.st_gid)
    os.fchmod(target, stat.S_IMODE(status.st_mode))
    xattrs.copy(source, target)
    os.utime(target, ns=(status.st_mtime_ns, status.st_mtime_ns))


def file(name: bytes, source: int, target: int) -> None:
    """`file_as` under the same name."""
    file_as(name, source, name, target)


def file_as(name: bytes, source: int, new: bytes, target: int, tell: Tell = _nobody) -> None:
    """Copy the file `name`, of any kind but a directory, from one open directory into another as `new`, with all that
    it has. Links are not followed. Raises OSError.
    """
    status = os.lstat(name, dir_fd=source)
    mtime = (status.st_mtime_ns, status.st_mtime_ns)
    if stat.S_ISREG(status.st_mode):
        reading = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=source)
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            writing = os.open(new, flags, 0o600, dir_fd=target)
            try:
                _content(reading, writing, tell)
                os.fchown(writing, status.st_uid, status.st_gid)
                os.fchmod(writing, stat.S_IMODE(status.st_mode))
                xattrs.copy(reading, writing)
                os.utime(writing, ns=mtime)
            finally:
                os.close(writing)
        finally:
            os.close(reading)
        return
    if stat.S_ISLNK(status.st_mode):
        os.symlink(os.readlink(name, dir_fd=source), new, dir_fd=target)
    else:
        os.mknod(new, status.st_mode, status.st_rdev, dir_fd=target)
    os.chown(new, status.st_uid, status.st_gid, dir_fd=target, follow_symlinks=False)
    if not stat.S_ISLNK(status.st_mode):
        os.chmod(new, stat.S_IMODE(status.st_mode), dir_fd=target)
    xattrs.copy(beneath(source, name), beneath(target, new))
    os.utime(new, ns=mtime, dir_fd=target, follow_symlinks=False)


def _content(reading: int, writing: int, tell: Tell) -> None:
    """A file's bytes; its holes stay holes."""
    status = os.fstat(reading)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it changed while it was looked at")
    if not has_holes(status):
        while count := os.sendfile(writing, reading, None, _PIECE):
            tell(count)
        return
    for start, length in data_pieces(reading, status.st_size):
        os.lseek(writing, start, os.SEEK_SET)
        at, end = start, start + length
        while at < end and (count := os.sendfile(writing, reading, at, min(end - at, _PIECE))):
            at += count
            tell(count)
    os.ftruncate(writing, status.st_size)


def has_holes(status: os.stat_result) -> bool:
    """Whether a file has so many bytes of holes that it is worth while to ask where they are."""
    return status.st_blocks * 512 + _WORTHWHILE < status.st_size


def data_pieces(handle: int, size: int) -> list[tuple[int, int]]:
    """Where an open file holds data, as offset and length, by lseek(2)'s SEEK_DATA and SEEK_HOLE; the last one ends at
    `size`, be it empty. Raises OSError."""
    found: list[tuple[int, int]] = []
    at = 0
    while at < size and len(found) < _PIECES_LIMIT:
        try:
            start = os.lseek(handle, at, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:  # no data up to the end
                raise
            break
        if start >= size:
            break
        at = min(os.lseek(handle, start, os.SEEK_HOLE), size)
        found.append((start, at - start))
    if len(found) == _PIECES_LIMIT:  # the rest in one piece, holes and all
        found[-1] = (found[-1][0], size - found[-1][0])
    return found if found and sum(found[-1]) == size else [*found, (size, 0)]


def beneath(directory: int, name: bytes) -> bytes:
    """A path to one name in an open directory, for calls that take no descriptor of one (proc(5), /proc/self/fd)."""
    return b"/proc/self/fd/%d/%s" % (directory, name)
