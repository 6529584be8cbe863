"""What every tab of the main area is: one class, named in the list `tui.panes.tabs.TABS`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.containers import Vertical
from textual.message import Message

from engine import Event, Status, visible
from tui.bench import Bench
from tui.subjects import OfContainer, OfNeighbour, Subject

if TYPE_CHECKING:
    from engine import ContainerSummary
    from tui.state import Writing


class MainTab(Vertical):
    """Shows one side of the thing that is looked at. Its keys are its BINDINGS; each has an id, `output.times`.

    It is filled (`fill`) when it is first in front with a thing, and again after that was said to have changed. What it
    reads takes time: on coming back it looks whether `subject` is still the one it read for.
    """

    tab_id: ClassVar[str]
    """In a word, without blanks: the widget's id, and what `look(…, go="output")` calls it."""

    title: ClassVar[str]
    """What stands on the edge."""

    filterable: ClassVar[bool] = False
    """Whether `/` opens the frame's filter line; `filter_with` is then told what is typed."""

    class Changed(Message):
        """What the tab says of itself (`summary`) is different now."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(id=self.tab_id)
        self.bench = bench
        self.subject: Subject = None
        """What it is filled with."""
        self._stale = True

    def show(self, subject: Subject) -> None:
        """Be filled with this, unless it is."""
        if subject != self.subject or self._stale:
            self.subject, self._stale = subject, False
            self.fill(subject)

    def outdate(self) -> None:
        """What it shows has changed: it is filled again, at once or when it comes to the front."""
        self._stale = True
        if self.display and self.subject is not None:
            self.show(self.subject)

    def forget(self) -> None:
        """Another thing is looked at."""
        self.leave()
        self.subject, self._stale = None, True

    def fill(self, subject: Subject) -> None:
        """Show this thing; `self.subject` is it already."""
        raise NotImplementedError

    def leave(self) -> None:
        """Its thing is not looked at any more: end what goes on for it."""

    def settle(self) -> None:
        """Something is about to be done: what was typed a moment ago has to be in the state."""

    def hear(self, event: Event) -> None:
        """The engine tells something; only tabs that are filled hear it, in front or not."""

    def is_stale(self, container: ContainerSummary, before: Status | None) -> bool:
        """Whether the change of the container that is looked at makes it necessary to fill the tab again."""
        return False

    @property
    def theirs(self) -> str:
        """What is known of another engine's container without asking that again. Plain and safe."""
        match self.subject:
            case OfNeighbour(what) if (other := self.bench.state.others.get(what)) is not None:
                rows = {"name": other.name, "id": other.id, "image": other.image, "state": other.status}
                lines = [f"{name:8}{visible(value)}" for name, value in rows.items() if value]
                if other.why_not:
                    can = f"It cannot be adopted now: {visible(other.why_not)}."
                else:
                    can = "enter in [4] adopts it: a container of ours is made by its config.json."
                return "\n".join(
                    [f"A container of {other.engine}'s, which is looked at and left alone.", "", *lines, "", can]
                )
        return "It is not there any more."

    @property
    def summary(self) -> str:
        """Plain words for the lower edge."""
        return ""

    @property
    def copyable(self) -> tuple[str, str]:
        """What `y` copies here, and what that is in words."""
        return "", ""

    def filter_with(self, text: str) -> None:
        """Show only what matches; `!` in front turns it about."""

    def search(self) -> bool:
        """`/` was pressed: True where the tab has a line of its own for it."""
        return False

    def take_focus(self) -> None:
        """Give the focus to what wants keys: at once, so that the next key finds it there."""
        for widget in self.query("*"):
            if widget.focusable:
                self.screen.set_focus(widget, scroll_visible=False)
                return

    @property
    def container(self) -> ContainerSummary | None:
        """The container that is looked at."""
        return self.bench.state.containers.get(self.subject.id) if isinstance(self.subject, OfContainer) else None

    @property
    def writing(self) -> Writing | None:
        """The draft that is looked at."""
        return self.bench.state.writing(self.subject)
