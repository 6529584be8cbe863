"""Real overlay mounts."""

from __future__ import annotations

import gc
import os
import subprocess
from pathlib import Path

import msgspec
import pytest

from engine.disk import DataRoot
from engine.errors import MountError
from engine.jobs import Job
from engine.rootfs import OverlayPlan, Writable, mount, mounts_below, unmount

pytestmark = pytest.mark.root


@pytest.fixture
def directory(data_root: DataRoot) -> Path:
    """A place whose mounts are looked after."""
    return data_root.tmp


def overlay(base: Path, layers: int) -> OverlayPlan:
    lower = []
    for number in range(layers):
        layer = base / f"layers/{number:064x}/diff"
        layer.mkdir(parents=True)
        (layer / "same").write_text(str(number))
        (layer / f"own-{number}").write_text("")
        lower.append(layer)
    for name in ("upper", "work", "merged"):
        (base / name).mkdir(parents=True)
    return OverlayPlan(tuple(lower), Writable(base / "upper", base / "work"), base / "merged")


@pytest.mark.parametrize("count", [1, 3, 150])
def test_one_to_be_read_alone_is_mounted_without_a_place_to_write_to(directory: Path, job: Job, count: int) -> None:
    made = overlay(directory / "c", count)
    merged = directory / "look/merged"
    merged.mkdir(parents=True)
    lower = made.lower if count > 1 else (merged, *made.lower)
    mount(OverlayPlan(lower, None, merged), job)
    assert {path.name for path in merged.iterdir()} == {"same", *(f"own-{number}" for number in range(count))}
    assert (merged / "same").read_text() == str(count - 1)
    with pytest.raises(OSError, match="Read-only"):
        (merged / "new").touch()
    assert job.steps[-1].detail == f"{len(lower)} lower directories, read-only"
    unmount(merged, job)
    assert not any(merged.iterdir())


def test_upper_layers_hide_lower_ones_and_writes_stay_apart(directory: Path, job: Job) -> None:
    plan = overlay(directory / "c", 3)
    mount(plan, job)
    assert os.path.ismount(plan.merged)
    assert (plan.merged / "same").read_text() == "2"
    (plan.merged / "same").write_text("changed")
    (plan.merged / "own-0").unlink()
    assert (plan.writable.upper / "same").read_text() == "changed"
    assert (plan.lower[2] / "same").read_text() == "2"
    assert (plan.lower[0] / "own-0").exists()
    unmount(plan.merged, job)
    assert not os.path.ismount(plan.merged)
    assert list(plan.merged.iterdir()) == []
    mount(plan, job)
    assert (plan.merged / "same").read_text() == "changed"
    assert not (plan.merged / "own-0").exists()
    unmount(plan.merged, job)


def test_one_that_is_thrown_away_is_not_brought_to_the_disk_and_can_be_mounted_again(directory: Path, job: Job) -> None:
    plan = msgspec.structs.replace(overlay(directory / "c o", 1), volatile=True)
    for content in ("0", "changed"):
        mount(plan, job)
        line = next(line for line in Path("/proc/self/mountinfo").read_text().splitlines() if "c\\040o/merged" in line)
        assert line.endswith("volatile"), line
        assert job.steps[-1].detail.endswith("are not brought to the disk: they go with the container")
        assert (plan.merged / "same").read_text() == content
        (plan.merged / "same").write_text("changed")
        unmount(plan.merged, job)
    again = job.steps[-2].command
    assert again.startswith("rm -r ")
    assert again.endswith(plan.command())
    subprocess.run(["sh", "-c", again], check=True, env={**os.environ, "TMPDIR": str(directory)})
    assert (plan.merged / "same").read_text() == "changed"
    unmount(plan.merged, job)


@pytest.mark.parametrize("layers", [120, 500])
def test_many_layers(directory: Path, job: Job, layers: int) -> None:
    plan = overlay(directory / "c", layers)
    gc.collect()  # what an earlier test forgot must not be closed in between
    here, handles = os.getcwd(), len(os.listdir("/proc/self/fd"))
    mount(plan, job)
    assert (plan.merged / "same").read_text() == str(layers - 1)
    assert len(os.listdir(plan.merged)) == layers + 1
    assert os.getcwd() == here
    assert len(os.listdir("/proc/self/fd")) <= handles  # somebody else's thread may close its own
    unmount(plan.merged, job)


