"""What is being written: opened, kept on disk while it is, launched, thrown away, and found again after a crash."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from engine import CutawayError, RuntimeFailed, Status
from tui.desk import Desk
from tui.state import Failure, State, Writing
from tui.subjects import OfContainer, OfDraft, OfImage, Subject
from tui.telling import problem
from tui.text import shown_json

if TYPE_CHECKING:
    from engine import ContainerSummary, Draft, KeptDraft, Problem, Workbench

KEEP_AFTER = 0.4
"""Seconds after a key until the text is on disk; more keys do not put it off."""


class View(Protocol):
    """What drafting asks of the screen."""

    def show_images(self) -> None: ...
    def show_containers(self, before: dict[str, Status]) -> None: ...
    def look(self, subject: Subject, *, go: str = "") -> None: ...
    def complain(self, problem: Problem) -> None: ...
    def later(self, work: Coroutine[Any, Any, None], asked: int | None = None) -> object: ...


class Drafting:
    """A part of the conductor's."""

    def __init__(
        self, desk: Desk, state: State, view: View, from_thread: Callable[[Callable[..., object]], Callable[..., None]]
    ) -> None:
        """`from_thread` makes of a function one that may be called in any thread and runs in the screen's."""
        self._desk, self._state, self._view, self._from_thread = desk, state, view, from_thread
        self._unkept: dict[str, Writing] = {}
        self._timer: asyncio.TimerHandle | None = None

    # -- opening ---------------------------------------------------------------------------------------

    def open(self, reference: str, *, typing: bool = False) -> None:
        """Look at the config.json that an image would be started with; made anew unless there is one already."""
        if (there := self._state.drafts.get(reference)) is not None:
            self.look(there, typing=typing)
        else:
            opened = self._from_thread(partial(self.opened, typing=typing))
            self._desk.draft(reference, self._state.flags.get("run", ()), opened)

    def look(self, writing: Writing, *, typing: bool = False) -> None:
        """Look at what is open; `typing`: ready to be typed into."""
        writing.typing = typing
        self._view.look(writing.subject, go="config")
        if writing.typing and writing.port is not None:  # the editor shows it already
            writing.typing = False
            writing.port.write()

    def opened(self, draft: Draft, *, typing: bool = False) -> None:
        """Look at a draft that was made."""
        self._state.drafts[draft.image] = Writing(draft, typing=typing)
        self._view.show_images()
        self._view.look(OfDraft(draft.image), go="config")

    async def reopen(self, id: str) -> None:
        """Change the config.json of a container that is there, for its next start."""
        if id not in self._state.revisions:
            draft = await self._desk.ask(lambda workbench: workbench.reopen(id))
            self._state.revisions[id] = Writing(draft, revises=True)
        self.look(self._state.revisions[id], typing=True)

    # -- keeping ---------------------------------------------------------------------------------------

    def changed(self, writing: Writing, *, was_edited: bool) -> None:
        """Its text is another one now; a moment later it is on disk."""
        writing.failure = None
        if writing.edited is not was_edited:
            self._view.show_images()
        if not self._state.read_only:
            self._unkept[writing.draft.id] = writing
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(KEEP_AFTER, self._keep_soon)

    def rewrite(self, writing: Writing, text: str) -> None:
        """Give it another text, as an edit."""
        was_edited, writing.text = writing.edited, shown_json(text)
        self.changed(writing, was_edited=was_edited)
        if writing.port is not None:
            writing.port.change_to(writing.text)

    def _keep_soon(self) -> None:
        self._timer = None
        self._view.later(self._keep())

    async def _keep(self) -> None:
        work = self._unkept_work()
        await self._desk.ask(lambda workbench: _keep_all(workbench, work))

    def flush(self) -> None:
        """Have everything on disk when this returns: the screen is about to go."""
        if self._desk.loaded:
            with suppress(CutawayError):  # there is nobody left to tell
                _keep_all(self._desk.workbench, self._unkept_work())

    def _unkept_work(self) -> list[tuple[Draft, str, bool, bool]]:
        work = [(w.draft, w.text, w.edited, w.revises) for w in self._unkept.values()]
        self._unkept.clear()
        return work

    def _drop(self, writing: Writing) -> None:
        """It is not being written any more."""
        draft = writing.draft
        self._unkept.pop(draft.id, None)
        if writing.revises:
            self._state.revisions.pop(draft.id, None)
        else:
            self._state.drafts.pop(draft.image, None)
        if not self._state.read_only:
            self._view.later(self._desk.ask(lambda workbench: workbench.let_go(draft)))

    async def find_again(self) -> list[tuple[Writing, float]]:
        """What was being written when an earlier Cutaway ended, each with when it was kept; it can be looked at now."""
        if self._state.read_only:
            return []
        found = []
        for kept in await self._desk.ask(lambda workbench: workbench.kept()):
            writing = self._taken(kept)
            if writing is not None:
                found.append((writing, kept.saved))
        if found:
            self._view.show_images()
        return found

    def _taken(self, kept: KeptDraft) -> Writing | None:
        draft = kept.draft
        writing = Writing(draft, revises=kept.revises)
        writing.text = kept.text
        if kept.revises:
            if draft.id not in self._state.containers:
                return None
            self._state.revisions[draft.id] = writing
        elif draft.image in self._state.drafts:
            return None  # two of one image: the later one is kept for another time
        else:
            self._state.drafts[draft.image] = writing
        return writing

    # -- launching -------------------------------------------------------------------------------------

    def take(self, writing: Writing) -> Draft | None:
        """What it would be launched as; None where it is being launched, or was thrown away, since a key was pressed.

        The caller launches it, and says what became of that: `launched`, or `failed`.
        """
        if writing.launching or writing not in self._state.writings:
            return None
        try:
            draft = writing.result
        except CutawayError as error:
            self._view.complain(problem(error))
            return None
        writing.launching, writing.failure = True, None
        return draft

    def launch(self, writing: Writing, command: str, *, start: bool) -> None:
        """Make the draft a container, or give the container its changed config.json, and `start` it."""
        draft = self.take(writing)
        if draft is not None:
            job = self._desk.launch(
                draft,
                command,
                start=start,
                revises=writing.revises,
                then=self._from_thread(partial(self._made, writing, start)),
                failed=self._from_thread(partial(self.failed, writing)),
            )
            self._state.launching[job.id] = writing

    def _made(self, writing: Writing, start: bool, job: str, container: ContainerSummary) -> None:
        if writing.edited and not writing.revises and job in self._state.work:  # now there is a file that does the same
            file = str(container.path / "config.json")
            self._state.work[job].command = writing.line(self._desk.command, start=start, file=file)
        self.launched(writing, container, go="output" if start else "config")

    def launched(self, writing: Writing, container: ContainerSummary, *, go: str) -> None:
        """There is a container of it: look at one of its tabs."""
        writing.launching = False
        self._drop(writing)
        self._state.containers[container.id] = container
        self._view.show_images()
        self._view.show_containers({})
        self._view.look(OfContainer(container.id), go=go)

    def failed(self, writing: Writing, error: CutawayError) -> None:
        """Back to the field that was to blame."""
        writing.launching = False
        if writing not in self._state.writings:
            return
        pointer = error.pointer if isinstance(error, RuntimeFailed) else ""
        writing.failure = Failure(pointer, error.message, error.hint)
        self._view.look(writing.subject, go="config")
        if writing.port is not None:
            writing.port.look_again(pointer)

    def discard(self, writing: Writing) -> None:
        """Throw away what was written."""
        self._drop(writing)
        self._view.show_images()
        if writing.revises:
            self._view.look(OfContainer(writing.draft.id), go="config")
        else:
            there = [image.reference for image in self._state.images]
            wanted = [name for name in there if name == writing.draft.image] or there[:1]
            self._view.look(OfImage(wanted[0]) if wanted else None, go="images")

    def forget_gone(self) -> None:
        """Containers have gone; so does what was written for them."""
        for id, writing in list(self._state.revisions.items()):
            if id not in self._state.containers and not writing.launching:
                self._drop(writing)


def _keep_all(workbench: Workbench, work: list[tuple[Draft, str, bool, bool]]) -> None:
    for draft, text, edited, revises in work:
        if edited:
            workbench.keep(draft, text, revises=revises)
        else:
            workbench.let_go(draft)
