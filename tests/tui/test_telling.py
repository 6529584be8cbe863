"""What goes wrong is told, once, and where it is looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine import Draft, JobFinished, JobStarted, Outcome, Problem, Provenance, RunOptions, UsageError
from tui.app import make_workbench
from tui.conductor import Conductor
from tui.deeds import Offer, offers
from tui.desk import Desk
from tui.progress import Pull
from tui.state import State, Writing
from tui.subjects import OfDraft, OfJob, Subject
from tui.telling import guarded


class Screen:
    """Writes down what the conductor tells it."""

    def __init__(self, looked_at: Subject) -> None:
        self._looked_at = looked_at
        self.complaints: list[Problem] = []

    def in_sight(self, subject: Subject) -> bool:
        return subject == self._looked_at

    def complain(self, problem: Problem) -> None:
        self.complaints.append(problem)

    def __getattr__(self, name: str) -> Any:
        return lambda *words, **more: None


@pytest.mark.parametrize(("looked_at", "told"), [(OfJob("j1"), 0), (OfJob("j2"), 1), (None, 1)])
async def test_a_failed_pull_is_told_once(tmp_path: Path, looked_at: Subject, told: int) -> None:
    screen, state = Screen(looked_at), State()
    conductor = Conductor(Desk(tmp_path, lambda event: None, make_workbench), state, screen)
    state.pulls["j1"] = Pull("j1", "x", "cutaway pull x")
    problem = Problem("registry", "no", "try again")
    conductor.deliver([JobStarted("j1", "pull x", "cutaway pull x")])
    conductor.deliver([JobFinished("j1", Outcome.FAILED, problem)])
    assert state.pulls["j1"].problem == problem  # its page shows that
    assert screen.complaints == [problem] * told


async def test_whatever_is_raised_is_told() -> None:
    told: list[Problem] = []

    async def fail(error: Exception) -> None:
        raise error

    await guarded(fail(UsageError("bad", hint="do this")), told.append)
    await guarded(fail(KeyError("x")), told.append)
    assert told[0] == Problem("usage", "bad", "do this")
    assert (told[1].code, told[1].message) == ("internal", "KeyError: 'x'")
    assert told[1].hint


def test_a_draft_names_no_file_that_is_not_there_and_is_launched_once() -> None:
    draft = Draft("a:1", "sha256:0", (), "1", "a-1", RunOptions(), "{}", Provenance({}), {}, ())
    state = State(drafts={"a:1": Writing(draft)})
    desk = Desk(Path("/d"), lambda event: None, make_workbench)

    def launch() -> Offer[Any]:
        return next(o for o in offers(state, OfDraft("a:1"), desk.command) if o.id == "draft.launch")

    assert launch().command == "cutaway --root /d run -d a:1"
    state.drafts["a:1"].text += " "
    assert launch().command == "cutaway --root /d run -d --config FILE a:1"
    assert not launch().why_not
    state.drafts["a:1"].launching = True
    refused = {o.id for o in offers(state, OfDraft("a:1"), desk.command) if o.why_not}
    assert refused == {"draft.launch", "draft.change", "draft.discard"}


@pytest.mark.parametrize("size", [(60, 18), (80, 24)])
async def test_on_a_small_screen_nothing_that_is_told_lies_over_a_dialog(bench: Any, size: tuple[int, int]) -> None:
    long = Problem("no-shell", "web has no shell: none of /bin/bash, /bin/sh, /bin/ash", "A busybox can be copied in.")

    def box(text: str) -> list[str]:
        lines = text.splitlines()
        begin, end = (next(n for n, line in enumerate(lines) if words in line) for words in ("Pull an", "enter pull"))
        left = lines[begin].index("╭─ Pull an")
        right = lines[begin].index("╮", left) + 1
        return [line[left:right] for line in lines[begin : end + 1]]

    async with bench(size=size) as screen:
        await screen.wait("A container is an image", "no jobs")
        await screen.press("p")
        drawn = box(await screen.wait("Pull an image", "the name is missing"))
        screen.screen.say("said before")
        screen.screen.complain(long)
        told = await screen.wait("web has no shell: none", without="said before")
        assert "web has no shell" in told.splitlines()[0]
        assert box(told) == drawn
        await screen.press("escape")  # where there is room for it all of it is told
        await screen.wait("said before", "A busybox can be copied in", without="Pull an image")
        await screen.press("p")
        told = await screen.wait("Pull an image", lambda text: "web has no shell: none" in text.splitlines()[0])
        assert box(told) == drawn
