"""Jobs: their events, their cancellation, their journal."""

import threading
import time

import pytest
from waiting import until

from engine.errors import Cancelled, ContentError
from engine.events import Event, JobFinished, JobStarted, Outcome, Problem, StepRecorded
from engine.jobs import CancelToken, Job, Jobs
from engine.trace import StepKind


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def jobs(events: list[Event]) -> Jobs:
    return Jobs(events.append)


def test_a_job_tells_its_start_and_its_end(jobs: Jobs, events: list[Event]) -> None:
    assert jobs.run("work", lambda job: job.title, command="cutaway work") == "work"
    started, finished = events
    assert isinstance(started, JobStarted)
    assert (started.title, started.command) == ("work", "cutaway work")
    assert finished == JobFinished(started.job, Outcome.SUCCEEDED)
    assert jobs.running() == []


def test_a_failure_passes_through_and_is_told(jobs: Jobs, events: list[Event]) -> None:
    def work(job: Job) -> None:
        raise ContentError("bad", hint="try")

    with pytest.raises(ContentError):
        jobs.run("work", work)
    assert isinstance(events[-1], JobFinished)
    assert (events[-1].outcome, events[-1].problem) == (Outcome.FAILED, Problem("content", "bad", "try"))


def test_a_defect_in_a_thread_is_told_once(jobs: Jobs, events: list[Event]) -> None:
    job = jobs.start("work", lambda job: 1 / 0)
    assert job.join(5)
    assert [type(event) for event in events] == [JobStarted, JobFinished]
    assert isinstance(events[-1], JobFinished)
    assert events[-1].problem is not None
    assert "ZeroDivisionError" in events[-1].problem.message
    assert jobs.running() == []


def test_cancelling_wakes_a_sleeper_at_once(jobs: Jobs, events: list[Event]) -> None:
    asleep = threading.Event()

    def work(job: Job) -> None:
        asleep.set()
        job.token.sleep(60)

    job = jobs.start("work", work)
    assert asleep.wait(5)
    assert jobs.running() == [job]
    job.cancel()
    assert job.join(20)
    assert isinstance(events[-1], JobFinished)
    assert events[-1].outcome is Outcome.CANCELLED


def test_close_cancels_what_runs(jobs: Jobs) -> None:
    running = [jobs.start(f"work {n}", lambda job: job.token.sleep(60)) for n in range(3)]
    jobs.close()
    assert all(job.join(0) for job in running)


def test_prepare_sees_the_job_first(jobs: Jobs) -> None:
    with pytest.raises(Cancelled):
        jobs.run("work", lambda job: job.check(), prepare=lambda job: job.cancel())


def test_steps_are_journalled_with_their_failures(jobs: Jobs, events: list[Event]) -> None:
    def work(job: Job) -> list[str]:
        with job.step(StepKind.MOUNT, "mount x", peer="buildah mount") as step:
            step.detail = "3 layers"
        with pytest.raises(OSError, match="disk"), job.step(StepKind.STORE, "cp a b"):
            raise OSError("disk full")
        with pytest.raises(KeyError), job.step(StepKind.STORE, "rm a"):
            raise KeyError
        return [step.failure for step in job.steps]

    assert jobs.run("work", work) == ["", "disk full", "KeyError"]
    told = [event.step for event in events if isinstance(event, StepRecorded)]
    assert [(step.command, step.detail, step.peer) for step in told] == [
        ("mount x", "3 layers", "buildah mount"),
        ("cp a b", "", ""),
        ("rm a", "", ""),
    ]


def test_interrupting_calls_back_once_and_only_inside() -> None:
    token, calls = CancelToken(), list[str]()
    with token.interrupting(lambda: calls.append("outside")):
        pass
    with token.interrupting(lambda: calls.append("one")), token.interrupting(lambda: calls.append("two")):
        token.cancel()
        token.cancel()
    assert sorted(calls) == ["one", "two"]
    with pytest.raises(Cancelled), token.interrupting(lambda: calls.append("late")):
        raise AssertionError("entered after cancellation")
    assert "late" not in calls
    with pytest.raises(Cancelled):
        token.check()


def test_one_broken_callback_does_not_keep_the_others_from_being_called() -> None:
    token, calls = CancelToken(), list[str]()

    def broken() -> None:
        raise OSError("already closed")

    with token.interrupting(broken), token.interrupting(lambda: calls.append("called")):
        with pytest.raises(OSError, match="already closed"):
            token.cancel()
        assert calls == ["called"]
    assert token.cancelled


def test_a_callback_has_ended_when_its_block_has() -> None:
    """Otherwise it could close a descriptor, or kill a process, that is another one by then."""
    token, inside, order = CancelToken(), threading.Event(), list[str]()

    def slow() -> None:
        inside.set()
        time.sleep(0.1)
        order.append("called back")

    canceller = threading.Thread(target=token.cancel)
    with token.interrupting(slow):
        canceller.start()
        assert inside.wait(5)
    order.append("left")
    canceller.join()
    assert order == ["called back", "left"]


def test_a_callback_may_cancel_and_leave_its_own_block() -> None:
    token = CancelToken()
    with token.interrupting(token.cancel):
        token.cancel()
    assert token.cancelled


def test_ids_are_distinct() -> None:
    assert len({Job("x", lambda event: None).id for _ in range(100)}) == 100


def test_many_threads_cancel_at_once() -> None:
    for _ in range(50):
        token, calls = CancelToken(), list[int]()
        with token.interrupting(lambda calls=calls: calls.append(1)):  # type: ignore[misc]
            threads = [threading.Thread(target=token.cancel) for _ in range(4)]
            for thread in threads:
                thread.start()
            until(lambda token=token: token.cancelled)  # type: ignore[misc]
            for thread in threads:
                thread.join()
        assert calls == [1]
