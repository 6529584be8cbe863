"""Files that people name to have something written there: where that is, what is wrong with it, and the writing."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from engine import UsageError, visible

if TYPE_CHECKING:
    from tui.bench import Bench


def place(typed: str) -> Path:
    """The path that somebody means."""
    return Path(os.path.abspath(os.path.expanduser(typed)))


def wrong_place(typed: str) -> str:
    """Why no file can be written there, in words; "" where one can. One that is there is asked about: `may_write`."""
    if not typed:
        return "a file's name is needed"
    path = place(typed)
    if path.is_dir():
        return "that is a directory"
    return "" if path.parent.is_dir() else f"there is no directory {visible(str(path.parent))}"


async def may_write(bench: Bench, path: Path) -> bool:
    """Whether nothing is there, or may be written over."""
    if not os.path.lexists(path):
        return True
    return await bench.ask(f"{visible(str(path))} is there already. Write over it?", yes="Write over it")


@contextmanager
def written(path: Path) -> Iterator[BinaryIO]:
    """A file to write, which takes its place when it is whole; what is there stays whole until then.

    Only its owner may read it, as it may hold secrets, unless one is there already, whose mode it gets.
    Raises UsageError.
    """
    part = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}")
    try:
        try:
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            if path.exists():
                part.chmod(path.stat().st_mode & 0o777)
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UsageError(f"cannot write {visible(str(path))}: {error.strerror}", hint="Give another place.") from error
