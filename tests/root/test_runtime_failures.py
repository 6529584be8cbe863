"""What goes wrong on the way to a running container: runc, its hooks, two who want the same, the clock, odd names."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from command_line import Cutaway
from waiting import until

from engine import Job, RunOptions, Workbench, rootfs
from engine.disk import DataRoot
from engine.errors import ContainerUnknown, CutawayError, RuntimeFailed, ToolMissing, UsageError
from engine.events import Event, Problem, Status, ignore
from engine.host import HostFacts, Tool
from engine.jobs import CancelToken
from engine.runtime import ContainerStats, Runtime, compared, read_usage
from engine.runtime.monitor import monitors, stop_creation

pytestmark = pytest.mark.root

FAILING_RUNC = """#!/bin/sh
for word; do
    if [ "$word" = {verb} ]; then echo 'the {verb} of this runc is broken' >&2; exit 1; fi
done
exec {runc} "$@"
"""


@pytest.fixture
def with_runc(host_facts: HostFacts, tmp_path: Path) -> Callable[[Any, str | None], None]:
    """Gives a container another runc: one whose subcommand `verb` fails, or (None) none at all."""

    def give(it: Any, verb: str | None) -> None:
        facts, tool = msgspec.structs.replace(host_facts), None
        if verb is not None:
            script = tmp_path / "runc"
            script.write_text(FAILING_RUNC.format(runc=shutil.which("runc"), verb=verb))
            script.chmod(0o755)
            tool = Tool("runc", script)
        vars(facts)["runc"] = tool
        it.runtime = Runtime(it.root, facts)

    return give


def nothing_is_left(it: Any) -> bool:
    it.away()
    return not (
        it.runtime.has_leftovers(it.record)
        or rootfs.mounts_below(it.path)
        or list(Path("/sys/fs/cgroup").glob(f"*/cutaway-test/{it.record.id}"))
        or it.runtime.state(it.record).pid
    )


def test_there_is_no_runc(container: Any, with_runc: Any, host_facts: HostFacts) -> None:
    it = container("true")
    with_runc(it, None)
    with pytest.raises(ToolMissing) as caught:
        it.create()
    assert "runc" in caught.value.message
    assert "apt install runc" in caught.value.hint
    assert it.runtime.state(it.record).status is Status.CREATED
    it.runtime = Runtime(it.root, host_facts)
    assert nothing_is_left(it)


def test_conmon_fails_without_a_word(container: Any, host_facts: HostFacts, tmp_path: Path) -> None:
    script = tmp_path / "conmon"
    script.write_text("#!/bin/sh\nexit 3\n")
    script.chmod(0o755)
    facts = msgspec.structs.replace(host_facts)
    vars(facts)["conmon"] = Tool("conmon", script)
    it = container("sleep", "60")
    it.runtime = Runtime(it.root, facts)
    with pytest.raises(RuntimeFailed, match="conmon ended with 3 and said nothing"):
        it.create()
    assert nothing_is_left(it)


@pytest.mark.parametrize("verb", ["create", "start"])
def test_runc_fails(container: Any, with_runc: Any, verb: str) -> None:
    it = container("sleep", "60")
    with_runc(it, verb)
    with pytest.raises(RuntimeFailed, match=f"the {verb} of this runc is broken"):
        it.start()
    assert it.runtime.state(it.record).status is Status.CREATED
    assert it.runtime.state(it.record).started is None
    assert nothing_is_left(it)


@pytest.mark.parametrize("stage", ["prestart", "createRuntime", "createContainer", "poststart"])
def test_a_hook_fails(container: Any, stage: str) -> None:
    def hooked(config: dict[str, Any]) -> None:
        config["hooks"] = {stage: [{"path": shutil.which("false"), "args": ["false"]}]}

    it = container("sleep", "60", config=hooked)
    with pytest.raises(RuntimeFailed, match="hook"):
        it.start()
    assert nothing_is_left(it)


def test_a_hook_after_the_end_fails(workbench: Workbench, container: Any) -> None:
    """Its container has ended as it did; that the hook failed is told, and stands in the trace."""

    def hooked(config: dict[str, Any]) -> None:
        config["hooks"] = {"poststop": [{"path": shutil.which("false"), "args": ["false"]}]}

    it = container("true", name="w", config=hooked)
    workbench.start("w", Job("start", ignore))
    assert workbench.wait("w", CancelToken()) == 0
    until(lambda: not it.runtime.has_leftovers(it.record))
    until(lambda: any("error running hook" in step.detail for step in workbench.trace("w")))
    # and where somebody waits for it
    told: list[Event] = []
    job = Job("delete", told.append)
    it.create()
    it.runtime.delete(it.record, True, job)
    (problem,) = (event for event in told if isinstance(event, Problem))
    assert "error running hook" in problem.message
    assert nothing_is_left(it)


def test_a_hook_inside_fails(container: Any) -> None:
    """By then runc has let go: it is the process that ends, and what it said is in the container's own log."""

    def hooked(config: dict[str, Any]) -> None:
        config["hooks"] = {"startContainer": [{"path": "/bin/false", "args": ["false"]}]}

    it = container("sleep", "60", config=hooked)
    with suppress(RuntimeFailed):  # unless it was faster than runc
        it.start()
    with suppress(RuntimeFailed):
        assert it.runtime.wait(it.record, CancelToken()) != 0
    assert it.runtime.state(it.record).pid == 0
    assert nothing_is_left(it)


