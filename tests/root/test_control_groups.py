"""What control groups do for containers, and what is read from them: with version 1 here, with version 2 in a virtual
machine, or the other way about."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from waiting import until, until_ended

from engine import CancelToken, Job, RunOptions, Status, Workbench
from engine.cleanup import Cleaner
from engine.errors import ContainerState, RuntimeFailed
from engine.events import ignore
from engine.host import HostFacts
from engine.network import Networks
from engine.runtime import moving

pytestmark = [pytest.mark.root, pytest.mark.cgroups]


def groups(it: Any) -> list[Path]:
    """The directories of its control groups."""
    name, groups = f"cutaway-test/{it.record.id}", Path("/sys/fs/cgroup")
    return [*groups.glob(name), *groups.glob(f"*/{name}")]


def written(it: Any) -> dict[str, str]:
    """What the kernel has of its limits, by file; of version 1 or 2."""
    names = (
        *("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.soft_limit_in_bytes"),
        *("cpu.cfs_quota_us", "cpu.shares", "memory.max", "memory.swap.max", "memory.low"),
        *("cpu.max", "cpu.weight", "pids.max"),
    )
    found = (group / name for group in groups(it) for name in names)
    return {path.name: path.read_text().strip() for path in found if path.exists()}


def test_limits_numbers_frozen_and_stopped(workbench: Workbench, container: Any) -> None:
    """One life: what is changed is in force, what is used is told, what is frozen does nothing, what does not listen
    to a stop is killed; and no group stays."""

    def limited(config: dict[str, Any]) -> None:
        config["linux"]["resources"].update(memory={"limit": 128 << 20}, pids={"limit": 99})

    def used() -> Any:
        (line,) = next(workbench.stats(token, "w", once=True))
        return line.reading

    job, token = Job("life", ignore), CancelToken()
    # It asks again and again on an overlay, which tells nothing; as a container's first process it hears no TERM.
    it = container("sh", "-c", "echo ready; exec tail -s 0.01 -f /etc/passwd", name="w", config=limited)
    (it.path / "provenance.json").write_text("{}")
    it.start()
    until(lambda: "ready" in (it.path / "output.log").read_text())
    assert workbench.container("w").status is Status.RUNNING
    before = used()
    assert (before.memory_limit, before.pids_limit, before.pids) == (128 << 20, 99, 1)
    assert 0 < before.memory < 50 << 20
    until(lambda: used().cpu_time > before.cpu_time)
    assert [process.pid for process in workbench.top("w")] == [1]

    pristine = written(it)
    workbench.update("w", RunOptions(memory="64m", pids_limit=33), job)
    assert (used().memory_limit, used().pids_limit) == (64 << 20, 33)
    limited_now, config = written(it), (it.path / "config.json").read_text()
    with pytest.raises(RuntimeFailed) as caught:  # of version 1 and 2, the memory is changed before that is refused
        workbench.update("w", RunOptions(memory="32m", pids_limit=7, cpu_quota=1), job)
    assert caught.value.hint == "All limits are as before."
    assert (written(it), (it.path / "config.json").read_text()) == (limited_now, config)
    workbench.update("w", RunOptions(memory_swap="200m"), job)
    workbench.update("w", RunOptions(cpus="0.5", cpu_shares=64, memory_reservation="32m"), job)
    assert set(written(it).items()).isdisjoint(pristine.items())  # each of them is another
    workbench.update("w", RunOptions(memory="0", cpus="0", cpu_shares=0, memory_reservation="0", pids_limit=0), job)
    most = pristine.get("memory.soft_limit_in_bytes", "max")
    without = {"memory.limit_in_bytes": most, "memory.max": most, "pids.max": "max"}
    assert written(it) == {name: without.get(name, text) for name, text in pristine.items()}

    workbench.pause("w", job)
    assert workbench.container("w").status is Status.PAUSED
    with pytest.raises(ContainerState):
        workbench.pause("w", job)
    frozen = used().cpu_time
    assert {used().cpu_time for _ in range(5)} == {frozen}  # while it would have asked again
    workbench.unpause("w", job)
    assert workbench.container("w").status is Status.RUNNING
    until(lambda: used().cpu_time > frozen)

    assert groups(it)
    assert workbench.stop("w", job, timeout=0.2).exit_code == 137
    until(lambda: not groups(it))


def test_without_memory(container: Any) -> None:
    """The kernel ends what wants more memory than it may have, and that is told."""

    def little(config: dict[str, Any]) -> None:
        config["linux"]["resources"]["memory"] = {"limit": 16 << 20, "swap": 16 << 20}

    it = container("sh", "-c", "tail /dev/zero", config=little)
    with it.containers.lock(it.record.id):  # so that what conmon starts at the end finds nothing to do, which is quick
        it.start()
        assert it.runtime.wait(it.record, CancelToken()) == 137
        until(lambda: it.runtime.state(it.record).out_of_memory)
        it.away()


def test_nobody_knows_what_runs_in_it(container: Any, host_facts: HostFacts) -> None:
    """All that runc wrote down is gone. A list of containers kills nothing that lives, nor does who does not force it;
    and frozen too it is found by its group, and ended."""
    it = container("sleep", "300", auto_remove=True)
    it.start()
    pid = it.runtime.state(it.record).pid
    away = it.root.run.with_suffix(".away")
    shutil.move(it.root.run, away)
    try:
        done = Cleaner(it.root, it.containers, it.runtime, Networks(it.root, host_facts)).sweep(it.job)
        assert len(done) == 1
        assert done[0].startswith(f"left alone: the container {it.record.name} has living processes ({pid}")
        os.kill(pid, 0)
        with it.containers.lock(it.record.id), pytest.raises(ContainerState, match="living processes"):
            it.runtime.delete(it.record, False, it.job)
        with pytest.raises(ContainerState, match="living processes"):
            it.runtime.check_known(it.record)
    finally:
        shutil.rmtree(it.root.run, ignore_errors=True)
        shutil.move(away, it.root.run)
    assert it.runtime.state(it.record).status is Status.RUNNING

    it.runtime.pause(it.record, it.job)
    shutil.rmtree(it.root.run)
    with pytest.raises(ContainerState, match=re.escape(f"living processes ({pid}")):
        it.runtime.delete(it.record, False, it.job)
    ended = os.pidfd_open(pid)
    it.runtime.delete(it.record, True, it.job)
    until_ended(ended)
    assert not groups(it)


def test_moves_that_are_got_ready_for_move_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What asks the kernel to be ready is a move of this process to where it is; without control groups there is
    none."""

    def place() -> str:
        return Path("/proc/self/cgroup").read_text()

    def own() -> list[str]:
        return [name for handle in range(256) if (name := read(f"/proc/self/fd/{handle}")).endswith("/cgroup.procs")]

    def read(link: str) -> str:
        try:
            return os.readlink(link)
        except OSError:
            return ""

    def written_by_us() -> int:
        accounting = Path("/proc/self/io").read_text()
        return int(re.findall(r"syscw: (\d+)", accounting)[0])

    before, count = place(), written_by_us()
    with moving.moves_at_once():
        (group,) = own()
        assert f"{os.getpid()}" in Path(group).read_text().split()
        until(lambda: written_by_us() > count + 2)  # it is done more than once
        assert place() == before
    assert place() == before
    assert own() == []
    monkeypatch.setattr(moving, "_BASE", tmp_path)
    with moving.moves_at_once():
        assert own() == []
