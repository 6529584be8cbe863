"""Named volumes: made with their container, filled from the image, outliving it, taken away when nobody binds them."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from command_line import Cutaway

from engine import Attachment, ContainerState, ContainerUnknown, Job, RunOptions, UsageError, Workbench
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


def test_one_that_is_not_there_keeps_no_other(cutaway: Cutaway, image: str) -> None:
    cutaway(
        "create",
        "--rm",
        "--name=user",
        "--network=none",
        "-v=data:/srv",
        "-v=other:/new",
        "--rootfs",
        image.removeprefix("rootfs:"),
        "true",
    )
    said = cutaway("volume", "rm", "nope", "data", code=2)
    assert (said.stdout, "nope" in said.stderr, "is bound by" in said.stderr) == ("", True, True)
    cutaway("rm", "user")
    assert cutaway("volume", "rm", "nope", "data", code=2).stdout == "data\n"
    assert [volume["name"] for volume in cutaway.json("volume", "ls", "--json")] == ["other"]


def test_no_link_leads_out_of_the_root(workbench: Workbench, image: str, tmp_path: Path) -> None:
    run(workbench, image, tmp_path, "true", "etc:/out")
    (found,) = workbench.volumes()
    theirs = set(os.listdir(Path(image.removeprefix("rootfs:")) / "etc"))
    assert (
        theirs <= set(os.listdir(found.path)) <= theirs | {"hosts", "hostname", "resolv.conf"}
    )  # runc's places to mount


def test_those_of_another_container(workbench: Workbench, image: str, tmp_path: Path) -> None:
    """As podman takes them: binds and named volumes, no memory, nothing of the engine's own; the own ones are over."""
    (tmp_path / "host").mkdir()
    (tmp_path / "host/file").write_text("of the host\n")
    shape = {"volumes": ("data:/srv", f"{tmp_path}/host:/host:ro"), "tmpfs": ("/memory",), "init": True}
    shape |= {"init_path": f"{image.removeprefix('rootfs:')}/bin/true", "ipc": "host", "network": "none"}
    made = workbench.create(workbench.draft(image, RunOptions(name="first", args=("true",), **shape), JOB), JOB)

    def taken(*words: str, **more: object) -> dict[str, list[str]]:
        options = RunOptions(args=("true",), volumes_from=words, network="none", **more)
        draft = workbench.draft(image, options, JOB)
        found = {each["destination"]: each for each in json.loads(draft.text)["mounts"] if each["type"] == "bind"}
        own = {place for place in found if place.startswith(("/etc/", "/run/"))}
        return {place: [each["source"], *each["options"]] for place, each in found.items() if place not in own}

    plain = taken("first")
    assert set(plain) == {"/srv", "/host"}
    assert plain["/srv"][0] == str(workbench.root.path / "volumes/data/_data")
    assert ("rw" in plain["/srv"], "ro" in plain["/host"], "rw" in plain["/host"]) == (True, True, False)
    assert all("ro" in each and "rw" not in each for each in taken("first:ro").values())
    assert all("rw" in each and "ro" not in each for each in taken("first:rw,z").values())
    mixed = taken("first:ro", volumes=("other:/srv",))
    assert ("other" in mixed["/srv"][0], "rw" in mixed["/srv"]) == (True, True)
    options = RunOptions(name="second", args=("true",), volumes_from=(made.id[:6],), network="none")
    second = workbench.create(workbench.draft(image, options, JOB), JOB)
    assert taken("second") == plain, "those that it has of another, too"
    assert {volume.name: set(volume.containers) for volume in workbench.volumes()}["data"] == {made.id, second.id}
    for wrong in ("nobody", "first:exec", "first:ro,rw", ":ro"):
        with pytest.raises((UsageError, ContainerUnknown)):
            taken(wrong)
    working = workbench.mount(image, JOB, name="working")
    with pytest.raises(ContainerState):
        taken(working.name)
    workbench.remove(working.id, JOB)
