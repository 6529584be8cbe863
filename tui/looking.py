"""Which thing the main area shows, and of it which tab; what each tab needs is read when it comes to the front."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from engine import CancelToken, CutawayError, Output, Status, visible
from tui.desk import Desk
from tui.panes.config.analysis import analyse
from tui.panes.containers.pane import state as state_of
from tui.screens.main_area import MainArea, Tab
from tui.state import State, Writing
from tui.subjects import OfContainer, OfDraft, OfImage, OfJob, Subject
from tui.text import clip, short_reference

if TYPE_CHECKING:
    from engine import ContainerSummary, Provenance

Later = Callable[[Coroutine[Any, Any, None]], object]


class Looking:
    """Holds the subject; every read checks, when it comes back, that it is still wanted."""

    def __init__(self, desk: Desk, state: State, area: MainArea, later: Later) -> None:
        """`later` runs a coroutine and shows what it raises."""
        self._desk, self._state, self._area, self._later = desk, state, area, later
        self.subject: Subject = None
        self.tab = Tab.CONFIG
        self._loaded: dict[Tab, Subject] = {}
        self._provenance: Provenance | None = None
        self._following: CancelToken | None = None
        self._streams = itertools.count()
        self._stream = ""

    def at(self, subject: Subject, tab: Tab | None = None) -> None:
        """Look at something, at this tab of it or at the one in front."""
        if subject != self.subject:
            self.subject = subject
            self._loaded.clear()
            self._stop_following()
        if tab is not None:
            self.tab = tab
        self.show()

    def turn(self, tabs: int) -> None:
        """So many tabs on, round and round."""
        every = list(Tab)
        self.at(self.subject, every[(every.index(self.tab) + tabs) % len(every)])

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
            area.welcome.show(self._state.problems)
            area.front("welcome", ["Welcome"])
            return
        if self._loaded.get(self.tab) != subject:
            self._loaded[self.tab] = subject
            {Tab.CONFIG: self._load_config, Tab.OUTPUT: self._load_output, Tab.TRACE: self._load_trace}[self.tab](
                subject
            )
        area.front(self.tab, self.context)

    def forget(self, *tabs: Tab) -> None:
        """Read these tabs again: what they show has changed."""
        for tab in tabs:
            self._loaded.pop(tab, None)
        self.show()

    @property
    def context(self) -> list[str]:
        """What is looked at, for the upper edge; in full and shorter."""
        match self.subject:
            case OfImage(reference):
                return [short_reference(reference, width) for width in (40, 20, 12)]
            case OfDraft(reference):
                shorter = [short_reference(reference, width) for width in (26, 18, 12)]
                return [f"new container from {shorter[0]}", *(f"new from {said}" for said in shorter), shorter[-1]]
            case OfContainer() if (container := self.container) is not None:
                name, state = visible(container.name), state_of(container)
                return [f"{clip(name, 40)} {state}", f"{clip(name, 16)} {state}", f"{clip(name, 10)} {state[0]}"]
        return []

    @property
    def container(self) -> ContainerSummary | None:
        """The container that is looked at."""
        return self._state.containers.get(self.subject.id) if isinstance(self.subject, OfContainer) else None

    @property
    def writing(self) -> Writing | None:
        """The draft that is looked at."""
        return self._state.drafts.get(self.subject.reference) if isinstance(self.subject, OfDraft) else None

    # -- Config ----------------------------------------------------------------------------------------

    def _load_config(self, subject: Subject) -> None:
        config = self._area.config
        match subject:
            case OfImage(reference):
                config.say("reading…")
                self._later(self._read_card(subject, reference))
            case OfDraft():
                writing = self.writing
                if writing is not None:
                    config.show_text(writing.text, writable=True)
            case OfContainer(id):
                container = self.container
                if container is not None and container.working:
                    config.say(
                        "A working container has no config.json: nothing runs in it.\n\n"
                        f"Its root filesystem is in {visible(str(container.path / 'merged'))}"
                    )
                else:
                    config.say("reading…")
                    self._later(self._read_config(subject, id))

    async def _read_card(self, subject: Subject, reference: str) -> None:
        document = await self._desk.ask(lambda workbench: workbench.inspect(reference))
        if self.subject == subject:
            self._area.config.show_card(document, "enter")
            self._area.update_summary()

    async def _read_config(self, subject: Subject, id: str) -> None:
        text, self._provenance = await self._desk.ask(lambda workbench: workbench.config(id))
        if self.subject == subject:
            self._area.config.show_text(text, writable=False)
            if self.tab is Tab.CONFIG and self._area.has_focus_within:
                self._area.take_focus()

    def write(self, text: str) -> bool:
        """The draft's text is this now; whether that makes it an edited one, or no longer."""
        writing = self.writing
        if writing is None:
            return False
        before, writing.text = writing.edited, text
        return writing.edited is not before

    def analyse(self, text: str) -> None:
        """Find out about the text in the editor."""
        self._later(self._analyse(self.subject, text))

    async def _analyse(self, subject: Subject, text: str) -> None:
        writing = self.writing
        draft = writing.draft if writing is not None else None
        provenance = draft.provenance if draft is not None else self._provenance
        if provenance is None:
            return
        known, before = provenance, writing.original if writing is not None else ""
        analysis = await self._desk.ask(lambda workbench: analyse(workbench, text, known, draft, before))
        if self.subject == subject:
            self._area.config.take(analysis)

    # -- Output ----------------------------------------------------------------------------------------

    def _load_output(self, subject: Subject) -> None:
        output = self._area.output
        match subject:
            case OfImage():
                output.say(
                    "An image prints nothing: it is started as a container.\n\nPress enter in [1] to make one of it."
                )
            case OfDraft():
                output.say("Not started yet.\n\nctrl+l in the Config tab launches it; its output comes here.")
            case OfContainer(id):
                container = self.container
                if container is not None and container.working:
                    output.say("A working container prints nothing: nothing runs in it.")
                elif container is not None and container.status is Status.CREATED:
                    output.say("Created and not started yet: there is no output.\n\nPress s in [4] to start it.")
                else:
                    output.begin(id)
                    self._follow(id)

    def _follow(self, id: str) -> None:
        self._stop_following()
        self._stream = f"{id} {next(self._streams)}"
        loop = asyncio.get_running_loop()
        token: CancelToken | None = None

        def done(failure: Exception | None) -> None:
            def settle() -> None:
                if self._following is token:
                    self._following = None
                    if failure is not None:
                        self._later(tell(failure))

            try:
                loop.call_soon_threadsafe(settle)
            except RuntimeError:  # the loop has ended
                pass

        token = self._following = self._desk.follow(id, self._stream, done)

    def _stop_following(self) -> None:
        if self._following is not None:
            self._following.cancel()
            self._following = None

    def take_output(self, event: Output) -> None:
        """More lines of a container; those of one that is not looked at any more fall away."""
        if event.container == self._stream and Tab.OUTPUT in self._loaded:
            self._area.output.add(event.lines)

    def container_changed(self, before: Status | None) -> None:
        """The container that is looked at has another state: say so, and follow its output again if it runs again."""
        container = self.container
        if container is None:
            return
        if container.status is Status.RUNNING and before is not Status.RUNNING and before is not Status.PAUSED:
            self.forget(Tab.OUTPUT, Tab.TRACE)
        else:
            self.forget(Tab.TRACE)

    # -- Trace -----------------------------------------------------------------------------------------

    def _load_trace(self, subject: Subject) -> None:
        match subject:
            case OfImage(name) | OfDraft(name) | OfContainer(name):
                self._later(self._read_trace(subject, name))

    async def _read_trace(self, subject: Subject, name: str) -> None:
        steps, said = [], "nothing was done yet"
        try:
            steps = await self._desk.ask(lambda workbench: workbench.trace(name))
        except CutawayError as error:
            said = f"✗ {visible(error.message)}\n{visible(error.hint)}"
        if self.subject == subject:
            self._area.trace.show(steps, said)
            self._area.update_summary()

    def close(self) -> None:
        self._stop_following()


async def tell(failure: Exception) -> None:
    """Raise it where it is shown."""
    raise failure