@pytest.mark.parametrize("name", ["a:b", "a,b", "a\\b", "a b\n\tc", "ü'\"$x", "a\rb\x0bc"])
def test_any_path(directory: Path, job: Job, name: str) -> None:
    plan = overlay(directory / name, 2)
    mount(plan, job)
    assert os.path.ismount(plan.merged)
    assert mounts_below(directory / name) == [plan.merged]
    assert (plan.merged / "same").read_text() == "1"
    (plan.merged / "new").write_text("")
    assert (plan.writable.upper / "new").exists()
    unmount(plan.merged, job)
    assert not os.path.ismount(plan.merged)


@pytest.mark.parametrize(("name", "layers"), [("plain", 2), ("a:b, c'\\", 2), ("many", 60)])
def test_the_command_does_the_same(directory: Path, job: Job, name: str, layers: int) -> None:
    plan = overlay(directory / name, layers)
    subprocess.run(["sh", "-c", plan.command()], check=True, env={**os.environ, "TMPDIR": str(directory)})
    assert (plan.merged / "same").read_text() == str(layers - 1)
    unmount(plan.merged, job)


def test_a_relative_data_directory(directory: Path, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(directory)
    plan = overlay(Path("c"), 2)
    mount(plan, job)
    assert (plan.merged / "same").read_text() == "1"
    unmount(plan.merged, job)
    assert mounts_below(directory) == []


def test_an_upper_directory_stays_whole_in_itself(directory: Path, job: Job) -> None:
    """No redirects and no content left in lower layers: what is in `upper` can be committed as it stands."""
    plan = overlay(directory / "c", 1)
    (plan.lower[0] / "d").mkdir()
    (plan.lower[0] / "d/file").write_text("content")
    mount(plan, job)
    os.chmod(plan.merged / "d/file", 0o600)
    subprocess.run(["mv", plan.merged / "d", plan.merged / "e"], check=True)
    unmount(plan.merged, job)
    assert (plan.writable.upper / "e/file").read_text() == "content"
    assert not any("redirect" in name or "metacopy" in name for name in os.listxattr(plan.writable.upper / "e"))


def test_mounted_already(directory: Path, job: Job) -> None:
    plan = overlay(directory / "c", 1)
    mount(plan, job)
    with pytest.raises(MountError, match="already"):
        mount(plan, job)
    unmount(plan.merged, job)
    assert not os.path.ismount(plan.merged)


def test_a_missing_layer_is_named(directory: Path, job: Job) -> None:
    plan = overlay(directory / "c", 2)
    gone = OverlayPlan((*plan.lower, directory / "no-such-layer"), plan.writable, plan.merged)
    with pytest.raises(MountError, match="no-such-layer"):
        mount(gone, job)
    assert not os.path.ismount(plan.merged)
    assert job.steps[-1].failure


def test_overlay_on_overlay_is_explained(directory: Path, job: Job) -> None:
    outer = overlay(directory / "outer", 1)
    mount(outer, job)
    inner = overlay(outer.merged / "inner", 1)
    with pytest.raises(MountError) as caught:
        mount(inner, job)
    assert "--root" in caught.value.hint
    unmount(outer.merged, job)


def test_busy_mounts_are_detached_as_a_last_resort(directory: Path, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.rootfs.mounts._BUSY_PAUSE", 0.005)
    plan = overlay(directory / "c", 1)
    mount(plan, job)
    with (plan.merged / "same").open() as user:
        unmount(plan.merged, job)
        assert not os.path.ismount(plan.merged)
        assert user.read() == "0"
    assert "busy" in job.steps[-1].detail


def test_what_is_mounted_inside_goes_first(directory: Path, job: Job) -> None:
    plan = overlay(directory / "c", 1)
    (plan.lower[0] / "inside").mkdir()
    mount(plan, job)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", plan.merged / "inside"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", plan.merged / "inside"], check=True)
    unmount(plan.merged, job)
    assert mounts_below(directory) == []
    assert job.steps[-1].detail == "unmounted"
    steps = len(job.steps)
    unmount(plan.merged, job)
    assert len(job.steps) == steps, "nothing was done"


def test_without_the_privilege(directory: Path) -> None:
    """In a process that has dropped to another user."""
    plan = overlay(directory / "c", 1)
    os.chmod(directory, 0o755)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setresuid(65534, 65534, 65534)
            mount(plan, Job("test", lambda event: None))
        except MountError as error:
            code = 0 if "root" in error.hint else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert not os.path.ismount(plan.merged)
