"""A container whose starter is gone: conmon holds it, and clears up after it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command_line import Cutaway
from waiting import until, until_ended, until_waited_for

from engine import rootfs, trace
from engine.cleanup import Cleaner
from engine.digest import Digest
from engine.disk import DataRoot
from engine.errors import HostError
from engine.events import Status
from engine.host import HostFacts
from engine.jobs import CancelToken, Job
from engine.network import Networks
from engine.runtime import Containers, Runtime, cgroups
from engine.runtime.record import new_id

pytestmark = pytest.mark.root

STARTER = """
import sys, time
from pathlib import Path
from engine import rootfs, trace
from engine.digest import Digest
from engine.disk import DataRoot
from engine.host import probe
from engine.jobs import Job
from engine.runtime import Containers, Runtime

root = DataRoot(Path(sys.argv[1]))
containers, runtime, job = Containers(root), Runtime(root, probe()), Job("start", lambda event: None)
record = containers.find(sys.argv[2])
with containers.lock(record.id):
    rootfs.mount(rootfs.plan(root, [Digest(layer) for layer in record.layers], containers.path(record.id)), job)
    runtime.create(record, job)
    runtime.start(record, job)
print("started", flush=True)
time.sleep(60)
"""


def started_elsewhere(it: Any) -> subprocess.Popen[str]:
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, it.root.path, it.record.id],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert starter.stdout is not None
    assert starter.stdout.readline() == "started\n"
    return starter


def conmon(it: Any) -> int:
    return int((it.root.run / "containers" / it.record.id / "conmon.pid").read_text())


def test_it_outlives_its_starter_and_clears_up(container: Any) -> None:
    it = container("sh", "-c", "while [ ! -e /stop ]; do sleep 0.05; done; echo done; exit 9")
    starter = started_elsewhere(it)
    os.killpg(starter.pid, signal.SIGKILL)
    starter.wait()
    assert starter.stdout is not None
    assert starter.stdout.read() == ""  # nobody else holds the starter's streams
    starter.stdout.close()
    assert it.runtime.state(it.record).status is Status.RUNNING
    (it.path / "merged/stop").touch()
    assert it.runtime.wait(it.record, CancelToken()) == 9
    until(lambda: not os.path.ismount(it.path / "merged"))
    until(lambda: not (it.root.run / "runc" / it.record.id).exists())
    assert it.runtime.state(it.record).status is Status.EXITED
    assert it.runtime.state(it.record).exit_code == 9
    assert "done" in (it.path / "output.log").read_text()


def test_auto_remove_without_a_starter(container: Any) -> None:
    it = container("sh", "-c", "sleep 0.2; exit 6", auto_remove=True)
    with it.containers.lock(it.record.id):
        it.start()
    until(lambda: not it.path.exists())
    assert it.runtime.wait(it.record, CancelToken()) == 6  # its exit code is known a while longer


def test_the_starter_clears_up_before_conmon_does(container: Any) -> None:
    """conmon's clean-up waits for the lock, and then finds nothing to do, or nothing at all."""
    it = container("true", auto_remove=True)
    with it.containers.lock(it.record.id):
        it.start()
        it.runtime.wait(it.record, CancelToken())
        until_waited_for(it.path)
        assert it.path.exists()
        it.away()
        it.containers.remove(it.record.id)
    assert not it.path.exists()
    assert list(it.root.tmp.iterdir()) == []


def test_a_container_started_again_at_once_is_let_alone(container: Any) -> None:
    it = container("sh", "-c", "[ -e /again ] && exec sleep 60; touch /again")
    with it.containers.lock(it.record.id):
        it.start()
        it.runtime.wait(it.record, CancelToken())
        first = os.pidfd_open(conmon(it))  # it is there as long as its clean-up, which waits for the lock
        it.away()
        it.start()
    until_ended(first)
    assert it.runtime.state(it.record).status is Status.RUNNING
    assert os.path.ismount(it.path / "merged")


def test_what_nobody_cleared_up(container: Any, host_facts: HostFacts) -> None:
    """conmon was killed, a starter was killed after the mount, a record is lost: one sweep, and what runs goes on."""
    runs, lost, mounted, once, stranger = (
        container("sleep", "60"),
        container("sleep", "60"),
        container("true"),
        container("sleep", "60", auto_remove=True),
        container("sleep", "60"),
    )
    for it in (runs, lost, once, stranger):
        it.start()
    for it in (lost, once):
        os.kill(int((it.root.run / "containers" / it.record.id / "conmon.pid").read_text()), signal.SIGKILL)
        os.kill(it.runtime.state(it.record).pid, signal.SIGKILL)
        until(lambda it=it: it.runtime.state(it.record).pid == 0)
    rootfs.mount(rootfs.plan(mounted.root, [Digest(mounted.record.layers[0])], mounted.path), mounted.job)
    (stranger.path / "container.json").unlink()
    done = Cleaner(runs.root, runs.containers, runs.runtime, Networks(runs.root, host_facts)).sweep(runs.job)
    assert len(done) == 5, done
    assert runs.runtime.state(runs.record).status is Status.RUNNING
    assert rootfs.mounts_below(runs.root.path) == [runs.path / "merged"]
    assert not once.path.exists()
    assert os.listdir(runs.root.run / "runc") == [runs.record.id]
    told = [[step.command.split()[0] for step in trace.read(it.path / "trace.jsonl")] for it in (lost, mounted, runs)]
    assert told == [["umount", "runc"], ["umount"], []], "how each ended is in its trace"
    assert Cleaner(runs.root, runs.containers, runs.runtime, Networks(runs.root, host_facts)).sweep(runs.job) == []


