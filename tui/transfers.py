"""Pulls and pushes: begun, shown while they go on, and what comes of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from tui.desk import Desk
from tui.progress import Pull
from tui.state import State
from tui.subjects import OfImage, OfJob, Subject
from tui.text import short_reference

if TYPE_CHECKING:
    from engine import ImageSummary, Job, Workbench

T = TypeVar("T")


class View(Protocol):
    """What transfers ask of the screen."""

    def show_images(self) -> None: ...
    def look(self, subject: Subject, *, go: str = "") -> None: ...
    def later(self, work: Coroutine[Any, Any, None], asked: int | None = None) -> object: ...
    def in_sight(self, subject: Subject) -> bool: ...
    def say(self, text: str) -> None: ...


class Transfers:
    """A part of the conductor's. `from_thread` leads a call into the screen's thread; `read_images` reads their list
    again."""

    def __init__(
        self,
        desk: Desk,
        state: State,
        view: View,
        from_thread: Callable[[Callable[..., object]], Callable[..., None]],
        read_images: Callable[[], Awaitable[None]],
    ) -> None:
        self._desk, self._state, self._view = desk, state, view
        self._from_thread, self._read_images = from_thread, read_images

    def pull(self, name: str, *, tls_verify: bool, platform: str | None = None) -> None:
        """Begin a pull and look at it."""
        words = ["pull", *([] if tls_verify else ["--tls-verify=false"])]
        words += ["--platform", platform] if platform else []

        def work(workbench: Workbench, job: Job) -> ImageSummary:
            return workbench.pull(name, job, tls_verify=tls_verify, platform=platform)

        self._bring(name, [*words, name], work, self._pulled, tls_verify=tls_verify, platform=platform)

    def push(self, name: str, to: str, *, tls_verify: bool, kind: str | None, words: Sequence[str]) -> None:
        """Begin to bring an image to a registry, and look at it; `words` are the command line's."""

        def work(workbench: Workbench, job: Job) -> str:
            return workbench.push(name, job, to=to, tls_verify=tls_verify, kind=kind)

        self._bring(to, words, work, partial(self._pushed, name), out=True)

    def _bring(
        self,
        name: str,
        words: Sequence[str],
        work: Callable[[Workbench, Job], T],
        then: Callable[[str, T], object],
        *,
        out: bool = False,
        tls_verify: bool = True,
        platform: str | None = None,
    ) -> None:
        """Begin it and look at it; `then` is called with the job and what came of it."""
        self._forget_finished()
        settle = self._from_thread(then)
        title = f"{'push' if out else 'pull'} {name}"
        job = self._desk.job(
            title, lambda workbench, job: settle(job.id, work(workbench, job)), self._desk.command(*words)
        )
        self._state.pulls[job.id] = Pull(job.id, name, job.command, out=out, tls_verify=tls_verify, platform=platform)
        self._view.show_images()
        self._view.look(OfJob(job.id), go="main")

    def _forget_finished(self) -> None:
        """A new pull or push takes the place of those that have ended."""
        for old in [job for job, pull in self._state.pulls.items() if pull.finished]:
            del self._state.pulls[old]

    def _pulled(self, job: str, image: ImageSummary) -> None:
        self._view.later(self._show_pulled(job, image))

    async def _show_pulled(self, job: str, image: ImageSummary) -> None:
        self._state.pulls.pop(job, None)
        await self._read_images()
        self._view.show_images()
        self._view.say(f"{short_reference(image.reference, 40)} is here")
        if self._view.in_sight(OfJob(job)):  # who has gone elsewhere stays there
            self._view.look(OfImage(image.reference), go="images")

    def _pushed(self, name: str, job: str, digest: str) -> None:
        pull = self._state.pulls.pop(job, None)
        self._view.show_images()
        self._view.say(f"pushed to {pull.name if pull is not None else name}\n{digest}")
        if self._view.in_sight(OfJob(job)):
            self._view.look(OfImage(name), go="images")

    def forget(self, job: str) -> None:
        """Take a pull that has ended off the list."""
        self._state.pulls.pop(job, None)
        self._view.show_images()
        self._view.look(OfImage(self._state.images[0].reference) if self._state.images else None, go="images")
