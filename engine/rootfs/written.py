"""How much a container has written."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator


def written_bytes(upper: str) -> int:
    """The bytes in the files below a directory, each file once, and in its links' targets. Holes count, as with podman.

    What goes while it is read does not count.
    """
    seen: set[tuple[int, int]] = set()
    total = 0
    for status in _below(upper):
        if stat.S_ISREG(status.st_mode) and (status.st_dev, status.st_ino) not in seen:
            if status.st_nlink > 1:
                seen.add((status.st_dev, status.st_ino))
            total += status.st_size
        elif stat.S_ISLNK(status.st_mode):
            total += status.st_size
    return total


def _below(directory: str) -> Iterator[os.stat_result]:
    for _, _, names, handle in os.fwalk(directory, follow_symlinks=False):
        for name in names:
            try:
                yield os.stat(name, dir_fd=handle, follow_symlinks=False)
            except OSError:
                continue
