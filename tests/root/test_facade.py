"""The façade on the real thing: what joins the parts, and what it leaves when it is interrupted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from demo_image import put_demo

from engine import (
    Attachment,
    Cancelled,
    ContainersChanged,
    CutawayError,
    Event,
    Job,
    LayerPhase,
    LayerProgress,
    RunOptions,
    RuntimeFailed,
    Status,
    StepKind,
    UsageError,
    Workbench,
)
from engine.disk import DataRoot
from engine.errors import ContainerState, StoreError
from engine.events import ignore
from engine.rootfs import mounts_below, unmount
from engine.runtime import Containers

pytestmark = pytest.mark.root
DEMO = "localhost/cutaway/demo:latest"


class Heard(list[Event]):
    """A sink that remembers."""

    def __call__(self, event: Event) -> None:
        self.append(event)


@pytest.fixture(scope="module")
def demo_layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo image as an OCI layout: the store of another data directory."""
    root = tmp_path_factory.mktemp("demo")
    Workbench(root).demo(Job("demo", ignore))
    return root / "images"


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def workbench(data_root: DataRoot, heard: Heard) -> Iterator[Workbench]:
    bench = Workbench(data_root.path, sink=heard)
    yield bench
    bench.close()


@pytest.fixture
def with_demo(workbench: Workbench) -> Workbench:
    put_demo(workbench.root.path)
    return workbench


def run(workbench: Workbench, options: RunOptions, tmp_path: Path) -> tuple[int | None, str]:
    """A container in the foreground: its exit code and its stdout."""
    draft = workbench.draft(DEMO, options, Job("draft", ignore))
    made = workbench.create(draft, Job("create", ignore))
    with (tmp_path / "out").open("wb") as out:
        code = workbench.run(made.id, Attachment(None, out.fileno(), out.fileno()), Job("run", ignore))
    return code, (tmp_path / "out").read_text()


def test_progress_of_every_layer_ends_with_done(workbench: Workbench, heard: Heard, demo_layout: Path) -> None:
    image = workbench.jobs.run("pull", lambda job: workbench.pull(f"oci:{demo_layout}:{DEMO}", job))
    last = {event.number: event for event in heard if isinstance(event, LayerProgress)}
    assert [last[number].phase for number in sorted(last)] == [LayerPhase.DONE] * image.layers
    assert all(event.done == event.total for event in last.values())


def test_a_second_pull_finds_all_layers_here(with_demo: Workbench, heard: Heard, demo_layout: Path) -> None:
    with_demo.jobs.run("pull", lambda job: with_demo.pull(f"oci:{demo_layout}:{DEMO}", job))
    phases = {event.phase for event in heard if isinstance(event, LayerProgress)}
    assert LayerPhase.PRESENT in phases
    assert LayerPhase.DOWNLOADING not in phases


def test_a_cancelled_pull_shows_no_image_and_can_be_done_again(
    data_root: DataRoot, demo_layout: Path, job: Job
) -> None:
    def cancel_when_it_expands(event: Event) -> None:
        if isinstance(event, LayerProgress) and event.phase is LayerPhase.DOWNLOADING:
            pulling.cancel()

    workbench = Workbench(data_root.path)
    pulling = Job("pull", cancel_when_it_expands)
    with pytest.raises(Cancelled):
        workbench.pull(f"oci:{demo_layout}:{DEMO}", pulling)
    assert workbench.images() == []
    assert not [path for path in data_root.tmp.iterdir() if path.is_dir()]
    assert workbench.pull(f"oci:{demo_layout}:{DEMO}", job).layers == 3


def test_one_bad_layer_stops_the_whole_pull(data_root: DataRoot, demo_layout: Path, tmp_path: Path, job: Job) -> None:
    bad = tmp_path / "bad"
    subprocess.run(["cp", "-a", demo_layout, bad], check=True)
    manifest = json.loads((bad / "index.json").read_text())["manifests"][0]["digest"].partition(":")[2]
    layers = json.loads((bad / "blobs/sha256" / manifest).read_text())["layers"]
    blob = bad / "blobs/sha256" / layers[1]["digest"].partition(":")[2]
    content = blob.read_bytes()
    blob.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    workbench = Workbench(data_root.path)
    with pytest.raises(CutawayError, match="sha256"):
        workbench.pull(f"oci:{bad}:{DEMO}", job)
    assert workbench.images() == []
    assert not [path for path in data_root.tmp.iterdir() if path.is_dir()]