def test_two_who_want_one_name(tmp_path: Path, data_root: DataRoot) -> None:
    """One gets it, the other is told so and leaves nothing."""
    cutaway = Cutaway(data_root.path, Path(os.environ["CUTAWAY_RUN"]))
    base = tmp_path / "base"
    (base / "bin").mkdir(parents=True)
    shutil.copy(shutil.which("busybox") or "busybox", base / "bin/sleep")
    words = ("run", "-d", "--name=wanted", "--network=host", "--rootfs", str(base), "/bin/sleep", "300")
    starters = [cutaway.start(*words) for _ in range(4)]
    said = [starter.communicate(timeout=120)[1] for starter in starters]
    codes = [starter.returncode for starter in starters]
    assert sorted(codes) == [0, 125, 125, 125], said
    assert all("wanted" in text for code, text in zip(codes, said, strict=True) if code)
    assert [c["status"] for c in cutaway.json("ps", "-a", "--json")] == ["running"]
    assert len(list(data_root.containers.iterdir())) == 1
    assert list(data_root.tmp.iterdir()) == []
    cutaway("rm", "-f", "wanted")


def test_two_who_start_one_container(tmp_path: Path, data_root: DataRoot) -> None:
    cutaway = Cutaway(data_root.path, Path(os.environ["CUTAWAY_RUN"]))
    base = tmp_path / "base"
    (base / "bin").mkdir(parents=True)
    shutil.copy(shutil.which("busybox") or "busybox", base / "bin/sleep")
    cutaway("create", "--name=one", "--network=host", "--rootfs", str(base), "/bin/sleep", "300")
    starters = [cutaway.start("start", "one") for _ in range(4)]
    said = [starter.communicate(timeout=120)[1] for starter in starters]
    assert 0 in [starter.returncode for starter in starters], said
    assert all(starter.returncode in (0, 125) for starter in starters), said
    assert all("runs already" in text for starter, text in zip(starters, said, strict=True) if starter.returncode)
    assert len(list((data_root.run / "runc").iterdir())) == 1
    pid = cutaway.json("ps", "--json")[0]["pid"]
    assert Path(f"/proc/{pid}/root/bin/sleep").exists()
    cutaway("rm", "-f", "one")


