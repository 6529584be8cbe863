"""The engine as the screen uses it: one façade, jobs for what takes long, reads for what is short."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from engine import Cancelled, CancelToken, CutawayError, Job, Sink
from tui.reads import Reads

if TYPE_CHECKING:
    from engine import ContainerSummary, Draft, ImageSummary, Transcript, Workbench

T = TypeVar("T")

TELL_EVERY = 1 / 10
"""Seconds between two words that a container's output has grown, at least. More often nobody could read it, and each
time is one in which a key has to wait."""


def images(workbench: Workbench) -> list[ImageSummary]:
    """The first question of all."""
    return workbench.images()


def containers(workbench: Workbench) -> list[ContainerSummary]:
    """The second one."""
    return workbench.containers()


class Desk:
    """Made before the engine is loaded; `load` loads it, in another thread, after the first paint."""

    def __init__(self, root: Path | None, sink: Sink, make: Callable[[Path | None, Sink], Workbench]) -> None:
        self._root = root
        self._sink = sink
        self._make = make
        self._reads = Reads()
        self._workbench: Workbench | None = None
        self._beginning: asyncio.Future[None] | None = None
        self._answers: dict[Callable[[Workbench], Any], Any] = {}
        self.root = str(root) if root else ""
        """The data directory for command lines; "" for the usual one."""

    @property
    def workbench(self) -> Workbench:
        assert self._workbench is not None, "load() comes first"
        return self._workbench

    @property
    def loaded(self) -> bool:
        return self._workbench is not None

    def begin(self) -> None:
        """Load the engine while the screen is being made, and ask the first questions: their answers are there when the
        screen comes to ask."""
        self._beginning = asyncio.ensure_future(self._reads.ask(self._begin))

    def _begin(self) -> None:
        self._workbench = workbench = self._make(self._root, self._sink)
        for question in (images, containers):
            with contextlib.suppress(CutawayError):  # who asks again is told
                self._answers[question] = question(workbench)

    async def load(self) -> None:
        """Import the engine and make the façade, if that has not begun."""
        if self._beginning is None:
            self.begin()
        assert self._beginning is not None
        await self._beginning

    async def ask(self, question: Callable[[Workbench], T]) -> T:
        """A short question to the façade, answered off the screen's thread."""
        if question in self._answers:
            answer: T = self._answers.pop(question)
            return answer
        return await self._reads.ask(lambda: question(self.workbench))

    async def off_thread(self, work: Callable[[], T]) -> T:
        """Something short that blocks and is not the façade's."""
        return await self._reads.ask(work)

    def command(self, *words: str) -> str:
        """The command line that does the same on the same data directory."""
        return shlex.join(["cutaway", *(["--root", self.root] if self.root else []), *words])

    # -- what takes long -------------------------------------------------------------------------------

    def demo(self, then: Callable[[ImageSummary], None]) -> Job:
        return self._start("demo image", lambda job: then(self.workbench.demo(job)), "demo")

    def draft(self, image: str, flags: Sequence[str], then: Callable[[Draft], None]) -> Job:
        """`flags` are options of `run`, as words."""

        def work(job: Job) -> None:
            from engine import parse_options  # brings all of config.json with it

            then(self.workbench.draft(image, parse_options(flags), job))

        return self._start(f"config.json for {image}", work, "config", *flags, image)

    def launch(
        self,
        draft: Draft,
        command: str,
        *,
        start: bool,
        revises: bool,
        then: Callable[[str, ContainerSummary], None],
        failed: Callable[[CutawayError], None],
    ) -> Job:
        """Make the draft a container, or revise the one that is there, and start it (see Workbench.launch). `failed` is
        called, too, where the job fails."""

        def work(job: Job) -> None:
            try:
                self.workbench.launch(draft, job, start=start, revises=revises)
                then(job.id, self.workbench.container(draft.id))
            except CutawayError as error:
                failed(error)
                raise

        return self.workbench.jobs.start(f"launch {draft.name}", work, command=command)

    def job(self, title: str, work: Callable[[Workbench, Job], object], command: str) -> Job:
        """Anything else; `command` is the command line that does the same."""
        return self.workbench.jobs.start(title, lambda job: work(self.workbench, job), command=command)

    def _start(self, title: str, work: Callable[[Job], object], *words: str) -> Job:
        return self.workbench.jobs.start(title, work, command=self.command(*words))

    # -- output ----------------------------------------------------------------------------------------

    def follow(
        self, transcript: Transcript, grown: Callable[[], None], ended: Callable[[Exception | None], None]
    ) -> CancelToken:
        """Read a container's output as it comes, as `stream` does. `grown` is called where there is more, a few times a
        second at most."""
        loop, arranged, told = asyncio.get_running_loop(), threading.Event(), 0.0

        def read(workbench: Workbench, token: CancelToken) -> Iterator[None]:
            for _ in transcript.follow(token):
                if not arranged.is_set():
                    arranged.set()
                    yield

        def tell() -> None:
            nonlocal told
            told = loop.time()
            arranged.clear()
            if not token.cancelled:
                grown()

        token = self.stream(read, lambda _: loop.call_at(told + TELL_EVERY, tell), ended)
        return token

    def stream(
        self,
        read: Callable[[Workbench, CancelToken], Iterator[T]],
        take: Callable[[T], object],
        ended: Callable[[Exception | None], None],
    ) -> CancelToken:
        """Give what `read` yields, in a thread of its own, to `take` in the screen's loop; then call `ended`, with the
        error if it broke off. Neither is called after a cancellation."""
        token, loop = CancelToken(), asyncio.get_running_loop()

        def pass_on(call: Callable[..., object], what: object) -> None:
            if not token.cancelled:
                call(what)

        def work() -> None:
            failure = None
            try:
                for item in read(self.workbench, token):
                    loop.call_soon_threadsafe(pass_on, take, item)
            except Cancelled:
                return
            except Exception as error:
                failure = error
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(pass_on, ended, failure)

        threading.Thread(target=work, name="cutaway-stream", daemon=True).start()
        return token

    def close(self) -> None:
        """Cancel what is under way. Containers go on."""
        if self._workbench is not None:
            self._workbench.close()


def quiet(title: str) -> Job:
    """A job that is told to nobody, for what is short."""
    return Job(title, lambda event: None)
