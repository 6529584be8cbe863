"""Named volumes: made with their container, filled from the image, outliving it, taken away when nobody binds them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from engine import Attachment, Job, RunOptions, UsageError, Workbench
from engine.events import ignore

pytestmark = pytest.mark.root
JOB = Job("test", ignore)


@pytest.fixture
def image(tmp_path: Path, rootfs_dir: Path) -> str:
    """Beside the tools: a directory with content, and links that would lead out of the root."""
    root = tmp_path / "image"
    shutil.copytree(rootfs_dir, root, symlinks=True)
    (root / "srv/deep").mkdir(parents=True)
    (root / "srv/deep/file").write_text("from the image\n")
    os.chown(root / "srv/deep/file", 1000, 1000)
    (root / "srv").chmod(0o750)
    (root / "out").symlink_to("/etc")
    return f"rootfs:{root}"


def run(workbench: Workbench, image: str, tmp_path: Path, line: str, *volumes: str, name: str = "") -> str:
    options = RunOptions(args=("sh", "-c", line), volumes=volumes, auto_remove=not name, name=name or None)
    made = workbench.create(workbench.draft(image, options, JOB), JOB)
    with (tmp_path / "out").open("wb") as out:
        workbench.run(made.id, Attachment(None, out.fileno(), out.fileno()), JOB)
    return (tmp_path / "out").read_text()


def test_filled_once_and_outliving(workbench: Workbench, image: str, tmp_path: Path) -> None:
    assert (
        run(workbench, image, tmp_path, "cat /srv/deep/file; echo new > /srv/mine", "data:/srv") == "from the image\n"
    )
    (found,) = workbench.volumes()
    assert (found.name, found.containers) == ("data", ())
    assert (found.path.stat().st_mode & 0o7777, (found.path / "deep/file").stat().st_uid) == (0o750, 1000)
    (found.path / "deep/file").write_text("changed\n")
    said = run(workbench, image, tmp_path, "cat /srv/deep/file /srv/mine; ls /new", "data:/srv", "other:/new")
    assert said == "changed\nnew\n"
    assert [volume.name for volume in workbench.volumes()] == ["data", "other"]
    assert "mine" not in os.listdir(Path(image.removeprefix("rootfs:")) / "srv")


def test_one_that_is_bound_stays(workbench: Workbench, image: str, tmp_path: Path) -> None:
    run(workbench, image, tmp_path, "true", "data:/srv:ro", name="user")
    with pytest.raises(UsageError, match="is bound by"):
        workbench.remove_volume("data")
    workbench.remove("user", JOB)
    path = workbench.volumes()[0].path
    workbench.remove_volume("data")
    assert not path.parent.exists()
    for name in ("data", "../containers", "", "a/b"):
        with pytest.raises(UsageError):
            workbench.remove_volume(name)


def test_no_link_leads_out_of_the_root(workbench: Workbench, image: str, tmp_path: Path) -> None:
    run(workbench, image, tmp_path, "true", "etc:/out")
    (found,) = workbench.volumes()
    theirs = set(os.listdir(Path(image.removeprefix("rootfs:")) / "etc"))
    assert (
        theirs <= set(os.listdir(found.path)) <= theirs | {"hosts", "hostname", "resolv.conf"}
    )  # runc's places to mount
