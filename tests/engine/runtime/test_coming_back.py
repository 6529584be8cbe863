"""--restart: when a container that has ended is to be started again."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import RunOptions, UsageError
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
    for _ in range(min(before, 3)):
        coming_back.count_restart(tmp_path)
    assert coming_back.restarts(tmp_path) == min(before, 3)
    assert coming_back.is_due(policy, tmp_path, ended(code)) is due
    for state in (LiveState(Status.CREATED), LiveState(Status.RUNNING, 7), LiveState(Status.UNKNOWN)):
        assert not coming_back.is_due(policy, tmp_path, state)
    coming_back.leave_alone(tmp_path)
    assert not coming_back.is_due(policy, tmp_path, ended(code))
    coming_back.begin_anew(tmp_path)
    assert coming_back.restarts(tmp_path) == 0
    assert coming_back.is_due(policy, tmp_path, ended(code)) is (due or policy == "on-failure:2")


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
