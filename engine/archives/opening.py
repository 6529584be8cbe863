"""Opening an image archive: a file or a stream, plain or compressed, or a directory; as a folder of files."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from engine.disk import DataRoot, store_error
from engine.errors import CutawayError, UsageError
from engine.jobs import Job
from engine.layers.foreign import is_compressed, plain
from engine.layers.members import Members
from engine.layers.stream import FileSource
from engine.source import Directory, Folder


@contextmanager
def opened(archive: Path | BinaryIO, root: DataRoot, job: Job) -> Iterator[Folder]:
    """The files of an image archive, while inside. Of a stream, or a compressed one, a plain copy is made meanwhile.

    Raises UsageError where there is none, ContentError where it is something else, StoreError, Cancelled.
    """
    if isinstance(archive, Path) and archive.is_dir():
        yield Directory(archive)
        return
    if isinstance(archive, Path):
        path = archive
        try:
            handle = os.open(archive, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise UsageError(f"cannot read {archive}: {error.strerror}") from error
    else:
        path, handle = Path("stdin"), os.dup(archive.fileno())
    try:
        if _is_plain_file(handle):
            yield Members(path, handle, job.token)
            return
        root.prepare()
        with root.staging("archive") as folder, (folder / "plain").open("w+b") as copy:
            _copy(handle, copy, path, job)
            yield Members(path, copy.fileno(), job.token)
    finally:
        os.close(handle)


def _is_plain_file(handle: int) -> bool:
    return stat.S_ISREG(os.fstat(handle).st_mode) and not is_compressed(os.pread(handle, 8, 0))


def _copy(handle: int, copy: BinaryIO, path: Path, job: Job) -> None:
    try:
        for chunk in plain(FileSource(handle), str(path)):
            job.check()
            copy.write(chunk)
        copy.flush()
    except CutawayError:
        raise
    except OSError as error:
        raise store_error(error, f"cannot keep a copy of {path}") from error
