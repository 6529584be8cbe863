"""Whose layers [2] shows: those of the image under the cursor, of a container's image, or of one on its way."""

from __future__ import annotations

from engine import ImageUnknown
from tui.desk import Desk
from tui.panes.layers.pane import LayersPane
from tui.state import State
from tui.subjects import OfContainer, OfDraft, OfImage, OfJob, OfNeighbour, Subject
from tui.telling import Later
from tui.text import short_reference


class Layering:
    """Reads layers when the subject changes, and only then."""

    def __init__(self, desk: Desk, state: State, pane: LayersPane, later: Later) -> None:
        self._desk, self._state, self._pane, self._later = desk, state, pane, later
        self.subject: Subject = None

    def at(self, subject: Subject) -> None:
        """Show the layers of this."""
        if subject == self.subject and not isinstance(subject, OfJob):
            return
        before, self.subject = self._reference, subject
        if isinstance(subject, OfJob) and subject.job in self._state.pulls:
            self._pane.show_pull(self._state.pulls[subject.job])
        elif self._reference and self._reference != before:
            self._later(self._read(subject, self._reference))
        elif not self._reference:
            theirs = isinstance(subject, OfNeighbour)
            self._pane.clear("its engine has them" if theirs else "select an image" if self._state.images else "")

    @property
    def context(self) -> list[str]:
        """Whose they are, for the pane's edge."""
        return [short_reference(self._reference, width) for width in (30, 20, 12)] if self._reference else []

    @property
    def _reference(self) -> str:
        match self.subject:
            case OfImage(reference) | OfDraft(reference):
                return reference
            case OfContainer(id) if id in self._state.containers:
                return self._state.containers[id].image
        return ""

    async def _read(self, subject: Subject, reference: str) -> None:
        try:
            layers = await self._desk.ask(lambda workbench: workbench.layers(reference))
        except ImageUnknown:
            if self._reference == reference:
                self._pane.clear("its image is not here")
            return
        if self._reference == reference:
            self._pane.show(layers)
