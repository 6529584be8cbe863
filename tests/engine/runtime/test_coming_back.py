"""--restart: when a container that has ended is to be started again."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from engine import RunOptions, UsageError
from engine.disk import DataRoot
from engine.errors import StoreError
from engine.events import Status
from engine.runtime import coming_back
from engine.runtime.state import LiveState


def ended(code: int | None) -> LiveState:
    return LiveState(Status.EXITED, 0, code)


@pytest.mark.parametrize(
    ("policy", "code", "before", "due"),
    [
        ("", 1, 0, False),
        ("always", 0, 0, True),
        ("always", 137, 9999, True),
        ("unless-stopped", 0, 3, True),
        ("on-failure", 0, 0, False),
        ("on-failure", 1, 9999, True),
        ("on-failure:2", 1, 1, True),
        ("on-failure:2", 1, 2, False),
        ("always", None, 0, False),
    ],
)
def test_when_it_is_due(tmp_path: Path, policy: str, code: int | None, before: int, due: bool) -> None:
    (tmp_path / "restarts").write_text(f"{before} 0\n")
    assert coming_back.restarts(tmp_path) == before
    assert coming_back.is_due(policy, tmp_path, ended(code)) is due
    for state in (LiveState(Status.CREATED), LiveState(Status.RUNNING, 7), LiveState(Status.UNKNOWN)):
        assert not coming_back.is_due(policy, tmp_path, state)
    assert coming_back.leave_alone(tmp_path)
    assert not coming_back.leave_alone(tmp_path), "it was marked before"
    assert not coming_back.is_due(policy, tmp_path, ended(code))
    coming_back.take_back(tmp_path)
    assert coming_back.is_due(policy, tmp_path, ended(code)) is due
    coming_back.leave_alone(tmp_path)
    coming_back.begin_anew(tmp_path)
    assert coming_back.restarts(tmp_path) == 0
    assert coming_back.is_due(policy, tmp_path, ended(code)) is (due or policy == "on-failure:2")


@pytest.mark.parametrize("torn", ["", "\n", "3", "x y", "1 2 3", "-1 0"])
def test_a_count_that_cannot_be_read_is_not_none(tmp_path: Path, torn: str) -> None:
    (tmp_path / "restarts").write_text(torn)
    assert coming_back.restarts(tmp_path) is None
    assert not coming_back.is_due("on-failure:3", tmp_path, ended(1))
    assert not coming_back.is_due("always", tmp_path, ended(1))


def test_where_it_cannot_be_counted_the_old_count_stays(tmp_path: Path) -> None:
    root = DataRoot(tmp_path)
    root.prepare()
    coming_back.count_restart(root, tmp_path, ended(1))
    root.tmp.rmdir()
    with pytest.raises(StoreError):
        coming_back.count_restart(root, tmp_path, ended(1))
    assert coming_back.restarts(tmp_path) == 1


def test_the_delay_doubles_until_a_long_run(tmp_path: Path) -> None:
    root = DataRoot(tmp_path)
    root.prepare()

    def delays(seconds: float, number: int) -> list[float]:
        """Before each start after a run of so many seconds."""
        found = []
        for _ in range(number):
            found.append(coming_back.delay(tmp_path, end := LiveState(Status.EXITED, 0, 1, 5.0, 5.0 + seconds)))
            coming_back.count_restart(root, tmp_path, end)
        return found

    assert delays(9.9, 12) == pytest.approx([0.1 * 2**n for n in range(10)] + [60, 60])
    assert delays(10, 2) == pytest.approx([0.1, 0.1])
    assert delays(0, 2) == pytest.approx([0.2, 0.4])
    assert coming_back.restarts(tmp_path) == 16


def test_who_ends_it_ends_the_wait(tmp_path: Path) -> None:
    due = lambda: coming_back.is_due("always", tmp_path, ended(1))  # noqa: E731
    assert coming_back.wait(tmp_path, 0.01, due)
    began = time.monotonic()
    timer = threading.Timer(0.05, coming_back.leave_alone, (tmp_path,))
    timer.start()
    assert not coming_back.wait(tmp_path, 60, due)
    assert time.monotonic() - began < 30
    timer.join()
    assert not coming_back.wait(tmp_path, 60, due)
    assert not coming_back.wait(tmp_path / "gone", 60, lambda: False)


@pytest.mark.parametrize("policy", ["no", "", "always", "unless-stopped", "on-failure", "on-failure:3"])
def test_podmans_words(policy: str) -> None:
    options = RunOptions(restart=policy)
    assert options.comes_back == ("" if policy in ("no", "") else policy)
    if options.comes_back:
        with pytest.raises(UsageError, match="--rm"):
            RunOptions(restart=policy, auto_remove=True)
    else:
        assert RunOptions(restart=policy, auto_remove=True).auto_remove


@pytest.mark.parametrize("wrong", ["never", "always:3", "no:1", "on-failure:", "on-failure:x", "on-failure:-1", ":3"])
def test_what_is_no_policy(wrong: str) -> None:
    with pytest.raises(UsageError, match="--restart"):
        RunOptions(restart=wrong)
