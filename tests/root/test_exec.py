"""Further processes in running containers, and the other things that are done with containers that are there."""

from __future__ import annotations

import os
import re
import shutil
import signal
import termios
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from command_line import Cutaway
from pseudo_terminal import PseudoTerminal
from waiting import until, until_ended

from engine import Attachment, CancelToken, ExecOptions, Job, RunOptions, Status, Workbench
from engine.disk import DataRoot
from engine.errors import (
    Cancelled,
    CommandNotExecutable,
    CommandNotFound,
    ContainerState,
    RuntimeFailed,
    SpecError,
    UsageError,
)
from engine.events import ignore
from engine.host import HostFacts, Tool

pytestmark = pytest.mark.root


@pytest.fixture
def running(container: Any) -> Any:
    it = container("sleep", "300", name="w")
    it.start()
    return it


def output(
    bench: Workbench, tmp_path: Path, *args: str, typed: bytes | None = None, **more: Any
) -> tuple[Any, str, str]:
    """Exit code, stdout and stderr of a command in the container `w`."""
    source = None
    if typed is not None:
        source, writer = os.pipe()
        os.write(writer, typed)
        os.close(writer)
    with (tmp_path / "out").open("w+b") as out, (tmp_path / "err").open("w+b") as err:
        options = ExecOptions(args=args, interactive=typed is not None, **more)
        code = bench.exec("w", options, Attachment(source, out.fileno(), err.fileno()), Job("exec", ignore))
        if source is not None:
            os.close(source)
    return code, (tmp_path / "out").read_text(), (tmp_path / "err").read_text()


def sessions(it: Any) -> list[Path]:
    return list((it.root.run / "containers" / it.record.id).glob("exec-*"))


def until_gone(it: Any) -> None:
    until(lambda: not sessions(it), lambda: sessions(it))


def once(condition: Callable[[], object], then: Callable[[], object]) -> threading.Thread:
    """Do something from another thread as soon as the condition holds."""
    thread = threading.Thread(target=lambda: (until(condition), then()))
    thread.start()
    return thread


def test_output_input_and_exit_code(workbench: Workbench, running: Any, tmp_path: Path) -> None:
    assert output(workbench, tmp_path, "sh", "-c", "cat; echo err >&2; exit 7", typed=b"in") == (7, "in", "err\n")
    assert output(workbench, tmp_path, "cat") == (0, "", "")  # no input is an empty one
    assert output(workbench, tmp_path, "sh", "-c", "kill -9 $$")[0] == 137
    until_gone(running)
    assert any("runc" in step.command and " exec " in step.command for step in workbench.trace("w"))


def test_nothing_of_a_long_output_is_lost(workbench: Workbench, running: Any, tmp_path: Path) -> None:
    assert output(workbench, tmp_path, "seq", "100000")[1].split() == [str(n) for n in range(1, 100001)]


def test_environment_directory_and_user(workbench: Workbench, running: Any, tmp_path: Path) -> None:
    said = output(
        workbench, tmp_path, "sh", "-c", "echo $A $B; pwd; id -u; id -g; grep CapEff /proc/self/status",
        env=("A=1", "B=secret"), workdir="/tmp", user="12:34",
    )[1].split()  # fmt: skip
    assert said == ["1", "secret", "/tmp", "12", "34", "CapEff:", "0000000000000000"]
    assert "secret" not in str(workbench.trace("w"))
    with pytest.raises(SpecError, match="nobody-here"):
        output(workbench, tmp_path, "id", user="nobody-here")
    with pytest.raises(SpecError, match="own open files"):
        output(workbench, tmp_path, "id", workdir="/proc/self/fd/7")
    ours, theirs = (
        int(output(workbench, tmp_path, "sh", "-c", "grep CapEff /proc/self/status", privileged=on)[1].split()[1], 16)
        for on in (True, False)
    )
    assert ours > theirs


def test_what_cannot_be_started(workbench: Workbench, running: Any, tmp_path: Path) -> None:
    with pytest.raises(CommandNotFound, match="no-such-program"):
        output(workbench, tmp_path, "no-such-program")
    with pytest.raises(CommandNotExecutable):
        output(workbench, tmp_path, "/etc/not-a-program")
    with pytest.raises(UsageError):
        ExecOptions(args=())
    workbench.pause("w", Job("pause", ignore))
    with pytest.raises(ContainerState, match="paused"):
        output(workbench, tmp_path, "true")
    workbench.unpause("w", Job("unpause", ignore))
    until_gone(running)
    assert workbench.container("w").status is Status.RUNNING


