"""How much a container has written."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from engine.disk import store_error
from engine.walking import entries


def written_bytes(upper: str) -> int:
    """The bytes in the files below a directory, each file once, and in its links' targets. Holes count, as with podman.

    What goes while it is read does not count, and a directory that is not there has none. Raises StoreError.
    """
    seen: set[tuple[int, int]] = set()
    total = 0
    try:
        for status in _below(upper):
            if stat.S_ISREG(status.st_mode) and (status.st_dev, status.st_ino) not in seen:
                if status.st_nlink > 1:
                    seen.add((status.st_dev, status.st_ino))
                total += status.st_size
            elif stat.S_ISLNK(status.st_mode):
                total += status.st_size
    except OSError as error:
        raise store_error(error, f"cannot read {upper}") from error
    return total


def _below(directory: str) -> Iterator[os.stat_result]:
    try:
        top = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        for place, name, is_directory in entries(top, _raise):
            if not is_directory:
                try:
                    yield os.stat(name, dir_fd=place, follow_symlinks=False)
                except FileNotFoundError:
                    continue
    finally:
        os.close(top)


def _raise(error: OSError) -> None:
    raise error
