"""The process's own streams: one that is closed is replaced, and an output that cannot be written to is an error."""

from __future__ import annotations

import atexit
import errno
import io
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

from engine import CutawayError


class _Output(io.FileIO):
    """Standard output. What comes after a failure is dropped: it was told, and nobody shall trip over it at the end."""

    _lost = False

    def write(self, data: Any, /) -> int:
        if self._lost:
            return len(data)
        try:
            with writing():
                return super().write(data) or 0
        except CutawayError:
            self._lost = True
            raise


@contextmanager
def writing() -> Iterator[None]:
    """Around what writes to standard output. Raises CutawayError where that fails, unless it is that nobody reads."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        why = "it is closed" if error.errno == errno.EBADF else error.strerror
        raise CutawayError(f"cannot write to standard output: {why}") from error


def prepare() -> None:
    """To be called once, before anything is read or written."""
    # The lowest free descriptor is the one that is closed. A standard output that is for reading fails as a closed one.
    if sys.stdin is None:
        sys.stdin = open(_null(os.O_RDONLY), encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stdout is None or sys.stdout is sys.__stdout__:
        before = sys.stdout
        handle = _null(os.O_RDONLY) if before is None else before.fileno()
        sys.stdout = io.TextIOWrapper(
            io.BufferedWriter(_Output(handle, "wb", closefd=False)),
            encoding=before.encoding if before else "utf-8",
            errors=before.errors if before else "strict",
            line_buffering=before.line_buffering if isinstance(before, io.TextIOWrapper) else False,
        )
    if sys.stderr is None:
        sys.stderr = open(_null(os.O_WRONLY), "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def _null(flags: int) -> int:
    handle = os.open(os.devnull, flags)
    os.set_inheritable(handle, True)
    return handle


def leave(code: int) -> NoReturn:
    """End the process, with what is buffered written, and without taking every object apart first: that takes longer
    than many a command. Where a thread still works, or an output takes nothing, it ends in the usual way."""
    if threading.active_count() == 1:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
            atexit._run_exitfuncs()
            os._exit(code)
    sys.exit(code)