def test_what_goes_at_its_end_goes_after_a_reboot(container: Any, host_facts: HostFacts) -> None:
    """The runtime directory, the processes and the mounts are gone, and with them all traces but the directories."""
    once, never, stays = (
        container("sleep", "60", auto_remove=True),
        container("sleep", "60", auto_remove=True),
        container("sleep", "60"),
    )
    for it in (once, stays):
        it.start()
        os.kill(conmon(it), signal.SIGKILL)
        it.away()
        (it.path / "exit").unlink(missing_ok=True)
    shutil.rmtree(once.root.run)
    networks = Networks(once.root, host_facts)
    (told,) = Cleaner(once.root, once.containers, once.runtime, networks).sweep(once.job)
    assert once.record.name in told
    assert not once.path.exists()
    assert never.path.exists(), "it has not been started yet"
    assert stays.path.exists()
    assert Cleaner(once.root, once.containers, once.runtime, networks).sweep(once.job) == []


def test_another_runtime_directory_in_the_environment(
    container: Any, host_facts: HostFacts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What looks from elsewhere like a container that has ended is found where it runs."""
    it = container("sleep", "300")
    it.start()
    monkeypatch.setenv("CUTAWAY_RUN", str(tmp_path / "other"))
    root = DataRoot(it.root.path)
    runtime = Runtime(root, host_facts)
    assert root.run == it.root.run
    assert Cleaner(root, Containers(root), runtime, Networks(root, host_facts)).sweep(it.job) == []
    assert runtime.state(it.record).status is Status.RUNNING


def test_what_runs_without_a_record_can_be_ended(cutaway: Cutaway) -> None:
    id = cutaway.out("run", "-d", "--name=x2", "--network=host", "localhost/cutaway/demo:latest", "sleep", "60")
    home = cutaway.root / "containers" / id
    (home / "container.json").write_text("")
    cutaway("create", "--name=sound", "--network=host", "localhost/cutaway/demo:latest", "true")
    assert [(c["id"], c["status"]) for c in cutaway.json("ps", "--json")] == [(id, "damaged")]
    listed = cutaway("ps", "-a", "--sort=status", "-s")
    assert [line.split()[:2] for line in listed.stdout.splitlines()[1:]][1] == [id, id]
    assert f"{home}/container.json" in listed.stderr
    assert cutaway.out("ps", "-aq", "--filter=status=damaged", "--filter=name=.") == id
    assert cutaway.out("ps", "-aq", "--filter=label=x") == ""
    assert id in cutaway("rm", "--all", code=125).stderr
    assert cutaway.out("ps", "-aq") == id, "the sound one alone was removed"
    assert "record cannot be read" in cutaway("stop", "x2", code=125).stderr
    for words in (("stop", id), ("rm", id), ("logs", id)):
        assert f"cutaway rm --force {id}" in cutaway(*words, code=125).stderr
    assert id in cutaway("stop", id[:3], code=125).stderr
    cutaway("rm", "-f", id[:3])  # who that is cannot be told
    assert home.exists()
    assert cutaway.out("rm", "-f", "-t", "0", id) == id
    assert not home.exists()
    assert not (cutaway.run / "runc" / id).exists()


def test_an_end_is_on_record_whatever_else_fails(
    container: Any, data_root: DataRoot, host_facts: HostFacts, job: Job
) -> None:
    class Failing(Networks):
        def down(self, *about: Any, **more: Any) -> None:
            raise HostError("the network cannot be undone")

    it = container("sh", "-c", "exit 4")
    it.start()
    until(lambda: it.runtime.state(it.record).exit_code is not None)
    with pytest.raises(HostError, match="cannot be undone"):
        Cleaner(data_root, it.containers, it.runtime, Failing(data_root, host_facts)).put_away(it.record, job)
    assert (it.path / "exit").read_text().strip() == "4"
    assert "died" in [each.action for each in it.containers.happenings.read(CancelToken())]


def test_control_groups_deeper_than_recursion_goes() -> None:
    """A container that may make groups nests them as it likes."""
    id = new_id()
    base = Path("/sys/fs/cgroup")
    group = (base if (base / "cgroup.procs").exists() else base / "pids") / f"cutaway-test-{id}"
    group.mkdir()
    here = os.open(group, os.O_RDONLY)
    for _ in range(1_200):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    with subprocess.Popen(["sleep", "300"]) as process:
        procs = os.open("cgroup.procs", os.O_WRONLY, dir_fd=here)
        os.write(procs, str(process.pid).encode())
        os.close(procs)
        os.close(here)
        try:
            assert cgroups.processes(f"/{group.name}", id) == [process.pid]
            cgroups.clear(f"/{group.name}", id)
            assert process.wait(timeout=30) == -signal.SIGKILL
        finally:
            process.kill()
    assert not group.exists()
