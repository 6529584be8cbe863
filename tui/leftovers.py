"""What nobody cleared up: after a crash, and after a container that ended while the screen is open and conmon was not
there to see to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any

from engine import Status
from tui.desk import Desk, containers
from tui.state import State

if TYPE_CHECKING:
    from engine import ContainerSummary, Job, Workbench

TIME_FOR_IT = 1.0
"""Seconds that conmon has to begin with it. Where it comes later still, whoever has the container's lock does it, and
the other finds nothing left to do."""


class Leftovers:
    """A part of the conductor's. Under --read-only nothing is cleared."""

    def __init__(
        self,
        desk: Desk,
        state: State,
        later: Callable[[Coroutine[Any, Any, None]], object],
        say: Callable[[str], None],
    ) -> None:
        """`later` is the screen's; `say` may be called in any thread."""
        self._desk, self._state, self._later, self._say = desk, state, later, say
        self._begun = self._arranged = False
        self._tried: set[str] = set()

    async def begin(self) -> None:
        """Clear what is left of what was before the screen; from now on `look` does something."""
        if self._state.read_only:
            return
        for done in await self._desk.ask(lambda workbench: workbench.recover()):
            self._say(done)
        self._begun = True

    def look(self) -> None:
        """The containers have been read: where one seems to be left as it ended, have that cleared in a while, once for
        all that end until then. What could not be cleared is not tried again at each event that follows."""
        left = _left(self._state.containers.values())
        self._tried &= left
        if self._begun and not self._arranged and left - self._tried:
            self._arranged = True
            self._later(self._clear())

    async def _clear(self) -> None:
        try:
            await asyncio.sleep(TIME_FOR_IT)
            left = _left(await self._desk.ask(containers))
        finally:
            self._arranged = False
        if left - self._tried:  # otherwise conmon has done it
            self._tried |= left
            self._desk.job("clear up after containers", self._recover, "")

    def _recover(self, workbench: Workbench, job: Job) -> None:
        for done in workbench.recover(job):
            self._say(done)


def _left(there: Iterable[ContainerSummary]) -> set[str]:
    """Those that have ended and are mounted: of all that is due then (`Workbench.recover`), to unmount comes last."""
    return {c.id for c in there if c.status is Status.EXITED and c.mounted and not c.working}