def test_two_processes_pull_the_same_image_at_once(data_root: DataRoot, demo_layout: Path) -> None:
    line = [sys.executable, "-m", "engine.cli", "--root", str(data_root.path), "pull", f"oci:{demo_layout}:{DEMO}"]
    both = [subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert len(Workbench(data_root.path).images()) == 1
    assert len(list(data_root.layers.iterdir())) == 3


def test_an_edit_is_the_users_and_is_what_runs(with_demo: Workbench, tmp_path: Path, job: Job) -> None:
    draft = with_demo.draft(DEMO, RunOptions(args=("echo", "before")), job)
    edited = draft.with_text(draft.text.replace('"before"', '"after"'))
    assert edited.provenance["/process/args/1"].source.value == "user"
    assert edited.provenance["/process/args/1"].detail != draft.provenance["/process/args/1"].detail
    made = with_demo.create(edited, job)
    assert made.command == ("echo", "after")
    with (tmp_path / "out").open("wb") as out:
        with_demo.run(made.id, Attachment(None, out.fileno(), out.fileno()), job)
    assert (tmp_path / "out").read_text() == "after\n"
    text, provenance = with_demo.config(made.id)
    assert text == edited.text
    assert provenance["/process/args/1"].source.value == "user"
    with_demo.remove(made.id, job)


def test_exit_code_and_clean_up_in_the_foreground(with_demo: Workbench, data_root: DataRoot, tmp_path: Path) -> None:
    assert run(with_demo, RunOptions(args=("sh", "-c", "echo hi; exit 7"), auto_remove=True), tmp_path) == (7, "hi\n")
    assert with_demo.containers() == []
    assert mounts_below(data_root.path) == []
    assert list(data_root.containers.iterdir()) == []


def test_an_exited_container_keeps_what_it_wrote_and_starts_again(with_demo: Workbench, tmp_path: Path) -> None:
    job = Job("test", ignore)
    options = RunOptions(args=("sh", "-c", "echo x >>/tmp/count; cat /tmp/count"), name="counts")
    assert run(with_demo, options, tmp_path) == (0, "x\n")
    with (tmp_path / "out").open("wb") as out:
        with_demo.run("counts", Attachment(None, out.fileno(), out.fileno()), job)
    assert (tmp_path / "out").read_text() == "x\nx\n"
    assert with_demo.container("counts").status is Status.EXITED
    with_demo.remove("counts", job)


def test_a_working_container_is_an_upper_directory_of_its_own(with_demo: Workbench, job: Job) -> None:
    one, two = with_demo.mount(DEMO, job), with_demo.mount(DEMO, job)
    assert one.merged != two.merged
    (one.merged / "mine").write_text("only here")
    assert not (two.merged / "mine").exists()
    assert (one.path / "upper/mine").read_text() == "only here"
    with pytest.raises(CutawayError, match="working container"):
        with_demo.start(one.name, job)
    for name in (str(one.merged), two.name):
        with_demo.umount(name, job)
    assert with_demo.containers() == []


def test_a_working_container_is_mounted_again_after_a_reboot(with_demo: Workbench, job: Job) -> None:
    made = with_demo.mount(DEMO, job)
    (made.merged / "mine").write_text("kept")
    unmount(made.merged, job)
    assert not with_demo.container(made.name).mounted
    for _ in range(2):
        assert with_demo.mount(made.name, job).mounted
        assert (made.merged / "mine").read_text() == "kept"
    with_demo.umount(made.name, job)
    stopped = with_demo.create(with_demo.draft(DEMO, RunOptions(), job), job)
    with pytest.raises(CutawayError, match="does not run"):
        with_demo.mount(stopped.name, job)
    with pytest.raises(CutawayError, match="no-such-thing"):
        with_demo.mount("no-such-thing", job)
    with_demo.remove(stopped.name, job)


def test_pausing_waits_for_its_turn(with_demo: Workbench, job: Job) -> None:
    made = with_demo.create(with_demo.draft(DEMO, RunOptions(args=("sleep", "60")), job), job)
    with_demo.start(made.id, job)
    with Containers(with_demo.root).lock(made.id):
        impatient = Job("pause", ignore)
        threading.Timer(0.2, impatient.cancel).start()
        with pytest.raises(Cancelled):
            with_demo.pause(made.id, impatient)
    with_demo.pause(made.id, job)
    assert with_demo.container(made.id).status is Status.PAUSED
    with_demo.unpause(made.id, job)
    assert with_demo.container(made.id).status is Status.RUNNING
    with_demo.remove(made.id, job, force=True)


def test_killed_for_want_of_memory_is_told(with_demo: Workbench, job: Job, tmp_path: Path) -> None:
    options = RunOptions(args=("tail", "/dev/zero"), memory="16m", name="big")
    assert run(with_demo, options, tmp_path)[0] == 137
    assert with_demo.container("big").out_of_memory
    assert with_demo.inspect("big")["out_of_memory"] is True
    with_demo.remove("big", job)


def test_the_journal_begins_with_the_image(with_demo: Workbench, tmp_path: Path, job: Job) -> None:
    run(with_demo, RunOptions(args=("true",), name="traced", env=("SECRET=x",), labels=("a=b",)), tmp_path)
    kinds = [step.kind for step in with_demo.trace("traced")]
    assert {StepKind.LAYER, StepKind.CONFIG} <= set(kinds)
    assert kinds.index(StepKind.LAYER) < kinds.index(StepKind.MOUNT) < kinds.index(StepKind.RUNTIME)
    assert all(step.command for step in with_demo.trace("traced"))
    peers = [step.peer for step in with_demo.trace("traced")]
    assert f"podman create -e SECRET --label a=b --name traced {DEMO} true" in peers
    assert f'buildah mount "$(buildah from {DEMO})"' in peers
    assert any("/conmon --api-version 1 --cid " in peer for peer in peers)
    with_demo.remove("traced", job)


def test_an_image_in_use_stays(with_demo: Workbench, job: Job) -> None:
    made = with_demo.create(with_demo.draft(DEMO, RunOptions(), job), job)
    with pytest.raises(CutawayError, match=made.name):
        with_demo.untag(DEMO, job)
    with_demo.remove(made.id, job)
    assert with_demo.untag(DEMO, job)[0] == f"untagged: {DEMO}"
    assert with_demo.images() == []
    assert not list((with_demo.root.images / "blobs/sha256").iterdir())
    assert not list(with_demo.root.layers.iterdir())


def test_what_a_crash_left_is_cleared_at_the_next_start(with_demo: Workbench, data_root: DataRoot) -> None:
    killed = """
import os, pathlib, sys
from engine import Job, RunOptions, Workbench
import engine.spec
engine.spec.generate = lambda *a, **k: os.kill(os.getpid(), 9)
Workbench(pathlib.Path(sys.argv[1])).draft(sys.argv[2], RunOptions(), Job("draft", lambda event: None))
"""
    subprocess.run([sys.executable, "-c", killed, data_root.path, DEMO], check=False)
    assert mounts_below(data_root.tmp), "the test wants a process killed while the image was mounted"
    assert with_demo.recover()
    assert mounts_below(data_root.tmp) == []
    assert list(data_root.tmp.iterdir()) == []


def test_watch_tells_of_an_end(with_demo: Workbench, heard: Heard, job: Job) -> None:
    told = threading.Event()
    made = with_demo.create(with_demo.draft(DEMO, RunOptions(args=("sleep", "30")), job), job)
    with_demo.start(made.id, job)
    watcher = Workbench(
        with_demo.root.path,
        sink=lambda event: told.set() if isinstance(event, ContainersChanged) and ended() else None,
    )

    def ended() -> bool:
        found = watcher.container(made.id)
        return (found.status, found.exit_code) == (Status.EXITED, 137)

    watcher.watch()
    os.kill(with_demo.container(made.id).pid, 9)
    assert told.wait(10)
    watcher.close()
    with_demo.remove(made.id, job)


def test_a_damaged_blob_is_found_taken_away_and_pulled_anew(with_demo: Workbench, demo_layout: Path, job: Job) -> None:
    assert with_demo.check_store(job) == []
    layer = with_demo.layers(DEMO)[1]
    blob = with_demo.root.images / "blobs/sha256" / layer.digest.partition(":")[2]
    blob.write_bytes(b"not what it was")
    assert [problem for problem in with_demo.check_store(job, repair=True) if layer.digest in problem.message]
    with_demo.pull(f"oci:{demo_layout}:{DEMO}", job)
    assert with_demo.check_store(job) == []


def test_usage_and_prune(with_demo: Workbench, job: Job) -> None:
    (usage,) = with_demo.usage().images
    assert usage.names == (DEMO,)
    assert usage.unique >= with_demo.images()[0].size
    assert with_demo.prune(job).size == 0
    assert with_demo.images()


def test_an_image_that_another_tool_put_into_the_store_runs(
    workbench: Workbench, demo_layout: Path, tmp_path: Path, job: Job
) -> None:
    workbench.recover()
    subprocess.run(["cp", "-a", f"{demo_layout}/.", workbench.root.images], check=True)
    assert workbench.layers(DEMO)[0].files == 0
    assert run(workbench, RunOptions(args=("cat", "/srv/greeting"), auto_remove=True), tmp_path)[0] == 0
    assert workbench.layers(DEMO)[0].files > 0


def test_a_given_config_takes_no_options_that_shape_it(with_demo: Workbench, job: Job) -> None:
    text = with_demo.draft(DEMO, RunOptions(terminal=True), job).text
    with pytest.raises(UsageError, match=r"-e, --memory would have no effect"):
        with_demo.draft(DEMO, RunOptions(env=("A=1",), memory="1g"), job, config=text)
    about = RunOptions(name="n", auto_remove=True, interactive=True, stop_timeout=1, terminal=True)
    assert with_demo.draft(DEMO, about, job, config=text).name == "n"  # -t is what the file says, too
    with pytest.raises(UsageError, match="-t would"):
        with_demo.draft(DEMO, about, job, config=with_demo.draft(DEMO, RunOptions(), job).text)


def test_what_runc_refuses_is_tied_to_its_field(with_demo: Workbench, job: Job) -> None:
    draft = with_demo.draft(DEMO, RunOptions(), job)
    made = with_demo.create(draft.with_text(draft.text.replace('"cwd": "/"', '"cwd": "here"')), job)
    with pytest.raises(RuntimeFailed) as caught:
        with_demo.start(made.id, job)
    assert caught.value.pointer == "/process/cwd"
    assert "/process/cwd" in caught.value.hint


def test_stopped_by_the_signal_that_the_config_names(with_demo: Workbench, job: Job) -> None:
    script = "trap 'exit 9' USR1; trap 'exit 1' TERM; echo; while :; do sleep 0.05; done"
    text = with_demo.draft(DEMO, RunOptions(args=("sh", "-c", script), stop_signal="USR1"), job).text
    made = with_demo.create(with_demo.draft(DEMO, RunOptions(), job, config=text), job)
    with_demo.start(made.id, job)
    next(filter(None, with_demo.logs(made.id, job.token, follow=True)))  # its traps are set
    assert with_demo.stop(made.id, job).exit_code == 9


def test_the_first_thing_on_a_new_data_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, job: Job) -> None:
    monkeypatch.setenv("CUTAWAY_RUN", str(tmp_path / "run"))
    for act in (
        lambda bench: bench.draft("nowhere", RunOptions(), job),
        lambda bench: bench.mount("nowhere", job),
        lambda bench: bench.inspect("nowhere"),
        lambda bench: bench.untag("nowhere", job),
    ):
        with pytest.raises(CutawayError, match=r"no (image|container and no image) 'nowhere'"):
            act(Workbench(tmp_path / "new"))