def test_exit_codes_of_the_command(running: Any, data_root: DataRoot) -> None:
    cutaway = Cutaway(data_root.path, data_root.run.parent)
    assert cutaway("exec", "-e", "A=x", "w", "sh", "-c", "echo $A; exit 5", code=5).stdout == "x\n"
    cutaway("exec", "w", "no-such-program", code=127)
    cutaway("exec", "w", "/etc/not-a-program", code=126)
    cutaway("exec", "no-such-container", "true", code=125)
    cutaway("exec", "w", code=2)


def test_in_the_background(workbench: Workbench, running: Any, data_root: DataRoot) -> None:
    assert workbench.exec("w", ExecOptions(args=("sleep", "211")), None, Job("exec", ignore)) is None
    commands = lambda: [process.command for process in workbench.top("w")]  # noqa: E731
    until(lambda: commands() == ["sleep 300", "sleep 211"], commands)  # a moment it is runc yet
    inside = workbench.top("w")
    assert (inside[0].pid, inside[0].ppid, inside[0].user) == (1, 0, "root")
    it = inside[0]
    assert (it.name, it.state, it.nice, it.process_group, it.real_user) == ("sleep", "S", 0, 1, "root")
    assert it.virtual > it.memory > 0
    assert it.started == pytest.approx(time.time(), abs=60)
    said = Cutaway(data_root.path, data_root.run.parent).out("top", "w", "pid,comm,state", "pgid", "vsz", "group")
    assert [line.split()[:4] for line in said.splitlines()] == [
        ["PID", "COMMAND", "STATE", "PGID"],
        *([str(process.pid), "sleep", "S", str(process.process_group)] for process in inside),
    ]
    os.kill(inside[1].host_pid, signal.SIGKILL)
    until_gone(running)


def test_a_shell_on_a_terminal(workbench: Workbench, running: Any) -> None:
    screen = PseudoTerminal()
    screen.resize(33, 91)
    before = termios.tcgetattr(screen.inside)
    shell = workbench.shell("w")
    options = ExecOptions(args=tuple(shell), terminal=True, interactive=True)
    ends = Attachment(screen.inside, screen.inside, screen.inside)
    codes: list[Any] = []
    thread = threading.Thread(target=lambda: codes.append(workbench.exec("w", options, ends, Job("exec", ignore))))
    thread.start()
    screen.wait_for(b"# ")
    screen.type(b"stty size; echo $TERM-$((6 * 7))\r")
    screen.wait_for(b"33 91\r\nxterm-42")
    screen.type(b"exit 3\r")
    thread.join(5)
    assert codes == [3]
    assert termios.tcgetattr(screen.inside) == before
    screen.close()
    until_gone(running)


def test_whoever_detaches_leaves_it_running(workbench: Workbench, running: Any) -> None:
    screen = PseudoTerminal()
    options = ExecOptions(args=("sh",), terminal=True, interactive=True)
    ends = Attachment(screen.inside, screen.inside, screen.inside)
    codes: list[Any] = []
    thread = threading.Thread(target=lambda: codes.append(workbench.exec("w", options, ends, Job("exec", ignore))))
    thread.start()
    screen.wait_for(b"# ")
    screen.type(b"\x10\x11")
    thread.join(5)
    assert codes == [None]
    assert [process.command for process in workbench.top("w")] == ["sleep 300", "sh"]
    screen.close()


UNWILLING = "trap '' HUP TERM; echo on; while :; do sleep 0.1; done"


def test_one_whose_caller_is_killed_ends(workbench: Workbench, running: Any, data_root: DataRoot) -> None:
    with Cutaway(data_root.path, data_root.run.parent).start("exec", "w", "sh", "-c", UNWILLING) as caller:
        assert caller.line() == "on\n"
        caller.kill()
    until(lambda: len(workbench.top("w")) == 1, lambda: workbench.top("w"))
    until_gone(running)


