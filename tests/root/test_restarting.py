"""--restart: what conmon starts at a container's end starts it again, until it is done or somebody ends it."""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from command_line import Cutaway
from waiting import until, until_ended

pytestmark = pytest.mark.root

DEMO = "localhost/cutaway/demo:latest"


def inspected(cutaway: Cutaway, name: str) -> dict[str, Any]:
    (found,) = cutaway.json("inspect", name)
    return dict(found)


def settled(cutaway: Cutaway, name: str) -> str:
    """Its status when nothing is at work on it any more: neither conmon nor what that starts at the end."""
    until_left(inspected(cutaway, name)["id"])
    return str(inspected(cutaway, name)["status"])


def at_work(id: str) -> list[Path]:
    """The processes that have a container's id among their words."""
    return [place for place in Path("/proc").glob("[0-9]*/cmdline") if id.encode() in _words(place)]


def until_left(id: str) -> None:
    """Until they have ended, and those that they have started; looking through all processes again and again costs."""
    while found := at_work(id):
        for place in found:
            with suppress(ProcessLookupError):
                until_ended(os.pidfd_open(int(place.parent.name)))


def _words(place: Path) -> list[bytes]:
    try:
        return place.read_bytes().split(b"\0")
    except OSError:
        return []


def test_as_often_as_was_said(cutaway: Cutaway) -> None:
    fails = ("--network=none", DEMO, "sh", "-c", "echo run; exit 4")
    assert cutaway("run", "--name=it", "--restart=on-failure:2", *fails, code=4).stdout == "run\n"
    assert inspected(cutaway, "it")["restarts"] == 2, "the last end was waited for"
    assert settled(cutaway, "it") == "exited"
    assert cutaway.out("logs", "it").splitlines() == ["run"] * 3
    found = inspected(cutaway, "it")
    assert (found["restart"], found["restarts"], found["exit_code"]) == ("on-failure:2", 2, 4)
    done = cutaway.out("events", "--no-stream", "--filter=container=it", "--format={{.Status}}").split()
    assert done == ["create", *["start", "died"] * 3]
    assert cutaway.out("trace", "it").count(" start ") == 2, "of runc and podman, once: a loop fills no journal"
    cutaway("rm", "it")
    counts = "echo run >> /runs; n=$(wc -l < /runs); echo $n; sleep 0.2; exit $((n + 1))"
    line = ("--restart=on-failure:2", "--network=none", DEMO, "sh", "-c", counts)
    assert cutaway("run", "--name=fg", *line, code=4).stdout == "1\n", "the last code, and the first output: podman's"
    cutaway("run", "-d", "--name=bg", *line)
    assert cutaway.out("logs", "-f", "bg").split() == ["1", "2", "3"]
    assert cutaway.out("wait", "bg") == "4"
    cutaway("run", "-d", "--name=waited", *line)
    assert cutaway.out("wait", "waited") == "4"
    cutaway("rm", "fg", "bg", "waited")
    cutaway("run", "--name=well", "--restart=on-failure", "--network=none", DEMO, "true")
    assert settled(cutaway, "well") == "exited"
    assert inspected(cutaway, "well")["restarts"] == 0


def test_whoever_ends_it_ends_the_loop(cutaway: Cutaway) -> None:
    line = "trap 'exit 0' TERM USR1; echo run >> /runs; [ $(wc -l < /runs) = 1 ] || while :; do sleep 0.05; done"
    id = cutaway.out("run", "-d", "--name=it", "--restart=always", "--network=none", DEMO, "sh", "-c", line)
    runs = cutaway.root / "containers" / id / "upper/runs"

    def begins(number: int) -> None:
        until(lambda: runs.exists() and runs.read_text() == "run\n" * number)  # then its traps are set

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
    """Nothing runs just then, for a minute that nobody waits for, and it must not come back all the same."""
    id = cutaway.out("create", "--name=it", "--restart=always", "--network=none", DEMO, "sh", "-c", "echo run")
    home = cutaway.root / "containers" / id

    def failing() -> None:
        cutaway("start", "it")
        (home / "restarts").write_text("20 20\n")  # as if it had failed that often: the next delay is the longest
        until(lambda: inspected(cutaway, "it")["status"] == "exited" and at_work(id))

    failing()
    cutaway("kill", "-sUSR1", "it", code=125)
    assert not (home / "stopped").exists(), "there was nothing to signal, and it may come back"
    for words in ("stop", "kill"):
        with cutaway.start("logs", "-f", "--tail=0", "it") as following:
            cutaway(*words.split(), "it")
            assert (home / "stopped").exists()
            assert settled(cutaway, "it") == "exited"
            assert following.wait(timeout=30) == 0, "nothing more will come"
        failing()
    cutaway("stop", "it")
    assert settled(cutaway, "it") == "exited"
    cutaway("kill", "it", code=125)
    failing()
    cutaway("start", "it")  # a person does not wait
    until(lambda: cutaway.out("logs", "it").splitlines().count("run") >= 3)
    failing()
    cutaway("rm", "-f", "it")
    until_left(id)


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


def test_it_does_not_start_what_a_person_has_ended(cutaway: Cutaway) -> None:
    """The owner of the network that it shares: it is left ended itself, and the trace says why."""
    id = cutaway.out("run", "-d", "--name=own", "--restart=on-failure", "--network=none", DEMO, "sleep", "60")
    shared = ("--restart=always", "--network=container:own")
    joiner = cutaway.out("run", "-d", "--name=joins", *shared, DEMO, "sleep", "60")
    (cutaway.root / "containers" / id / "restarts").write_text("5 0\n")
    cutaway("stop", "-t0", "own")
    os.kill(inspected(cutaway, "joins")["pid"], signal.SIGKILL)
    until_left(joiner)
    assert settled(cutaway, "own") == "exited"
    assert (cutaway.root / "containers" / id / "stopped").exists()
    assert inspected(cutaway, "own")["restarts"] == 5
    assert settled(cutaway, "joins") == "exited"
    assert "joins shares the network of own, and that does not run" in cutaway.out("trace", "joins")
    cutaway("start", "joins")  # a person starts both
    assert {each["name"] for each in cutaway.json("ps", "--json")} == {"own", "joins"}
    assert inspected(cutaway, "own")["restarts"] == 0