def test_another_users_data_directory(with_demo: Workbench, job: Job) -> None:
    with_demo.images()
    os.seteuid(65534)
    try:
        for act in (
            lambda bench: bench.images(),
            lambda bench: bench.draft(DEMO, RunOptions(), job),
            lambda bench: bench.usage(),
            lambda bench: bench.trace(DEMO),
            lambda bench: bench.untag(DEMO, job),
        ):
            with pytest.raises(StoreError, match="Permission denied") as caught:
                act(Workbench(with_demo.root.path))
            assert "as root" in caught.value.hint
    finally:
        os.seteuid(0)


def test_drafts_at_once_get_names_of_their_own(with_demo: Workbench, job: Job) -> None:
    """A made-up name is a forecast, and whoever comes second gets the next one, in its hosts file too."""
    drafts = [with_demo.draft(DEMO, RunOptions(network="none"), job) for _ in range(3)]
    assert {draft.name for draft in drafts} == {"demo-1"}
    made = [with_demo.create(draft, job) for draft in drafts]
    assert [each.name for each in made] == ["demo-1", "demo-2", "demo-3"]
    for each in made:
        own = (each.path / "files/hosts").read_text().splitlines()[-1]
        assert own == f"127.0.0.1\t{each.id} {each.name}"
    late = [with_demo.draft(DEMO, RunOptions(network="host"), job) for _ in range(2)]  # its name may stand alone there
    last = [with_demo.create(draft, job) for draft in late][-1]
    assert (last.path / "files/hosts").read_text().split()[-1] == last.name == "demo-5"
    chosen = [with_demo.draft(DEMO, RunOptions(name="one"), job) for _ in range(2)]
    with_demo.create(chosen[0], job)
    with pytest.raises(ContainerState, match="there is a container 'one'"):
        with_demo.create(chosen[1], job)