@pytest.mark.parametrize("command", ["echo on; sleep 212; true", UNWILLING])
def test_a_cancelled_one_ends(workbench: Workbench, running: Any, command: str, tmp_path: Path) -> None:
    job = Job("exec", ignore)
    options = ExecOptions(args=("sh", "-c", command))
    with (tmp_path / "out").open("wb") as out:
        canceller = once(lambda: (tmp_path / "out").read_bytes() == b"on\n", job.cancel)
        with pytest.raises(Cancelled):
            workbench.exec("w", options, Attachment(None, out.fileno(), out.fileno()), job)
    canceller.join()
    until(lambda: len(workbench.top("w")) == 1, lambda: workbench.top("w"))
    until_gone(running)


SLOW_RUNC = """#!/bin/sh
wait_for() {{
  [ "$1" != {when} ] || {{ : > {begun}; sleep 0.3; }}
}}
case " $* " in *" exec "*)
  wait_for before
  {runc} "$@" || exit
  wait_for after
  exit
esac
exec {runc} "$@"
"""


@pytest.mark.parametrize("stays", [True, False])
@pytest.mark.parametrize("trap", ["", "trap '' HUP;"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_one_cancelled_while_it_starts_ends(
    workbench: Workbench, running: Any, host_facts: HostFacts, tmp_path: Path, stays: bool, trap: str, when: str
) -> None:
    """conmon starts it all the same: nobody can tell conmon."""
    script, begun = tmp_path / "runc", tmp_path / "begun"
    script.write_text(SLOW_RUNC.format(runc=shutil.which("runc"), begun=begun, when=when))
    script.chmod(0o755)
    facts = msgspec.structs.replace(host_facts)
    vars(facts)["runc"] = Tool("runc", script)
    vars(workbench)["facts"] = facts
    job = Job("exec", ignore)
    canceller = once(begun.exists, job.cancel)
    options = ExecOptions(args=("sh", "-c", f"{trap} sleep 211"))
    with (tmp_path / "out").open("wb") as out, pytest.raises(Cancelled):
        workbench.exec("w", options, Attachment(None, out.fileno(), out.fileno()) if stays else None, job)
    canceller.join()
    until_gone(running)
    until(lambda: len(workbench.top("w")) == 1, lambda: workbench.top("w"))


@pytest.mark.parametrize("command", ["true", "no-such-program"])
def test_one_that_is_over_keeps_nobody_who_cancels_waiting(workbench: Workbench, running: Any, command: str) -> None:
    for late in range(0, 30, 3):
        job = Job("exec", ignore)
        timer = threading.Timer(late / 1000, job.cancel)
        timer.start()
        began = time.monotonic()
        with suppress(Cancelled, CommandNotFound):
            workbench.exec("w", ExecOptions(args=(command,)), Attachment(None, 1, 2), job)
        assert time.monotonic() - began < 3, "it takes 5 s to give one up that never comes"
        timer.join()
    until_gone(running)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP], ids=lambda number: number.name)
def test_one_whose_caller_ends_while_it_starts_ends(
    workbench: Workbench, running: Any, data_root: DataRoot, number: signal.Signals
) -> None:
    """At each moment from its directory's coming on: conmon has something to say to who is not there any more."""
    there = running.root.run / "containers" / running.record.id
    line = Cutaway(data_root.path, data_root.run.parent)
    for late in range(0, 60, 3):
        with line.start("exec", "w", "sleep", "214") as caller:
            until(lambda: any(there.glob("exec-*")))
            time.sleep(late / 1000)
            os.kill(caller.pid, number)
    until_gone(running)
    until(lambda: len(workbench.top("w")) == 1, lambda: workbench.top("w"))


def test_it_ends_with_its_container(workbench: Workbench, running: Any, tmp_path: Path) -> None:
    there = lambda: "sleep 213" in [process.command for process in workbench.top("w")]  # noqa: E731
    killer = once(there, lambda: workbench.kill("w", Job("kill", ignore)))
    assert output(workbench, tmp_path, "sleep", "213")[0] == 137
    killer.join()


