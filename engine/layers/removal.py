"""Removing what an entry replaces, by descriptors: no link on the way is followed."""

from __future__ import annotations

import os

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove_tree(name: bytes, directory: int) -> None:
    """Remove the directory `name` in an open directory, with all below it. Raises OSError.

    It goes as deep as the tree, which `names.DEPTH` bounds.
    """
    handle = os.open(name, _OPEN, dir_fd=directory)
    try:
        for part in map(os.fsencode, os.listdir(handle)):
            try:
                os.unlink(part, dir_fd=handle)
            except IsADirectoryError:
                remove_tree(part, handle)
    finally:
        os.close(handle)
    os.rmdir(name, dir_fd=directory)
