"""Whoever is killed, and whenever: the state stays true, and what is left can be cleared."""

from __future__ import annotations

import os
import random
import shutil
import signal
import threading
import time
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from waiting import until, until_ended

from engine import rootfs
from engine.errors import CutawayError, RuntimeFailed
from engine.events import Status
from engine.host import HostFacts, Tool
from engine.jobs import CancelToken, Job
from engine.runtime import Runtime
from engine.runtime.cgroups import clear

pytestmark = pytest.mark.root

ROUNDS = int(os.environ.get("CUTAWAY_KILL_ROUNDS", "24"))
SEED = int(os.environ.get("CUTAWAY_KILL_SEED", "5"))


def children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(word) for word in task.read_text().split()]
        except OSError:
            continue
    return found


def conmon_of(it: Any) -> int:
    try:
        return int((it.root.run / "containers" / it.record.id / "conmon.pid").read_text())
    except (OSError, ValueError):
        return 0


def kill(pid: int) -> None:
    """And wait until it has ended."""
    if pid > 1:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
        until_ended(handle)


def victim(it: Any, who: str, starter: int) -> int:
    if who == "starter":
        return starter
    conmon = conmon_of(it)
    if who == "conmon":
        return conmon
    if who == "runc":
        return next(iter(children(conmon)), 0) if conmon else next(iter(children(starter)), 0)
    return int(it.runtime.state(it.record).pid)


def start_in_a_process(it: Any) -> int:
    """Mount, create and start, as the engine does, in a process that can be killed."""
    child = os.fork()
    if child == 0:
        try:
            with it.containers.lock(it.record.id):
                it.start()
        finally:
            os._exit(0)
    return child


def truthful(it: Any) -> bool:
    """Whether the state agrees with what is in /proc, asked in another way: who has this container's host name?"""
    state = it.runtime.state(it.record)
    if state.status in (Status.RUNNING, Status.PAUSED):
        return bool(state.pid) and Path(f"/proc/{state.pid}/cgroup").exists()
    alive = [
        pid
        for pid in filter(str.isdigit, os.listdir("/proc"))
        if it.record.id in _read(f"/proc/{pid}/cgroup") and "sleep" in _read(f"/proc/{pid}/comm")
    ]
    return not alive


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


VICTIMS = ("starter", "conmon", "runc", "init")
SURE: tuple[tuple[str, float | None], ...] = (("init", None), ("conmon", None), ("starter", 0.0), ("starter", None))
"""Who is killed, and after how many seconds; None is when it runs."""


def how_long_it_takes(container: Any) -> float:
    """Seconds from the beginning of a start until it runs, here and now."""
    it = container("sleep", "300")
    began = time.monotonic()
    with it.containers.lock(it.record.id):
        it.start()
    took = time.monotonic() - began
    it.runtime.stop(it.record, 0, it.job)
    with it.containers.lock(it.record.id):
        it.away()
        it.containers.remove(it.record.id)
    return took * 1.2


def until_running(it: Any) -> None:
    until(lambda: it.runtime.state(it.record).status is Status.RUNNING)


def until_truthful(it: Any, about: str) -> None:
    until(lambda: truthful(it), lambda: f"{about}: {it.runtime.state(it.record)}")


def test_anybody_killed_at_any_moment(container: Any) -> None:
    chance = random.Random(SEED)
    job = Job("clear", lambda event: None)
    met: set[Status] = set()
    whole = how_long_it_takes(container)
    for number in range(ROUNDS):
        it = container("sleep", "300")
        # Moments that must be met whatever the machine is busy with, and between them any.
        who, moment = SURE[number] if number < len(SURE) else (chance.choice(VICTIMS), chance.uniform(0.0, whole))
        with it.containers.lock(it.record.id) if moment == 0.0 else nullcontext():  # it gets nowhere then
            starter = start_in_a_process(it)
            if moment is None:
                until_running(it)
            else:
                time.sleep(moment)
            kill(victim(it, who, starter))
            os.waitpid(starter, 0)
        about = f"round {number}: {who} killed after {moment} s (seed {SEED})"
        until_truthful(it, about)
        met.add(it.runtime.state(it.record).status)
        if it.runtime.state(it.record).status is Status.RUNNING:
            it.runtime.stop(it.record, 0, job)
        with it.containers.lock(it.record.id):
            it.runtime.delete(it.record, True, job)
            rootfs.unmount(it.path / "merged", job)
            it.containers.remove(it.record.id)
        assert not it.runtime.has_leftovers(it.record), about
        assert not list(Path("/sys/fs/cgroup").glob(f"*/cutaway-test/{it.record.id}")), about
    assert met == {Status.CREATED, Status.RUNNING, Status.EXITED}, "not every moment has been met"
    assert rootfs.mounts_below(it.root.path) == []
    assert [entry.name for entry in it.root.tmp.iterdir()] == []


def test_conmon_killed_and_the_command_ends(container: Any) -> None:
    it = container("sleep", "0.5")
    with it.containers.lock(it.record.id):
        it.start()
        kill(conmon_of(it))
        assert it.runtime.state(it.record).status is Status.RUNNING
        with pytest.raises(RuntimeFailed, match="lost"):
            it.runtime.wait(it.record, CancelToken())
        state = it.runtime.state(it.record)
        assert (state.status, state.exit_code, state.pid) == (Status.EXITED, None, 0)
        assert it.runtime.has_leftovers(it.record)
        it.away()
        assert not it.runtime.has_leftovers(it.record)