def test_restart_keeps_what_was_written(workbench: Workbench, container: Any) -> None:
    it = container("sh", "-c", "echo x >>/tmp/count; exec sleep 300", name="again", auto_remove=True)
    it.start()
    job = Job("restart", ignore)
    written = it.path / "merged/tmp/count"

    def until_begun(starts: int) -> None:
        until(
            lambda: written.exists() and written.read_text() == "x\n" * starts,
            lambda: written.exists() and written.read_text(),
        )

    until_begun(1)
    earlier = []
    for starts in (2, 3):
        before = workbench.container("again").pid
        conmon = int((it.root.run / "containers" / it.record.id / "conmon.pid").read_text())
        earlier.append(os.pidfd_open(conmon))
        assert workbench.restart("again", job, timeout=0).status is Status.RUNNING
        assert workbench.container("again").pid != before
        until_begun(starts)
    for each in earlier:
        until_ended(each)  # and its clean-up with it
    assert workbench.container("again").status is Status.RUNNING


def test_another_name(workbench: Workbench, running: Any, container: Any) -> None:
    container("true", name="taken")
    job = Job("rename", ignore)
    assert workbench.rename("w", "better", job).name == "better"
    assert workbench.container(running.record.id).name == "better"
    for bad, error in (("taken", ContainerState), ("-x/..", UsageError)):
        with pytest.raises(error):
            workbench.rename("better", bad, job)


def test_other_limits_at_once_and_from_then_on(workbench: Workbench, data_root: DataRoot, container: Any) -> None:
    it = container("sleep", "300", name="w")
    (it.path / "provenance.json").write_text("{}")
    it.start()
    workbench.update("w", RunOptions(memory="64m", pids_limit=33), Job("update", ignore))
    (line,) = next(workbench.stats(CancelToken(), "w", once=True))
    assert (line.reading.memory_limit, line.reading.pids_limit) == (64 << 20, 33)
    with pytest.raises(RuntimeFailed) as failed:
        workbench.update("w", RunOptions(memory="1"), Job("update", ignore))
    where = re.escape("cannot change the limits of w: --memory=1: ")
    assert re.fullmatch(where + r"[^;\"]+", str(failed.value))  # one message, without what runc's logger adds
    with pytest.raises(UsageError):
        workbench.update("w", RunOptions(), Job("update", ignore))
    workbench.restart("w", Job("restart", ignore), timeout=0)
    (line,) = next(workbench.stats(CancelToken(), "w", once=True))
    assert (line.reading.memory_limit, line.reading.pids_limit) == (64 << 20, 33)
    assert workbench.config("w")[1]["/linux/resources/pids/limit"].detail == "option --pids-limit 33"


def test_statistics_are_those_of_the_container(workbench: Workbench, container: Any) -> None:

    def on_the_hosts(config: dict[str, Any]) -> None:
        config["linux"]["namespaces"].remove({"type": "network"})

    container("sh", "-c", "while :; do :; done", name="busy", config=on_the_hosts).start()
    container("sleep", "300", name="idle").start()
    container("true", name="never")
    token = CancelToken()
    readings = workbench.stats(token, every=0.5)
    first, second = ({line.name: line for line in next(readings)} for _ in range(2))
    assert set(first) == {"busy", "idle"}
    busy, idle = second["busy"], second["idle"]
    assert busy.cpu_percent > 20 > 5 > idle.cpu_percent
    assert busy.reading.cpu_time > first["busy"].reading.cpu_time  # type: ignore[operator]
    assert 0 < idle.reading.memory < 50 << 20  # type: ignore[operator]
    assert idle.reading.pids == 1
    assert (idle.reading.received, idle.reading.sent) == (0, 0)
    assert (busy.reading.received, busy.reading.sent) == (None, None)  # it shares the host's network, and so its counts
    workbench.kill("busy", Job("kill", ignore))
    workbench.wait("busy", token)
    assert [line.name for line in next(readings)] == ["idle"]


def test_what_happens_is_told(workbench: Workbench, container: Any) -> None:
    it = container("sh", "-c", "exit 3", name="w")
    job = Job("test", ignore)
    workbench.start("w", job)
    assert workbench.wait("w", CancelToken()) == 3
    until(lambda: not it.runtime.has_leftovers(it.record))  # conmon's clean-up tells of the end
    workbench.remove("w", job)
    told = list(workbench.happenings(CancelToken()))
    assert [happening.action for happening in told] == ["start", "died", "remove"]
    assert told[1].detail == {"exit_code": "3"}
    assert told[0].time <= told[1].time <= told[2].time
