"""--restart: what conmon starts at a container's end starts it again, until it is done or somebody ends it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_line import Cutaway
from waiting import until

pytestmark = pytest.mark.root

DEMO = "localhost/cutaway/demo:latest"


def inspected(cutaway: Cutaway, name: str) -> dict[str, Any]:
    (found,) = cutaway.json("inspect", name)
    return dict(found)


def settled(cutaway: Cutaway, name: str) -> str:
    """Its status when nothing is at work on it any more: neither conmon nor what that starts at the end."""
    id = inspected(cutaway, name)["id"].encode()
    mine = lambda: [p for p in Path("/proc").glob("[0-9]*/cmdline") if id in _words(p)]  # noqa: E731
    until(lambda: not mine())
    return str(inspected(cutaway, name)["status"])


def _words(place: Path) -> list[bytes]:
    try:
        return place.read_bytes().split(b"\0")
    except OSError:
        return []


def test_as_often_as_was_said(cutaway: Cutaway) -> None:
    fails = ("--network=none", DEMO, "sh", "-c", "echo run; exit 4")
    assert cutaway("run", "--name=it", "--restart=on-failure:2", *fails, code=4).stdout == "run\n"
    assert settled(cutaway, "it") == "exited"
    assert cutaway.out("logs", "it").splitlines() == ["run"] * 3
    found = inspected(cutaway, "it")
    assert (found["restart"], found["restarts"], found["exit_code"]) == ("on-failure:2", 2, 4)
    done = cutaway.out("events", "--no-stream", "--filter=container=it", "--format={{.Status}}").split()
    assert done == ["create", *["start", "died"] * 3]
    assert cutaway.out("trace", "it").count(" start ") == 2, "of runc and podman, once: a loop fills no journal"
    cutaway("rm", "it")
    cutaway("run", "--name=well", "--restart=on-failure", "--network=none", DEMO, "true")
    assert settled(cutaway, "well") == "exited"
    assert inspected(cutaway, "well")["restarts"] == 0


def test_whoever_ends_it_ends_the_loop(cutaway: Cutaway) -> None:
    line = "trap 'exit 0' TERM USR1; echo run >> /runs; [ $(wc -l < /runs) = 1 ] || while :; do sleep 0.05; done"
    id = cutaway.out("run", "-d", "--name=it", "--restart=always", "--network=none", DEMO, "sh", "-c", line)
    runs = cutaway.root / "containers" / id / "upper/runs"

    def begins(number: int) -> None:
        until(lambda: runs.read_text() == "run\n" * number)  # then its traps are set

    begins(2)
    assert inspected(cutaway, "it")["restarts"] == 1
    for number, words in enumerate(("stop -t0", "kill", "kill -s TERM"), 3):
        cutaway(*words.split(), "it")
        assert settled(cutaway, "it") == "exited"
        cutaway("start", "it")
        begins(number)
        assert inspected(cutaway, "it")["restarts"] == 0, "counted anew"
    cutaway("kill", "-s", "USR1", "it")  # another signal is no wish that it stays away
    begins(6)
    cutaway("rm", "-f", "-t0", "it")
    assert cutaway.json("ps", "-a", "--json") == []


def test_stopped_between_two_runs(cutaway: Cutaway) -> None:
    """Nothing runs just then, and it must not come back all the same."""
    id = cutaway.out("create", "--name=it", "--restart=always", "--network=none", DEMO, "sleep", "0.05")
    cutaway("start", "it")
    until(lambda: inspected(cutaway, "it")["status"] == "exited")
    cutaway("stop", "it")
    assert settled(cutaway, "it") == "exited"
    assert (cutaway.root / "containers" / id / "stopped").exists()


def test_what_cannot_start_again_is_left_and_told(cutaway: Cutaway, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    bound = ("--restart=always", "-v", f"{tmp_path}/here:/here", "--network=none")
    cutaway(
        "run", "-d", "--name=it", *bound, DEMO, "sh", "-c", "while [ -e /here/file ] || sleep 0.05; do exit 3; done"
    )
    (tmp_path / "here").rename(tmp_path / "gone")
    (tmp_path / "gone/file").touch()
    assert settled(cutaway, "it") != "running"
    assert str(tmp_path / "here") in cutaway.out("trace", "it")
    assert [each["name"] for each in json.loads(cutaway("ps", "-a", "--json").stdout)] == ["it"]
