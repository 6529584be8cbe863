"""Containers with a user namespace: their root is nobody in particular on the host."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Cutaway, passable
from demo_image import put_demo

from engine import Attachment, RunOptions, Workbench
from engine.errors import ContainerState, HostError, MountError
from engine.events import ignore
from engine.jobs import Job
from engine.rootfs import IdMapping, OverlayPlan, Writable, mount
from engine.spec import subids

pytestmark = pytest.mark.root
MAPS = ["--uidmap=0:100000:65536", "--gidmap=0:200000:65536"]


@pytest.fixture
def cutaway() -> Iterator[Cutaway]:
    with passable() as made:
        yield made


def test_its_root_is_another_user_of_the_host(cutaway: Cutaway, rootfs_dir: Path) -> None:
    line = "id -u; cat /proc/self/uid_map; echo mine > /made; ls -ln /made /etc/passwd; cat /etc/hostname"
    words = ["--name=mapped", "--hostname=inside", "--network=none", *MAPS, "--rootfs", str(rootfs_dir)]
    said = cutaway.out("run", *words, "sh", "-c", line).splitlines()
    assert said[0] == "0"
    assert said[1].split() == ["0", "100000", "65536"]
    assert [entry.split()[2:4] for entry in said[2:4]] == [["0", "0"], ["0", "0"]]
    assert said[4] == "inside"
    (made,) = cutaway.root.glob("containers/*/upper/made")
    assert (made.stat().st_uid, made.stat().st_gid) == (100000, 200000)
    assert made.parents[1].stat().st_mode & 0o7777 == 0o710
    assert not (made.parents[1] / "mapped").exists()
    assert (rootfs_dir / "etc/passwd").stat().st_uid == 0
    again = cutaway.out("start", "--attach", "mapped").splitlines()
    assert again[0] == "0"
    cutaway("rm", "mapped")


def test_what_runs_beside_it_and_what_cannot_be(cutaway: Cutaway, rootfs_dir: Path) -> None:
    base = ["--rootfs", str(rootfs_dir)]
    cutaway("run", "-d", "-t", "--name=busy", "--network=host", *MAPS, *base, "sh", "-c", "sleep 60")
    assert cutaway.out("exec", "busy", "sh", "-c", "id -u; cat /proc/self/gid_map").split() == [
        "0",
        "0",
        "200000",
        "65536",
    ]
    cutaway("rm", "--force", "busy")
    for words, told in (
        (["--userns=private"], "--uidmap 0:100000:65536"),
        (["--userns=host", *MAPS], "cannot stand"),
        (["--uidmap=0:1:0"], "CONTAINER:HOST:SIZE"),
        (["--uidmap=0:4294967290:10"], "CONTAINER:HOST:SIZE"),
    ):
        assert told in cutaway("run", *words, *base, "true", code=2).stderr
    failed = cutaway("run", "--uidmap=0:1:10", "--uidmap=5:100:10", *base, "true", code=125)
    assert "mapping" in failed.stderr
    assert cutaway.json("ps", "-a", "--json")[0]["status"] == "created"
    cutaway("rm", cutaway.json("ps", "-a", "--json")[0]["id"])


def test_committed_its_files_have_its_own_numbers(cutaway: Cutaway) -> None:
    image = put_demo(cutaway.root)
    line = "echo mine > /srv/mine; chown 5:6 /srv/mine; rm /srv/greeting"
    cutaway("run", "--name=mapped", "--network=none", *MAPS, image, "sh", "-c", line)
    for options in ([], ["--squash"]):
        cutaway("commit", *options, "mapped", "mapped:1")
        listed = {entry["path"]: entry for entry in cutaway.json("files", "--json", "-r", "mapped:1", "/srv")}
        assert (listed["srv/mine"]["uid"], listed["srv/mine"]["gid"]) == (5, 6)
        assert "srv/greeting" not in listed
        everything = cutaway.json("files", "--json", "-r", "mapped:1", "/")
        below = cutaway.json("files", "--json", "-r", image, "/")
        owners = {(entry["uid"], entry["gid"]) for entry in below}
        assert {(entry["uid"], entry["gid"]) for entry in everything} == owners | {(5, 6)}
        cutaway("rmi", "mapped:1")
    cutaway("rm", "mapped")


def test_an_init_of_ones_own_is_process_1(cutaway: Cutaway, rootfs_dir: Path, tmp_path: Path) -> None:
    init = tmp_path / "init"
    init.write_text('#!/bin/sh\necho "init $$ $1"; shift; "$@"\n')
    init.chmod(0o755)
    words = ["--rm", "--init", f"--init-path={init}", "--network=none", "--rootfs", str(rootfs_dir)]
    assert cutaway.out("run", *words, "sh", "-c", "test $$ -gt 1 && echo another") == "init 1 --\nanother"
    assert (
        "no such program"
        in cutaway("run", "--init", "--init-path=/nowhere", "--rootfs", str(rootfs_dir), "true", code=2).stderr
    )


def test_what_the_kernel_does_not_take_leaves_nothing(tmp_path: Path) -> None:
    for name in ("lower", "upper", "work", "merged"):
        (tmp_path / name).mkdir()
    twice = ((0, 1000, 10), (5, 2000, 10))
    writable = Writable(tmp_path / "upper", tmp_path / "work")
    plan = OverlayPlan((tmp_path / "lower",), writable, tmp_path / "merged", IdMapping(twice, twice))
    with pytest.raises(MountError, match="mapping"):
        mount(plan, Job("mount", ignore))
    assert not (tmp_path / "mapped").exists()


def test_numbers_that_nobody_else_has(rootfs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--userns auto: on a host that gives some to containers."""
    home = Path(tempfile.mkdtemp(prefix="cutaway-", dir="/tmp"))
    home.chmod(0o711)
    monkeypatch.setenv("CUTAWAY_RUN", str(home / "run"))
    (home / "sub").write_text("containers:700000:4000\n")
    monkeypatch.setattr(subids, "FILES", (home / "sub", home / "sub"))
    workbench, job = Workbench(home / "data"), Job("test", ignore)
    try:
        maps = []
        for number in range(3):
            options = RunOptions(userns="auto", network="none", name=f"c{number}", args=("cat", "/proc/self/uid_map"))
            draft = workbench.draft(f"rootfs:{rootfs_dir}", options, job)
            with (home / "out").open("w+") as out:
                assert workbench.launch(draft, job, to=Attachment(None, out.fileno(), out.fileno())) == 0
                out.seek(0)
                maps.append([int(word) for word in out.read().split()])
        assert maps == [[0, 702976, 1024], [0, 701952, 1024], [0, 700928, 1024]]
        with pytest.raises(HostError, match="are free together"):
            workbench.draft(f"rootfs:{rootfs_dir}", RunOptions(userns="auto"), job)
        workbench.remove("c1", job)
        two = [workbench.draft(f"rootfs:{rootfs_dir}", RunOptions(userns="auto", args=("true",)), job) for _ in "ab"]
        workbench.create(two[0], job)
        with pytest.raises(ContainerState, match="just been taken"):
            workbench.create(two[1], job)
    finally:
        for each in workbench.containers():
            workbench.remove(each.id, job, force=True)
        workbench.close()
        shutil.rmtree(home)
