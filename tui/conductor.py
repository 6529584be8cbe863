"""Between engine and screen: takes events, keeps the state, carries out what was asked for.

It knows the screen by the `Stage` alone, so that every decision here can be tested without a terminal.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar

from engine import (
    ContainersChanged,
    CutawayError,
    Event,
    ImagesChanged,
    JobFinished,
    JobStarted,
    LayerProgress,
    Outcome,
    Problem,
    StepRecorded,
    human_size,
    visible,
)
from tui.desk import Desk, containers, images
from tui.drafting import Drafting, View
from tui.leftovers import Leftovers
from tui.progress import Pull, Work
from tui.state import MOST_ENDED, State, Writing
from tui.subjects import OfContainer, OfImage, OfJob, Subject
from tui.telling import problem
from tui.text import SIGNS, clip, short_reference
from tui.transfers import Transfers

if TYPE_CHECKING:
    from engine import ImageSummary, Workbench

T = TypeVar("T")


class Stage(View, Protocol):
    """What the conductor asks of the screen, beside what drafting does."""

    @property
    def asked(self) -> int: ...
    @property
    def subject(self) -> Subject: ...
    async def ready(self) -> None: ...
    def show_host(self, words: list[str]) -> None: ...
    def show_pull(self, pull: Pull) -> None: ...
    def show_busy(self, text: str) -> None: ...
    def show_others(self) -> None: ...
    def show_command(self, command: str, outcome: str = "", *, good: bool = True) -> None: ...
    def hear(self, event: Event) -> None: ...
    def in_sight(self, subject: Subject) -> bool: ...
    def say(self, text: str) -> None: ...


ASK_AGAIN = 10.0
"""Seconds before other engines are asked again for their containers, when their list is gone to."""


class Conductor:
    """One for the screen's life."""

    def __init__(self, desk: Desk, state: State, view: Stage) -> None:
        self._desk, self._state, self._view = desk, state, view
        self._loop = asyncio.get_running_loop()
        self._stale: set[str] = set()
        self._reading = False
        self._gone_to = 0.0
        self.drafts = Drafting(desk, state, view, self.from_thread)
        self.transfers = Transfers(desk, state, view, self.from_thread, partial(self._read_stale, "images"))
        self.leftovers = Leftovers(desk, state, self._view.later, self.from_thread(self._view.say))

    async def begin(self) -> None:
        """Load the engine, and show what is there and what runs."""
        await self._desk.load()
        await self._read_stale("images", "containers")
        await self._view.ready()
        running = [c for c in self._state.running if not c.working]
        if running:
            self._look_first(OfContainer(max(running, key=lambda c: c.started or 0).id), go="output")
        else:
            self._look_first(OfImage(self._state.images[0].reference) if self._state.images else None)
        await self._look_at_host()
        await self.leftovers.begin()
        await self._desk.ask(lambda workbench: workbench.watch())
        for changed in (ImagesChanged(), ContainersChanged()):  # what was read before that may be stale
            self._view.hear(changed)
        await self._read_stale("images", "containers")
        self._view.later(self.look_at_neighbours())

    def _look_first(self, subject: Subject, *, go: str = "") -> None:
        """What to begin with; who has pressed something meanwhile stays where they went."""
        if not self._state.asked:
            self._view.look(subject, go=go)
        elif (own := self._view.subject or subject) is not None:
            self._view.look(own)

    def neighbours_gone_to(self) -> None:
        """Other engines' containers come in sight: ask for them, unless that was done a moment ago."""
        if self._desk.loaded and time.monotonic() - self._gone_to > ASK_AGAIN:
            self._gone_to = time.monotonic()
            self._view.later(self.look_at_neighbours())

    async def look_at_neighbours(self) -> None:
        """Ask the other engines for their containers, where the settings do not say otherwise."""
        if not self._state.asks_neighbours:
            return
        found, _ = await self._desk.ask(lambda workbench: workbench.neighbours())
        self._state.others = {f"{other.engine}:{other.name or other.id}": other for other in found}
        self._view.show_others()
        counts = Counter(other.engine for other in found)
        self._state.neighbours = {engine: counts[engine] for engine in ("podman", "docker", "runc")}
        if self._view.in_sight(None):
            self._view.look(None)

    async def _look_at_host(self) -> None:
        facts, problems, runc = await self._desk.ask(
            lambda workbench: (workbench.facts, workbench.problems(), workbench.facts.runc)
        )
        self._state.problems = problems
        self._view.show_host(
            [
                facts.hostname,
                "root" if facts.is_root else "not root",
                f"runc {runc.version}" if runc is not None else "no runc",
                "overlay" if facts.overlay else "no overlay",
                f"cgroup {facts.cgroups.value}",
            ]
        )

    # -- events ----------------------------------------------------------------------------------------

    def deliver(self, events: list[Event]) -> None:
        """What happened since the last delivery, in order."""
        for event in events:
            match event:
                case JobStarted():
                    self._started(event)
                case LayerProgress():
                    self._progressed(event)
                case JobFinished():
                    self._finished(event)
                case ImagesChanged():
                    self._refresh("images")
                case ContainersChanged():
                    self._refresh("containers")
                case StepRecorded():
                    work = self._state.work.get(event.job)
                    self._state.steps.append((work.title if work is not None else "", event.step))
                case Problem():
                    self._view.complain(event)
            self._view.hear(event)
        self._tell_busy()

    def _started(self, event: JobStarted) -> None:
        work = Work(event.job, event.title, event.command, time.monotonic())
        if (pull := self._state.pulls.get(event.job)) is not None:
            work.progress = pull.progress
        self._state.work[event.job] = work
        for old in [work.job for work in self._state.work.values() if work.ended is not None][:-MOST_ENDED]:
            del self._state.work[old]
        if event.command:
            self._view.show_command(event.command, "…")

    def _progressed(self, event: LayerProgress) -> None:
        if (work := self._state.work.get(event.job)) is not None:
            work.progress.take(event, time.monotonic())
        if (pull := self._state.pulls.get(event.job)) is not None:
            self._view.show_pull(pull)

    def _finished(self, event: JobFinished) -> None:
        work = self._state.work.get(event.job)
        if work is not None:
            self._work_ended(work, event)
        writing = self._state.launching.pop(event.job, None)
        if writing is not None:
            writing.launching = False
        pull = self._state.pulls.get(event.job)
        if event.problem is not None and not self._told_in_place(pull, writing):
            self._view.complain(event.problem)
        if pull is not None:
            self._pull_ended(pull, event)

    def _work_ended(self, work: Work, event: JobFinished) -> None:
        work.ended, work.outcome, work.problem = time.monotonic(), event.outcome, event.problem
        if work.command:
            self._view.show_command(work.command, SIGNS[event.outcome], good=event.outcome is Outcome.SUCCEEDED)

    def _told_in_place(self, pull: Pull | None, writing: Writing | None) -> bool:
        """Whether the page of a pull says itself what became of it, or the editor at the value that was to blame."""
        if pull is not None and self._view.in_sight(OfJob(pull.job)):
            return True
        return writing is not None and writing.failure is not None and writing.failure.pointer != ""

    def _pull_ended(self, pull: Pull, event: JobFinished) -> None:
        pull.finished, pull.problem = True, event.problem
        pull.cancelled = event.outcome is Outcome.CANCELLED
        self._view.show_pull(pull)
        self._view.show_images()

    def _tell_busy(self) -> None:
        words = []
        running = len(self._state.running)
        if running:
            words.append(f"{running} running")
        for work in self._state.working:
            pull = self._state.pulls.get(work.job)
            if pull is not None and self._view.in_sight(OfJob(work.job)):  # its page says the rest
                words.append(f"{pull.verb}ing")
                continue
            said = (
                f"{pull.verb} {short_reference(pull.name, 24)}" if pull is not None else clip(visible(work.title), 40)
            )
            how_far = work.progress
            said += f" {how_far.percent}" if pull is not None or how_far.measured else ""
            words.append(said + (f" {human_size(int(how_far.speed))}/s" if how_far.speed else ""))
        self._view.show_busy(" · ".join(words) or "no jobs")

    # -- reading ---------------------------------------------------------------------------------------

    def _refresh(self, *what: str) -> None:
        self._view.later(self._read_stale(*what))

    async def _read_stale(self, *what: str) -> None:
        """Read again what has changed; changes that come meanwhile are read once more, together."""
        self._stale.update(what)
        if self._reading:
            return
        self._reading = True
        try:
            while self._stale:
                stale, self._stale = self._stale, set()
                if "images" in stale:
                    there = await self._read("images", images)
                    self._state.images = there if there is not None else self._state.images
                    self._view.show_images()
                if "containers" in stale:
                    before = {id: c.status for id, c in self._state.containers.items()}
                    found = await self._read("containers", containers)
                    if found is not None:
                        self._state.containers = {container.id: container for container in found}
                        self.drafts.forget_gone()
                        self.leftovers.look()
                    self._view.show_containers(before)
        finally:
            self._reading = False
        self._tell_busy()

    async def _read(self, what: str, question: Callable[[Workbench], T]) -> T | None:
        """A list; None where it cannot be read, which is told once and stays in the list's place."""
        try:
            found = await self._desk.ask(question)
        except CutawayError as error:
            why = problem(error)
            if self._state.unread.get(what) != why:
                self._view.complain(why)
            self._state.unread[what] = why
            return None
        self._state.unread.pop(what, None)
        return found

    # -- what is asked for -----------------------------------------------------------------------------

    def demo(self) -> None:
        """Make the built-in image, if it is not here, and open its config.json."""
        self._desk.demo(self.from_thread(lambda image: self._view.later(self._open_new(image))))

    async def _open_new(self, image: ImageSummary) -> None:
        await self._read_stale("images")
        self.drafts.open(image.reference)

    def cancel(self, job: str) -> None:
        """Ask a job to stop."""
        for running in self._desk.workbench.jobs.running():
            if running.id == job:
                running.cancel()

    def from_thread(self, call: Callable[..., object]) -> Callable[..., None]:
        """`call` in the screen's own thread, from any other, for the key that is being carried out now."""
        asked = self._view.asked

        async def work(*arguments: object) -> None:  # so that what it raises is told
            call(*arguments)

        def passed(*arguments: object) -> None:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(lambda: self._view.later(work(*arguments), asked))

        return passed
