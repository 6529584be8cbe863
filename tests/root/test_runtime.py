"""The life of real containers: runc under conmon."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from waiting import until

from engine.errors import CommandNotExecutable, CommandNotFound, ContainerState, RuntimeFailed
from engine.events import Status, Stream
from engine.jobs import CancelToken
from engine.runtime import Attachment, Ending, Extent, read_log
from engine.runtime.ending import wait_for_end

pytestmark = pytest.mark.root


def lines(running: Any) -> list[tuple[Stream, str]]:
    batches = read_log(running.path / "output.log", Extent(), CancelToken())
    return [(line.stream, line.text) for batch in batches for line in batch]


def test_from_creation_to_exit_code_and_log(container: Any) -> None:
    it = container("sh", "-c", "echo out; echo err >&2; exit 7")
    assert it.runtime.state(it.record).status is Status.CREATED
    it.create()
    created = it.runtime.state(it.record)
    assert created.status is Status.CREATED
    assert created.pid > 0
    it.runtime.start(it.record, it.job)
    assert it.runtime.wait(it.record, CancelToken()) == 7
    ended = it.runtime.state(it.record)
    assert (ended.status, ended.exit_code, ended.pid) == (Status.EXITED, 7, 0)
    assert ended.started is not None
    assert ended.finished is not None
    assert ended.started <= ended.finished
    assert sorted(lines(it), key=str) == [(Stream.STDERR, "err"), (Stream.STDOUT, "out")]
    it.away()
    assert it.runtime.state(it.record).exit_code == 7
    commands = [step.command for step in it.job.steps]
    assert any(c.startswith("runc --root ") and " create --bundle " in c for c in commands)


def test_a_container_can_run_again(container: Any) -> None:
    it = container("sh", "-c", "echo once more >> /count; wc -l < /count; exit 3")
    for expected in ("1", "2"):
        with it.containers.lock(it.record.id):  # conmon's clean-up comes when it can
            it.start()
            assert it.runtime.wait(it.record, CancelToken()) == 3
            assert lines(it)[-1] == (Stream.STDOUT, expected)
            it.away()


def test_what_else_is_to_be_undone_is_while_runc_deletes(container: Any) -> None:
    it = container("true")
    with it.containers.lock(it.record.id):
        it.start()
        it.runtime.wait(it.record, CancelToken())
        found: list[str] = []

        def undo() -> None:
            children = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()
            names = lambda: [Path(f"/proc/{child}/comm").read_text().strip() for child in children]  # noqa: E731
            until(lambda: "runc" in names(), names)  # execve(2) lets its caller know before the name is another
            found.extend(names())

        it.runtime.delete(it.record, False, it.job, undo)
        assert "runc" in found
        it.runtime.delete(it.record, False, it.job, lambda: found.append("undone again"))
        assert found[-1] == "undone again"
        it.away()


def test_the_command_is_not_there(container: Any) -> None:
    it = container("no-such-program")
    with pytest.raises(CommandNotFound, match="no-such-program"):
        it.create()
    assert it.runtime.state(it.record).status is Status.CREATED
    assert it.runtime.state(it.record).pid == 0


def test_the_command_cannot_be_executed(container: Any) -> None:
    it = container("/etc/not-a-program")
    with pytest.raises(CommandNotExecutable):
        it.create()


def test_what_runc_refuses_is_told_in_its_words(container: Any) -> None:
    def bad_namespace(config: dict[str, Any]) -> None:
        config["linux"]["namespaces"].append({"type": "network", "path": "/no/such/namespace"})

    it = container("true", config=bad_namespace)
    with pytest.raises(RuntimeFailed, match="namespace") as caught:
        it.create()
    assert not isinstance(caught.value, CommandNotFound | CommandNotExecutable)
    assert any("namespace" in step.failure for step in it.job.steps)


def test_stop_asks_first(container: Any) -> None:
    it = container(
        "sh", "-c", "trap 'echo asked; exit 5' USR1; echo ready; while :; do sleep 0.05; done", stop_signal="USR1"
    )
    it.start()
    until(lambda: lines(it))
    assert it.runtime.stop(it.record, 10, it.job) == 5
    assert lines(it)[-1] == (Stream.STDOUT, "asked")
    assert it.runtime.stop(it.record, 10, it.job) == 5  # nothing to do is no error


def test_stop_kills_what_does_not_listen(container: Any) -> None:
    it = container("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done")
    it.start()
    until(lambda: lines(it))
    began = time.monotonic()
    assert it.runtime.stop(it.record, 0.5, it.job) == 137
    assert time.monotonic() - began >= 0.5


def test_stop_can_be_cancelled_while_it_waits(container: Any) -> None:
    from engine.errors import Cancelled

    it = container("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done")
    it.start()
    until(lambda: lines(it))
    threading.Timer(0.3, it.job.cancel).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        it.runtime.stop(it.record, 30, it.job)
    assert time.monotonic() - began < 20  # long before the 30 seconds
    assert it.runtime.state(it.record).status is Status.RUNNING


def test_kill_pause_and_unpause(container: Any) -> None:
    it = container("sleep", "60")
    with pytest.raises(ContainerState):
        it.runtime.kill(it.record, "TERM", it.job)
    it.start()
    it.runtime.pause(it.record, it.job)
    assert it.runtime.state(it.record).status is Status.PAUSED
    with pytest.raises(ContainerState):
        it.runtime.pause(it.record, it.job)
    it.runtime.unpause(it.record, it.job)
    assert it.runtime.state(it.record).status is Status.RUNNING
    it.runtime.kill(it.record, "SIGKILL", it.job)
    assert it.runtime.wait(it.record, CancelToken()) == 137


def test_delete_wants_force_for_one_that_runs(container: Any) -> None:
    it = container("sleep", "60")
    it.start()
    undone: list[int] = []
    with pytest.raises(ContainerState):
        it.runtime.delete(it.record, False, it.job, lambda: undone.append(1))
    assert undone == []
    it.runtime.delete(it.record, True, it.job, lambda: undone.append(it.runtime.state(it.record).pid))
    assert undone == [0]
    assert it.runtime.state(it.record).status is Status.EXITED
    assert it.runtime.state(it.record).exit_code == 137


def test_foreground_output_and_input(container: Any) -> None:
    it = container("sh", "-c", "echo first; cat; echo err >&2; echo last", interactive=True)
    it.create()
    (inside, stdin), (stdout, out), (stderr, err) = os.pipe(), os.pipe(), os.pipe()
    with it.runtime.connect(it.record, Attachment(inside, out, err)) as pump:
        it.runtime.start(it.record, it.job)
        os.write(stdin, b"typed\n")
        os.close(stdin)
        assert pump.run(CancelToken()) is Ending.ENDED
    for handle in (out, err, inside):
        os.close(handle)
    assert Path(f"/proc/self/fd/{stdout}").exists()
    assert os.read(stdout, 1000) == b"first\ntyped\nlast\n"
    assert os.read(stderr, 1000) == b"err\n"
    os.close(stdout)
    os.close(stderr)
    assert it.runtime.wait(it.record, CancelToken()) == 0


def test_nothing_of_a_long_output_is_lost_in_the_foreground(container: Any, tmp_path: Path) -> None:
    it = container("seq", "200000")
    it.create()
    with (
        (tmp_path / "out").open("wb") as out,
        it.runtime.connect(it.record, Attachment(None, out.fileno(), out.fileno())) as pump,
    ):
        it.runtime.start(it.record, it.job)
        pump.run(CancelToken())
    assert (tmp_path / "out").read_text().split() == [str(n) for n in range(1, 200001)]


def test_following_ends_with_the_container(container: Any) -> None:
    it = container("sh", "-c", "for n in 1 2 3; do echo $n; sleep 0.1; done")
    it.start()
    running = lambda: it.runtime.state(it.record).status is Status.RUNNING  # noqa: E731
    found = [
        line.text
        for batch in read_log(it.path / "output.log", Extent(follow=True, still_running=running), CancelToken())
        for line in batch
    ]
    assert found == ["1", "2", "3"]


def test_whoever_waits_for_a_run_does_not_wait_for_the_next_one(container: Any) -> None:
    """That one had begun, and taken the exit code away, before anybody could see it."""
    it = container("sleep", "60")
    it.start()
    files = it.runtime.files(it.record)
    conmon, found = files.conmon(), list[bool]()
    assert conmon is not None
    waiting = threading.Thread(target=lambda: found.append(wait_for_end(files, CancelToken(), 60)), daemon=True)
    place = files.runc_root / files.id / "state.json"
    kept = place.read_bytes()
    with subprocess.Popen(["sleep", "60"]) as another:
        try:
            os.kill(conmon.pid, signal.SIGSTOP)  # so it says nothing of the end
            waiting.start()
            os.kill(it.runtime.state(it.record).pid, signal.SIGKILL)
            until(lambda: not it.runtime.state(it.record).pid)
            waiting.join(0.2)
            assert waiting.is_alive(), "conmon has not said anything yet"
            started = int(Path(f"/proc/{another.pid}/stat").read_text().rpartition(")")[2].split()[19])
            state = {**json.loads(kept), "init_process_pid": another.pid, "init_process_start": started}
            place.with_name("next").write_text(json.dumps(state))
            place.with_name("next").rename(place)
            waiting.join(30)
            assert found == [True]
        finally:
            place.write_bytes(kept)
            os.kill(conmon.pid, signal.SIGCONT)
            another.kill()
    assert it.runtime.wait(it.record, CancelToken()) == 137


def test_the_end_is_seen_when_conmon_says_so(container: Any) -> None:
    it = container("sleep", "60")
    it.start()
    files = it.runtime.files(it.record)
    assert not wait_for_end(files, CancelToken(), 0.05), "it runs"
    it.runtime.kill(it.record, "KILL", it.job)
    assert wait_for_end(files, CancelToken(), 30)
    assert files.exit_code() == 137
