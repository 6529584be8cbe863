"""What went wrong, in the words of the error tree: a defect too has to reach the person, and not as a traceback."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from engine import CutawayError, Problem

if TYPE_CHECKING:
    from tui.bench import Bench

Later = Callable[[Coroutine[Any, Any, None]], object]
"""Runs a coroutine and tells what it raises."""

READ_ONLY = "nothing may be changed (--read-only)"
"""Why not, where that is set. Of this host's files, too: what is written as root can be any of them."""


def refused(bench: Bench) -> bool:
    """Whether nothing may be changed; if so it is said."""
    if bench.state.read_only:
        bench.say(f"Not now: {READ_ONLY}")
    return bench.state.read_only


def problem(error: Exception) -> Problem:
    """An exception as it is told; what is not of the error tree is of the kind "internal"."""
    if isinstance(error, CutawayError):
        return Problem(error.code, error.message, error.hint)
    return Problem(
        "internal",
        f"{type(error).__name__}: {error}",
        "This is a defect in Cutaway. Containers go on; please report it, with what you did just now.",
    )


async def guarded(work: Coroutine[Any, Any, None], complain: Callable[[Problem], None]) -> None:
    """Do it, and tell what it raises."""
    try:
        await work
    except Exception as error:
        complain(problem(error))