@pytest.mark.parametrize("jump", [-40 * 365 * 24 * 3600, -3600, 3600, 10 * 365 * 24 * 3600])
def test_the_clock_jumps(container: Any, jump: int) -> None:
    """What is waited for is measured by a clock that does not; times on disk may be of any moment."""
    it = container("sh", "-c", "echo before; read line; exit 4", interactive=True)
    it.start()
    until(lambda: "before" in (it.path / "output.log").read_text())  # no longer runc, which heeds TERM
    for path in (it.path / "started", it.path / "output.log", it.path / "container.json"):
        os.utime(path, (time.time() + jump, time.time() + jump))
    state = it.runtime.state(it.record)
    assert (state.status, state.pid > 0) == (Status.RUNNING, True)
    usage = read_usage(it.runtime.files(it.record), state)
    assert usage is not None
    line = compared(it.record.id, it.record.name, state.started, usage, None)
    assert isinstance(line, ContainerStats)
    assert line.cpu_percent >= 0
    began = time.monotonic()
    it.runtime.stop(it.record, 0.2, it.job)
    assert time.monotonic() - began < 30
    os.utime(it.root.run / "exits" / it.record.id, (time.time() + jump, time.time() + jump))
    it.away()
    ended = it.runtime.state(it.record)
    assert (ended.status, ended.exit_code) == (Status.EXITED, 137), "kept, whenever it says that it was"
    with it.containers.lock(it.record.id):  # conmon's clean-up of the first run may come late
        it.start()
    it.runtime.stop(it.record, 0, it.job)
    assert it.runtime.wait(it.record, CancelToken()) == 137


ODD_NAMES = ("../../etc", "/", "a/b", "a\x1b[31mb", "a b", ".", "-x", "é", "a" * 129, "", "a\n", "a\0b")


def test_odd_names(data_root: DataRoot) -> None:
    """Refused when they are given, unknown when they are asked for; never a path."""
    bench = Workbench(data_root.path)
    job = Job("test", ignore)
    for name in ODD_NAMES:
        with pytest.raises(UsageError) if name else nullcontext():  # an empty one is made up
            bench.draft("rootfs:/", RunOptions(name=name, args=("true",)), job)
        for act in (bench.container, bench.top, lambda name: bench.remove(name, job, force=True)):
            with pytest.raises(ContainerUnknown):
                act(name)
    assert list(data_root.containers.iterdir()) == []
    bench.close()


@pytest.mark.parametrize("name", ["../../etc", "a\x1b[31mb"])
def test_odd_names_on_the_command_line(data_root: DataRoot, name: str) -> None:
    cutaway = Cutaway(data_root.path, Path(os.environ["CUTAWAY_RUN"]))
    for words, code in ((("create", f"--name={name}", "--rootfs", "/", "true"), 2), (("logs", "--", name), 125)):
        done = cutaway(*words, code=code)
        assert "\x1b" not in done.stdout + done.stderr
        assert "defect" not in done.stderr
    assert list(data_root.containers.iterdir()) == []


def test_the_engine_takes_no_odd_id(data_root: DataRoot, container: Any) -> None:
    it = container("true")
    for odd in ("../x", "", "0123456789AB", "0123456789abc", "0123456789a\n"):
        with pytest.raises(CutawayError):
            it.containers.path(odd)


def test_a_container_that_calls_itself_conmon_is_not_taken_for_it(container: Any) -> None:
    """Its clean-up, a start and `wait` look for conmon and runc by what they call themselves, and end those."""
    it = container("sh", "-c", "ln -s /bin/sh /tmp/conmon; exec /tmp/conmon -c 'sleep 600; :' $0 $1", "ID", "BUNDLE")
    path = it.path / "config.json"
    path.write_text(path.read_text().replace('"ID"', f'"{it.record.id}"').replace('"BUNDLE"', f'"{it.path}"'))
    it.start()
    pid = it.runtime.state(it.record).pid
    until(lambda: Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"/tmp/conmon\0"))
    files = it.runtime.files(it.record)
    assert monitors(files) == [int(files.conmon_pid.read_text())]
    files.container_pid.unlink()  # as where it is still being created
    stop_creation(files)
    assert not monitors(files)
    assert it.runtime.state(it.record).pid == pid
