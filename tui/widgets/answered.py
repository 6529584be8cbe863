"""What is in front of the workbench and goes when it is answered."""

from __future__ import annotations

from typing import TypeVar

from textual.await_complete import AwaitComplete
from textual.screen import ModalScreen

from tui.widgets.repainted import Repainted

T = TypeVar("T")


class Answered(Repainted[T], ModalScreen[T]):
    """A screen that is answered once."""

    def dismiss(self, result: T | None = None) -> AwaitComplete:
        """Go, with an answer. Keys in a hurry may bring a second one before it has gone: that is dropped, since the
        library would take away what lies below in its place."""
        return super().dismiss(result) if self.app.screen is self else AwaitComplete()
