"""From a wish to a deed: refuse with the reason, ask where it cannot be undone, then do it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from engine import visible
from tui.conductor import Conductor
from tui.deeds import Deed, Verb
from tui.subjects import OfDraft, OfImage, OfJob, Subject

if TYPE_CHECKING:
    from tui.panes.config.analysis import Analysis


class Asking(Protocol):
    """What doing asks of the screen."""

    async def ask(self, question: str, *, detail: str = "", command: str = "", yes: str = "Yes") -> bool: ...
    def look(self, subject: Subject, *, go: str = "") -> None: ...
    def say(self, text: str) -> None: ...
    def show_command(self, command: str, outcome: str = "", *, good: bool = True) -> None: ...


class Doing:
    """Carries out verbs on subjects."""

    def __init__(self, conductor: Conductor, view: Asking, analysis: Callable[[], Analysis | None]) -> None:
        """`analysis` tells what is known of the text in the editor."""
        self._conductor, self._view, self._analysis = conductor, view, analysis

    async def do(self, verb: Verb, subject: Subject) -> None:
        """Do it, or say why not."""
        deed = self._conductor.deed(verb, subject)
        if deed is None:
            return
        if deed.why_not:
            self._view.say(f"Not now: {deed.why_not}")
            return
        if verb is Verb.LAUNCH and not await self._in_spite():
            return
        if deed.question and not await self._view.ask(deed.question, command=deed.command, yes=deed.label.capitalize()):
            return
        self._carry_out(deed, subject)

    def _carry_out(self, deed: Deed, subject: Subject) -> None:
        match deed.verb, subject:
            case Verb.OPEN, OfImage(reference):
                self._conductor.open(reference)
            case Verb.LAUNCH, OfDraft(reference):
                self._conductor.launch(reference)
            case Verb.DISCARD, OfDraft(reference):
                self._conductor.discard(reference)
            case Verb.DISCARD, OfJob(job):
                self._conductor.forget(job)
            case Verb.CANCEL, OfJob(job):
                self._conductor.cancel(job)
            case ((Verb.OUTPUT | Verb.TRACE | Verb.CONFIG), _):
                self._view.show_command(deed.command)
                self._view.look(subject, go=deed.verb.value)
            case _:
                self._conductor.perform(deed, subject)

    async def _in_spite(self) -> bool:
        """Whether to launch what runc will refuse."""
        analysis = self._analysis()
        errors = [found for found in analysis.diagnostics if found.severity.value == "error"] if analysis else []
        if not errors:
            return True
        return await self._view.ask(
            "runc will refuse this config.json. Launch it all the same?",
            detail=f"Line {errors[0].line}: {visible(errors[0].message)}",
            yes="Launch",
        )
