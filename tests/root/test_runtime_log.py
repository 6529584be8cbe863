"""A container's output on disk: no larger than it may be, read to its end while it goes, and said to be gone after."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import Cutaway
from pseudo_terminal import PseudoTerminal
from waiting import until

from engine import Job, RunOptions, Workbench
from engine.errors import ContainerUnknown
from engine.events import LogLine, ignore
from engine.jobs import CancelToken
from engine.runtime import Extent, read_log

pytestmark = pytest.mark.root

DEMO = "localhost/cutaway/demo:latest"
LIMIT = 256 * 1024
COUNTING = "i=0; while [ $i -lt {} ]; do echo line $i; i=$((i+1)); done"


def numbers(batches: Iterable[list[LogLine]]) -> Iterator[int]:
    """The numbers in lines that COUNTING wrote; conmon writes parts where one reading of its ends, and changes files
    between them."""
    begun = ""
    for lines in batches:
        for line in lines:
            begun += line.text
            if not line.partial:
                if found := re.fullmatch(r"line (\d+)", begun):
                    yield int(found[1])
                begun = ""


def test_a_log_with_a_limit_keeps_the_newest(container: Any) -> None:
    it = container("sh", "-c", COUNTING.format(30_000), log_size=LIMIT)
    log = it.path / "output.log"
    seen: list[int] = []
    largest = 0
    it.start()

    def follow() -> None:
        extent = Extent(follow=True, still_running=lambda: it.runtime.may_print(it.record))
        seen.extend(numbers(read_log(log, extent, CancelToken())))

    follower = threading.Thread(target=follow)
    follower.start()
    while it.runtime.state(it.record).pid:
        largest = max(largest, log.stat().st_size)
        time.sleep(0.01)
    follower.join(30)
    assert not follower.is_alive()
    assert seen == sorted(set(seen)), "in order, and none twice"
    assert seen[-1] == 29_999
    kept = list(numbers(read_log(log, Extent(), CancelToken())))
    assert kept == list(range(kept[0], 30_000)), "the newest, and nothing is missing between them"
    assert kept[0] > 0
    assert max(largest, log.stat().st_size) <= LIMIT + 64 * 1024  # conmon changes files before it writes the next block


def test_the_limit_comes_from_the_option() -> None:
    assert RunOptions(log_opts=("max-size=10m",)).log_size == 10 * 1024 * 1024
    assert RunOptions().log_size == 0


def test_what_follows_a_container_that_goes_sees_all_of_it(container: Any, workbench: Workbench) -> None:
    it = container("sh", "-c", "echo first; read line; echo last", interactive=True, auto_remove=True)
    lines: list[str] = []
    it.start()

    def follow() -> None:
        for batch in workbench.logs(it.record.name, CancelToken(), follow=True):
            lines.extend(line.text for line in batch)

    follower = threading.Thread(target=follow)
    follower.start()
    until(lambda: lines)
    workbench.stop(it.record.name, Job("stop", ignore), timeout=0)
    follower.join(20)
    assert not follower.is_alive()
    assert lines == ["first"]
    assert not it.path.exists()


@pytest.mark.parametrize("front", ["logs", "transcript"])
def test_what_conmon_has_not_written_yet_is_followed(container: Any, workbench: Workbench, front: str) -> None:
    """A program that has ended leaves up to 64 KiB in its pipe; only what conmon says of its end is the end."""
    it = container("sh", "-c", "sleep 0.3; echo last")
    lines: list[str] = []
    it.start()
    monitor = it.runtime.files(it.record).conmon()
    assert monitor is not None

    def follow() -> None:
        if front == "logs":
            for batch in workbench.logs(it.record.name, CancelToken(), follow=True):
                lines.extend(line.text for line in batch)
        else:
            transcript = workbench.transcript(it.record.name)
            for _ in transcript.follow(CancelToken()):
                lines[:] = [line.text for line in transcript.read(0, transcript.end)]

    follower = threading.Thread(target=follow)
    os.kill(monitor.pid, signal.SIGSTOP)
    try:
        until(lambda: not it.runtime.state(it.record).pid)
        follower.start()
        follower.join(1)
        assert follower.is_alive()
    finally:
        os.kill(monitor.pid, signal.SIGCONT)
    follower.join(20)
    assert not follower.is_alive()
    assert lines == ["last"]


def test_the_log_of_one_that_is_gone_is_said_to_be(container: Any, workbench: Workbench) -> None:
    it = container("sh", "-c", "exit 3", name="away")
    job = Job("test", ignore)
    workbench.start("away", job)
    workbench.wait("away", CancelToken())
    assert list(workbench.logs("away", CancelToken())) == [], "of one that has ended it is there"
    workbench.remove("away", job)
    for name in ("away", it.record.id):
        with pytest.raises(ContainerUnknown, match=r"was removed .* it had ended with 3") as caught:
            list(workbench.logs(name, CancelToken()))
        assert "output" in caught.value.hint


def piped(cutaway: Cutaway, *words: str) -> subprocess.CompletedProcess[str]:
    """Run with `given` on its standard input."""
    return subprocess.run(
        cutaway.command(*words), env=cutaway.environment, input="given", capture_output=True, text=True, check=False
    )


def on_terminal(cutaway: Cutaway, *words: str) -> str:
    """What it says where its standard input is a terminal."""
    screen = PseudoTerminal()
    try:
        done = subprocess.run(
            cutaway.command(*words),
            env=cutaway.environment,
            stdin=screen.inside,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stderr
    finally:
        screen.close()


async def test_an_output_that_is_not_kept(cutaway: Cutaway, bench: Any) -> None:
    making = ("--name=quiet", "--network=none", "--log-driver=none", DEMO)
    assert cutaway.out("run", *making, "sh", "-c", "echo seen") == "seen"
    for words in (("quiet",), ("-f", "quiet"), ("--names", "quiet")):
        assert "--log-driver none" in cutaway("logs", *words, code=125).stderr
    home = Path(cutaway.json("inspect", "quiet")[0]["path"])
    assert not any(path.name.startswith("output.log") for path in home.iterdir())
    assert cutaway.out("start", "-a", "quiet") == "seen"
    async with bench(root=cutaway.root) as screen:
        await screen.wait("quiet .*exited")
        await screen.press("4", "l")
        await screen.wait("--log-driver none: what it prints is not kept")
    cutaway("rm", "quiet")
    line = "cat; echo more >&2; exit 3"
    making = ["--name=wire", "--network=none", "--log-driver=passthrough", DEMO, "sh", "-c", line]
    done = piped(cutaway, "run", *making)
    assert (done.returncode, done.stdout, done.stderr) == (3, "given", "more\n")
    done = piped(cutaway, "start", "-a", "wire")
    assert (done.returncode, done.stdout) == (3, "given")
    assert "passthrough" in cutaway("logs", "wire", code=125).stderr
    assert "given" in piped(cutaway, "start", "wire").stdout
    cutaway("wait", "wire")
    assert "on a terminal" in on_terminal(cutaway, "start", "wire")
    async with bench(root=cutaway.root) as screen:
        await screen.wait("wire .*exited")
        await screen.press("4", "l")
        await screen.wait("the streams of who started it")
    assert "passthrough" in cutaway("run", "-t", "--log-driver=passthrough", DEMO, "true", code=2).stderr
    cutaway("rm", "wire")
    assert "k8s-file" in cutaway("run", "--log-driver=journald", DEMO, "true", code=2).stderr
    cutaway("run", "--name=quiet", "--network=none", "--log-driver=json-file", DEMO, "sh", "-c", "echo seen")
    assert cutaway.out("logs", "quiet") == "seen"
