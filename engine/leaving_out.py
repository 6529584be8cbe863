"""What a commit does not take: paths that somebody names, and what runc made for mounts to stand on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from engine.errors import UsageError
from engine.layers import names
from engine.layers.lower import OPEN_DIRECTORY, hides_below
from engine.text import visible


def named(upper: Path, paths: Iterable[str]) -> set[bytes]:
    """Paths in a container as its upper directory has them. Raises UsageError for one at which nothing was changed:
    whoever leaves a secret out must not find it in the image because of a slip in its name."""
    found = set()
    for path in paths:
        clean = os.fsencode(os.path.normpath("/" + path).strip("/"))
        if not clean:
            raise UsageError("/ cannot be left out: nothing would be taken")
        if not _look(upper, clean)[0]:
            raise UsageError(
                f"the container's changes have nothing at {visible(path)} that could be left out",
                hint="Say it as cutaway diff does; what was removed with its directory comes back with that alone.",
            )
        found.add(clean)
    return found


def mount_points(config: Path, upper: Path) -> set[bytes]:
    """What runc made in the upper directory for mounts to stand on: it is empty, and not the container's content."""
    try:
        mounts = json.loads(config.read_bytes())["mounts"]
        destinations = [mount["destination"] for mount in mounts]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return set()
    found = set()
    for destination in destinations:
        path = os.path.normpath(str(destination)).strip("/")
        if path and _is_empty(upper, path):
            found.add(os.fsencode(path))
    return found


def as_below(upper: Path, paths: Iterable[bytes]) -> set[bytes]:
    """Those of some paths that are left out at which the layers below show, as no directory above hides them."""
    return {path for path in paths if _look(upper, path)[1]}


def _look(upper: Path, path: bytes) -> tuple[bool, bool]:
    """Whether an upper directory has something itself at a path, no link followed; and whether what the layers below
    have there would show without that."""
    shows = True
    folder, last = names.split(path)
    handle = os.open(upper, OPEN_DIRECTORY)
    try:
        for part in folder.split(b"/") if folder else []:
            inner = os.open(part, OPEN_DIRECTORY, dir_fd=handle)
            os.close(handle)
            handle = inner
            shows = shows and not hides_below(handle)
        os.lstat(last, dir_fd=handle)
    except OSError:
        return False, shows
    finally:
        os.close(handle)
    return True, shows


def _is_empty(upper: Path, path: str) -> bool:
    """Whether an empty file or directory lies there, by a way without links."""
    here = upper
    for part in Path(path).parts:
        if here.is_symlink():
            return False
        here /= part
    try:
        if here.is_symlink():
            return False
        return not any(here.iterdir()) if here.is_dir() else here.is_file() and here.stat().st_size == 0
    except OSError:
        return False
