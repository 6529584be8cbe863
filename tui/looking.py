"""Which thing the main area shows, and of it which tab; each tab is filled when it comes to the front."""

from __future__ import annotations

from engine import Event, Status, visible
from tui.panes.tabs import TABS
from tui.places.containers import state as state_of
from tui.places.main_area import MainArea
from tui.state import State
from tui.subjects import OfContainer, OfDraft, OfImage, OfJob, OfNeighbour, OfRevision, Subject
from tui.text import clip, short_reference


class Looking:
    """Holds the subject and the tab."""

    def __init__(self, state: State, area: MainArea) -> None:
        self._state, self._area = state, area
        self.subject: Subject = None
        self.tab_id = TABS[0].tab_id
        self._before: tuple[Subject, str] | None = None

    def at(self, subject: Subject, tab: str = "") -> None:
        """Look at something, at this tab of it or at the one in front."""
        wanted = tab if any(each.tab_id == tab for each in TABS) else self.tab_id
        if (subject, wanted) != (self.subject, self.tab_id) and self.subject is not None:
            self._before = self.subject, self.tab_id
        if subject != self.subject:
            self.subject = subject
            self.close()
        self.tab_id = wanted
        self.show()

    @property
    def before(self) -> tuple[Subject, str] | None:
        """What was looked at before this, and which tab of it; None where it has gone."""
        if self._before is None or self._state.find(self._before[0]) is None:
            return None
        return self._before

    @property
    def crumbs(self) -> list[str]:
        """The way to what is looked at."""
        match self.subject:
            case OfImage(reference):
                return ["images", short_reference(reference, 22), self._title]
            case OfDraft(reference):
                return ["images", short_reference(reference, 22), "new container", self._title]
            case OfContainer(id) if (container := self._state.containers.get(id)) is not None:
                return ["containers", clip(visible(container.name), 24), self._title]
            case OfNeighbour(what):
                return ["containers", clip(visible(what), 24), self._title]
            case OfJob(job) if job in self._state.pulls:
                pull = self._state.pulls[job]
                return ["images", f"{pull.verb} {short_reference(pull.name, 30)}"]
        return []

    @property
    def _title(self) -> str:
        return next(tab.title for tab in TABS if tab.tab_id == self.tab_id)

    def turn(self, tabs: int) -> None:
        """So many tabs on, round and round."""
        every = [tab.tab_id for tab in TABS]
        self.at(self.subject, every[(every.index(self.tab_id) + tabs) % len(every)])

    def show(self) -> None:
        """Bring what is looked at to the front, and read what is missing."""
        subject, area = self.subject, self._area
        if isinstance(subject, OfJob):
            pull = self._state.pulls.get(subject.job)
            if pull is not None:
                area.pulling.show(pull)
                area.front("pulling", ["pull"])
                return
        if subject is None or isinstance(subject, OfJob):
            area.welcome.show()
            area.front("welcome", ["Welcome"])
            return
        tab = area.find(self.tab_id)
        if tab is None:  # not loaded yet; when they are, this is asked for again
            return
        tab.show(subject)
        area.front(self.tab_id, self.context)

    @property
    def context(self) -> list[str]:
        """What is looked at, for the upper edge; in full and shorter."""
        match self.subject:
            case OfImage(reference):
                return [short_reference(reference, width) for width in (40, 20, 12)]
            case OfDraft(reference):
                shorter = [short_reference(reference, width) for width in (26, 18, 12)]
                return [f"new container from {shorter[0]}", *(f"new from {said}" for said in shorter)]
            case OfContainer(id) if (container := self._state.containers.get(id)) is not None:
                name, state = visible(container.name), state_of(container)
                if isinstance(self.subject, OfRevision):
                    return [f"config.json of {clip(name, 40)}", clip(name, 16)]
                return [f"{clip(name, 40)} {state}", f"{clip(name, 16)} {state}", f"{clip(name, 10)} {state[0]}"]
            case OfNeighbour(what) if (other := self._state.others.get(what)) is not None:
                return [f"{clip(visible(what), width)} {visible(other.status)}" for width in (40, 16)]
        return []

    def hear(self, event: Event) -> None:
        """What the engine tells goes to the tabs that show the thing."""
        for tab in self._area.tabs:
            if tab.subject is not None:
                tab.hear(event)

    def container_changed(self, before: Status | None) -> None:
        """The container that is looked at has another state."""
        container = self._state.containers.get(self.subject.id) if isinstance(self.subject, OfContainer) else None
        if container is not None:
            for tab in self._area.tabs:
                if tab.is_stale(container, before):
                    tab.outdate()
            self.show()

    def others_changed(self) -> bool:
        """Other engines' containers may be different now; False where the one that is looked at has gone."""
        if isinstance(self.subject, OfNeighbour):
            if self._state.find(self.subject) is None:
                return False
            for tab in self._area.tabs:
                if tab.subject is not None:
                    tab.outdate()
            self.show()
        return True

    def settle(self) -> None:
        """Something is about to be done."""
        for tab in self._area.tabs:
            if tab.subject is not None:
                tab.settle()

    def close(self) -> None:
        """Nothing is looked at any more."""
        for tab in self._area.tabs:
            tab.forget()