def test_stop_without_conmon(container: Any) -> None:
    it = container("sleep", "60")
    with it.containers.lock(it.record.id):
        it.start()
        kill(conmon_of(it))
        assert it.runtime.stop(it.record, 0.2, it.job) is None
        assert it.runtime.state(it.record).status is Status.EXITED


def test_after_a_reboot(container: Any) -> None:
    """The runtime directory, the processes and the mounts are gone; the records tell what they can."""
    ended, running, never = container("sh", "-c", "exit 3"), container("sleep", "60"), container("true")
    with ended.containers.lock(ended.record.id), running.containers.lock(running.record.id):
        ended.start()
        ended.runtime.wait(ended.record, CancelToken())
        ended.away()
        running.start()
        os.kill(conmon_of(running), signal.SIGKILL)
        running.away()
        (running.path / "exit").unlink(missing_ok=True)
        shutil.rmtree(running.root.run)
        assert (ended.runtime.state(ended.record).status, ended.runtime.state(ended.record).exit_code) == (
            Status.EXITED,
            3,
        )
        lost = running.runtime.state(running.record)
        assert (lost.status, lost.exit_code, lost.pid) == (Status.EXITED, None, 0)
        assert lost.started is not None
        assert never.runtime.state(never.record).status is Status.CREATED
        assert not running.runtime.has_leftovers(running.record)
        ended.start()
        assert ended.runtime.wait(ended.record, CancelToken()) == 3


def test_a_container_whose_record_is_gone(container: Any) -> None:
    lost, known = container("sleep", "60"), container("sleep", "60")
    lost.start()
    known.start()
    rootfs.unmount(lost.path / "merged", lost.job)
    lost.containers.remove(lost.record.id)
    assert known.runtime.ids() == {lost.record.id, known.record.id}
    known.runtime.delete_stranger(lost.record.id, known.job)
    assert known.runtime.ids() == {known.record.id}
    assert known.runtime.state(known.record).status is Status.RUNNING
    assert not (lost.root.run / "runc" / lost.record.id).exists()


def test_a_state_that_cannot_be_read(container: Any) -> None:
    it = container("sleep", "60")
    it.start()
    state = it.root.run / "runc" / it.record.id / "state.json"
    good = state.read_bytes()
    state.write_bytes(good[:100])
    assert it.runtime.state(it.record).status is Status.UNKNOWN
    state.write_bytes(good)
    assert it.runtime.state(it.record).status is Status.RUNNING


@pytest.mark.parametrize("path", ["/", "", "relative/{id}", "/{id}/..", "/x/../{id}", "/cutaway-test/other"])
def test_only_the_containers_own_cgroup_is_cleared(path: str) -> None:
    """It would kill this process, among all others."""
    base = next(
        place for place in map(Path, ("/sys/fs/cgroup/pids", "/sys/fs/cgroup")) if (place / "cgroup.procs").exists()
    )
    place = base / "cutaway-test/other"
    if "other" in path:
        place.mkdir(parents=True, exist_ok=True)
    try:
        clear(path.format(id="0123456789ab"), "0123456789ab")
        assert "other" not in path or place.exists()
    finally:
        if "other" in path:
            place.rmdir()
            with suppress(OSError):  # another test's groups are in it
                place.parent.rmdir()


DYING_RUNC = """#!/bin/sh
# runc, but killed when all is made and before it can say so
case "$*" in *" create "*) ;; *) exec {runc} "$@" ;; esac
left_out=
for word do
    shift
    if [ -n "$left_out" ]; then left_out=; continue; fi  # the value of --pid-file
    case "$word" in
        --pid-file) left_out=yes ;;
        *) set -- "$@" "$word" ;;
    esac
done
{runc} "$@" && kill -9 $$
"""


def test_runc_killed_while_it_creates(
    container: Any, host_facts: HostFacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child that it has made waits, and holds the pipe on which conmon waits for words of runc."""
    monkeypatch.setattr("engine.runtime.monitor._LOOK_AFTER", 0.2)
    script = tmp_path / "runc"
    script.write_text(DYING_RUNC.format(runc=shutil.which("runc")))
    script.chmod(0o755)
    facts = msgspec.structs.replace(host_facts)
    vars(facts)["runc"] = Tool("runc", script)
    it = container("sleep", "60")
    it.runtime = Runtime(it.root, facts)
    with it.containers.lock(it.record.id):
        with pytest.raises(RuntimeFailed, match="killed"):
            it.create()
        assert it.runtime.state(it.record).pid == 0
        it.away()
    assert not it.runtime.has_leftovers(it.record)


def test_creation_can_be_cancelled(container: Any) -> None:
    def slow_hook(config: dict[str, Any]) -> None:
        config["hooks"] = {"createRuntime": [{"path": "/bin/sleep", "args": ["sleep", "31.4"]}]}

    it = container("true", config=slow_hook)
    threading.Timer(0.4, it.job.cancel).start()
    began = time.monotonic()
    with pytest.raises(CutawayError):
        it.create()
    assert time.monotonic() - began < 20  # long before the hook's end
    assert not [pid for pid in os.listdir("/proc") if _read(f"/proc/{pid}/cmdline") == "sleep\x0031.4\0"]
    it.away()
    assert not it.runtime.has_leftovers(it.record)
