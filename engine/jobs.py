"""Work that takes time: an id, a way to cancel it, its journal, and the engine's own threads.

Every long method of the façade takes a `Job` and reports through it. `Jobs.run` does the work in the
calling thread (the command line), `Jobs.start` in a thread of the engine's (the screen).
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from engine.errors import Cancelled, CutawayError
from engine.events import Event, JobFinished, JobStarted, Outcome, Problem, Sink, StepRecorded, ignore
from engine.trace import Step, StepKind

if TYPE_CHECKING:
    from concurrent.futures import Future

T = TypeVar("T")


class _Callback:
    """What a cancellation calls, once at most, and not after its block has ended."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call
        self._lock = threading.RLock()  # a callback may be called by the very thread that is in the block
        self._live = True

    def call(self) -> None:
        with self._lock:
            if self._live:
                self._live = False
                self._call()

    def end(self) -> None:
        with self._lock:
            self._live = False


class CancelToken:
    """A request to stop that any thread can make and the working thread looks at. Not for signal handlers:
    those start a thread that cancels."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: dict[int, _Callback] = {}
        self._numbers = itertools.count()

    @property
    def cancelled(self) -> bool:
        """Whether somebody has asked to stop."""
        return self._event.is_set()

    def cancel(self) -> None:
        """Ask to stop. Registered callbacks (shut a socket, kill a worker) run in the calling thread, once.

        What one of them raises is raised when all have run.
        """
        with self._lock:
            self._event.set()
            callbacks, self._callbacks = list(self._callbacks.values()), {}
        failures = []
        for callback in callbacks:
            try:
                callback.call()
            except Exception as error:
                failures.append(error)
        if failures:
            raise failures[0]

    def check(self) -> None:
        """Raise Cancelled if somebody asked to stop."""
        if self._event.is_set():
            raise Cancelled

    def sleep(self, seconds: float) -> None:
        """Wait, but not past a cancellation. Raises Cancelled."""
        if self._event.wait(seconds):
            raise Cancelled

    @contextmanager
    def interrupting(self, call: Callable[[], None]) -> Iterator[None]:
        """While inside, a cancellation calls `call`, which must make the blocked operation return.

        Raises Cancelled on entry if it is too late already. `call` must be safe in any thread, be quick, and not wait
        for the block to end: the block's end waits for it, so that it never acts on what has been closed since.
        """
        callback = _Callback(call)
        with self._lock:
            if self._event.is_set():
                raise Cancelled
            number = next(self._numbers)
            self._callbacks[number] = callback
        try:
            yield
        finally:
            with self._lock:
                self._callbacks.pop(number, None)
            callback.end()


class StepDraft:
    """A step under way: the worker fills in what came of it before the `with` block ends."""

    def __init__(self, command: str) -> None:
        self.command = command
        self.detail = ""


class Job:
    """One piece of work: what it is called, how it is stopped, and what it has done so far."""

    def __init__(self, title: str, sink: Sink, *, command: str = "") -> None:
        self.id = f"j{next(_numbers)}"
        self.title = title
        self.command = command
        self.token = CancelToken()
        self.steps: list[Step] = []
        self._sink = sink
        self._thread: threading.Thread | None = None

    def quiet(self) -> Job:
        """Another job of that title, which tells nobody, is not cancelled with this one, and leaves no steps in it."""
        return Job(self.title, ignore)

    def emit(self, event: Event) -> None:
        """Tell the front end. May be called from any thread."""
        self._sink(event)

    def check(self) -> None:
        """Raise Cancelled if somebody asked to stop."""
        self.token.check()

    def cancel(self) -> None:
        self.token.cancel()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until a started job has ended; False if it has not within `timeout` seconds."""
        if self._thread is not None:
            self._thread.join(timeout)
            return not self._thread.is_alive()
        return True

    @contextmanager
    def step(self, kind: StepKind, command: str, *, peer: str = "") -> Iterator[StepDraft]:
        """Journal what happens inside, timed, with the shell `command` that does the same; failures too."""
        draft = StepDraft(command)
        began, clock = time.time(), time.monotonic()
        failure = ""
        try:
            yield draft
        except BaseException as error:
            failure = str(error) or type(error).__name__
            raise
        finally:
            step = Step(began, time.monotonic() - clock, kind, draft.command, draft.detail, peer, failure)
            self.steps.append(step)
            self.emit(StepRecorded(self.id, step))


_numbers = itertools.count(1)


class Jobs:
    """Runs jobs and knows which are under way."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._lock = threading.Lock()
        self._running: dict[str, Job] = {}

    def running(self) -> list[Job]:
        """The jobs under way, oldest first."""
        with self._lock:
            return list(self._running.values())

    def run(
        self, title: str, work: Callable[[Job], T], *, command: str = "", prepare: Callable[[Job], None] | None = None
    ) -> T:
        """Do `work` in this thread and return its result; its exception passes through.

        `prepare` sees the job before it starts (to connect a signal with its `cancel`).
        """
        job = self._admit(title, command)
        if prepare is not None:
            prepare(job)
        return self._work(job, work)

    def start(self, title: str, work: Callable[[Job], object], *, command: str = "") -> Job:
        """Do `work` in a thread of its own; JobFinished tells how it ended."""
        job = self._admit(title, command)

        def body() -> None:
            with suppress(Exception):  # JobFinished carries it, a defect too
                self._work(job, work)

        job._thread = threading.Thread(target=body, name=f"cutaway-{job.id}", daemon=True)
        job._thread.start()
        return job

    def close(self, timeout: float = 5.0) -> None:
        """Cancel what is under way and wait for it, `timeout` seconds at most."""
        jobs = self.running()
        for job in jobs:
            job.cancel()
        deadline = time.monotonic() + timeout
        for job in jobs:
            job.join(max(0.0, deadline - time.monotonic()))

    def _admit(self, title: str, command: str) -> Job:
        job = Job(title, self._sink, command=command)
        with self._lock:
            self._running[job.id] = job
        return job

    def _work(self, job: Job, work: Callable[[Job], T]) -> T:
        job.emit(JobStarted(job.id, job.title, job.command))
        outcome, problem = Outcome.FAILED, None
        try:
            result = work(job)
            outcome = Outcome.SUCCEEDED
            return result
        except Cancelled:
            outcome = Outcome.CANCELLED
            raise
        except CutawayError as error:
            problem = Problem(error.code, error.message, error.hint)
            raise
        except Exception as error:
            problem = Problem(
                "internal", f"{job.title}: {type(error).__name__}: {error}", "This is a defect in Cutaway."
            )
            raise
        finally:
            with self._lock:
                self._running.pop(job.id, None)
            job.emit(JobFinished(job.id, outcome, problem))


def all_or_none(futures: Sequence[Future[T]], job: Job) -> None:
    """Wait for a job's work in several threads. When a part fails the others have no purpose: they are stopped, by
    cancelling the job, and what failed first is raised."""
    from concurrent.futures import FIRST_EXCEPTION, wait  # not loaded by who has no such work

    done, pending = wait(futures, return_when=FIRST_EXCEPTION)
    failed = next((future for future in done if future.exception() is not None), None)
    if failed is not None:
        for future in pending:
            future.cancel()
        job.cancel()
        wait(futures)
        failed.result()
