"""What panes, tabs, dialogs and deeds may ask of the screen that they are on."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from textual.screen import ModalScreen

    from engine import Event, Job, Problem, Workbench
    from tui.conductor import Conductor
    from tui.desk import Desk
    from tui.state import State
    from tui.subjects import Subject

T = TypeVar("T")


class Bench(Protocol):
    """The workbench's screen, as everything on it knows it."""

    state: State
    conductor: Conductor
    listeners: list[Callable[[Event], None]]
    """Called with every event of the engine's, in the screen's loop."""

    @property
    def desk(self) -> Desk:
        """The engine."""

    def look(self, subject: Subject, *, go: str = "") -> None:
        """Look at a thing; `go` is a pane, or a tab of the main area, to be in afterwards."""

    def say(self, text: str) -> None:
        """A short word that goes by itself; it may be hostile."""

    def complain(self, problem: Problem) -> None:
        """Tell what went wrong, and what to do."""

    def later(self, work: Coroutine[Any, Any, None]) -> object:
        """Do it, and tell what it raises; where it goes to is gone to for the key that is being carried out now."""

    async def put(self, dialog: ModalScreen[T]) -> T | None:
        """Open a dialog and wait for its answer; None where it was left without one."""

    async def ask(self, question: str, *, detail: str = "", command: str = "", yes: str = "Yes") -> bool:
        """Put a question; only a yes is one. All of it is plain and safe text."""

    def job(self, title: str, work: Callable[[Workbench, Job], object], command: str) -> Job:
        """Do in the engine's own thread what takes long: it can be cancelled, and its failure is told."""

    async def result(
        self,
        title: str,
        work: Callable[[Workbench, Job], T],
        command: str,
        *,
        begun: Callable[[Job], object] = lambda job: None,
    ) -> T | None:
        """The same, and wait for what it returns; None where it failed, which is told, or was cancelled. `begun` is
        given the job as soon as there is one, for who may have to cancel it."""

    def show_command(self, command: str, outcome: str = "", *, good: bool = True) -> None:
        """The command line that does the same as what was just done."""

    def copy(self, text: str, what: str) -> None:
        """Copy a text, and say what was copied (`what`: "the command") and where to."""

    def at_terminal(self, work: Callable[[], T]) -> T:
        """Give the terminal to `work` and the programs it runs; when it returns or raises the screen is back.

        Nothing is drawn meanwhile, what the engine tells waits. Raises UsageError where the screen has no terminal.
        """
