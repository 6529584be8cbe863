"""The whole story: pull, change, commit, push to a registry that wants a password; the peers read and run it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest
from command_line import Cutaway
from demo_image import put_demo
from guarded import Guarded
from layer_kit import snapshot

pytestmark = [pytest.mark.interop, pytest.mark.root]

DEMO = "localhost/cutaway/demo:latest"


def change(merged: Path) -> None:
    """Something of everything that a layer knows."""
    (merged / "etc/motd").unlink(missing_ok=True)
    (merged / "etc/issue").write_text("changed by hand\n")
    subprocess.run(["rm", "-rf", merged / "var/log"], check=True)
    (merged / "var/log").mkdir(mode=0o750)
    (merged / "var/log/only").write_text("this")
    (merged / "srv/one").write_bytes(os.urandom(5000))
    os.link(merged / "srv/one", merged / "srv/two")
    (merged / "srv/link").symlink_to("one")
    os.mknod(merged / "srv/null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mkfifo(merged / "srv/fifo")
    os.setxattr(merged / "srv/one", "user.colour", b"red")
    os.chown(merged / "srv/one", 33, 33)
    with (merged / "srv/sparse").open("wb") as sparse:
        sparse.seek(1 << 20)
        sparse.write(b"end")


@pytest.fixture(scope="module")
def cutaway(cutaway: Cutaway) -> Cutaway:
    """With the demo image, which can be put into an empty data directory alone."""
    assert put_demo(cutaway.root) == DEMO
    return cutaway


def test_the_whole_story(cutaway: Cutaway, debian: str, logged_in: Guarded, podman: list[str]) -> None:
    merged = Path(cutaway.out("mount", "--name", "story", debian))
    change(merged)
    cutaway("commit", "--change", 'CMD ["cat", "/etc/issue"]', "--message", "by hand", "story", "story:1")
    name = f"{logged_in.host}/whole/story:1"
    cutaway("push", "story:1", name)
    pulled = subprocess.run([*podman, "pull", f"--cert-dir={logged_in.certificates}", name], capture_output=True)
    assert pulled.returncode == 0, pulled.stderr
    limits = ["--ulimit=nofile=1024:4096", "--ulimit=nproc=1024:4096"]
    done = subprocess.run([*podman, "run", "--rm", "--network=host", *limits, name], capture_output=True, text=True)
    assert done.stdout == "changed by hand\n", done.stderr
    history = json.loads(
        subprocess.run([*podman, "history", "--format=json", name], capture_output=True, check=True).stdout
    )
    assert history[0]["comment"] == "by hand"
    assert cutaway.out("run", "--rm", "--network=host", "story:1") == "changed by hand"
    cutaway("umount", "story")


def test_umoci_and_podman_see_the_same_files(cutaway: Cutaway, debian: str, podman: list[str], tmp_path: Path) -> None:
    merged = Path(cutaway.out("mount", "--name", "same", debian))
    change(merged)
    wanted = snapshot(merged)
    cutaway("commit", "same", "same:1")
    again = Path(cutaway.out("mount", "--name", "again", "same:1"))
    assert snapshot(again) == wanted
    layout = f"{cutaway.root}/images:localhost/same:1"
    subprocess.run(["umoci", "unpack", "--image", layout, tmp_path / "umoci"], check=True, capture_output=True)
    theirs = snapshot(tmp_path / "umoci/rootfs")
    assert theirs.keys() == wanted.keys()
    assert {name for name in wanted if theirs[name] != wanted[name]} == set()
    image = subprocess.run(
        [*podman, "pull", f"oci:{layout}"], capture_output=True, text=True, check=True
    ).stdout.strip()
    mounted = subprocess.run([*podman, "image", "mount", image], capture_output=True, text=True, check=True)
    theirs = snapshot(Path(mounted.stdout.strip()))
    subprocess.run([*podman, "image", "umount", image], check=True, capture_output=True)
    assert theirs.keys() == wanted.keys()
    # Of the image below, podman loses the mode that only a hard link's header has, and the times of directories that
    # have no entry: what was committed is what is compared here.
    top = Path(cutaway.json("layers", "--json", "same:1")[-1]["path"])
    ours = {str(path.relative_to(top)) for path in top.rglob("*")}
    assert len(ours) > 10
    assert {name for name in wanted if theirs[name] != wanted[name]} & ours == set()
    for container in ("again", "same"):
        cutaway("umount", container)


def test_the_same_changes_make_the_same_image(cutaway: Cutaway, debian: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    found = []
    for number in (1, 2):
        merged = Path(cutaway.out("mount", "--name", f"r{number}", debian))
        (merged / "srv/new").write_text("new")
        subprocess.run(["rm", "-rf", merged / "var/log"], check=True)
        found.append(cutaway.out("commit", f"r{number}", f"repeat:{number}"))
        cutaway("umount", f"r{number}")
    assert found[0] == found[1]
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "soon")
    cutaway("mount", "--name", "r3", debian)
    assert "SOURCE_DATE_EPOCH" in cutaway("commit", "r3", "repeat:3", code=2).stderr
    cutaway("umount", "r3")


@pytest.mark.parametrize("options", [["--squash"], ["--compression-format=zstd"], ["--format=docker", "--squash"]])
def test_squashed_zstd_and_dockers_kind(cutaway: Cutaway, options: list[str]) -> None:
    merged = Path(cutaway.out("mount", "--name", "kinds", DEMO))
    change(merged)
    wanted = snapshot(merged)
    cutaway("commit", *options, "kinds", "kinds:1")
    (told,) = cutaway.json("inspect", "kinds:1")
    assert (len(told["manifest"]["layers"]) == 1) == ("--squash" in options)
    assert ("docker" in told["media_type"]) == ("--format=docker" in options)
    assert ("zstd" in told["manifest"]["layers"][-1]["mediaType"]) == ("--compression-format=zstd" in options)
    again = Path(cutaway.out("mount", "--name", "kinds2", "kinds:1"))
    assert snapshot(again) == wanted
    if "--format=docker" not in options:  # skopeo reads no Docker manifest in a layout
        subprocess.run(
            ["skopeo", "inspect", f"oci:{cutaway.root}/images:localhost/kinds:1"], check=True, capture_output=True
        )
    for container in ("kinds", "kinds2"):
        cutaway("umount", container)
    cutaway("rmi", "kinds:1")


def test_a_running_container(cutaway: Cutaway, debian: str) -> None:
    """What runc made for mounts to stand on is not taken; the container goes on after the pause."""
    cutaway("run", "-d", "--name", "busy", "--network=host", debian, "sh", "-c", "echo x > /srv/x; exec sleep 600")
    for _ in range(100):
        if (
            cutaway.out("logs", "busy") == ""
            and (Path(cutaway.json("inspect", "busy")[0]["merged"]) / "srv/x").exists()
        ):
            break
    assert cutaway.out("diff", "busy") == "A /srv/x"
    cutaway("commit", "--pause", "busy", "busy:1")
    (container,) = [entry for entry in cutaway.json("ps", "--json") if entry["name"] == "busy"]
    assert container["status"] == "running"
    cutaway("files", "busy:1")  # expanded when first needed
    layer = cutaway.json("layers", "--json", "busy:1")[-1]
    found = {str(path.relative_to(layer["path"])) for path in Path(layer["path"]).rglob("*") if not path.is_dir()}
    assert found == {"srv/x"}
    assert "sleep 600" in cutaway.json("history", "--json", "busy:1")[0]["created_by"]
    cutaway("rm", "--force", "busy")


def test_wrong_requests_are_said_in_one_line(cutaway: Cutaway, debian: str) -> None:
    cutaway("mount", "--name", "wrong", debian)
    for words, code in (
        (["nobody", "x:1"], 1),
        (["wrong", "UPPER"], 2),
        (["wrong", f"x@sha256:{'0' * 64}"], 2),
        (["--change", "RUN x", "wrong", "x:1"], 2),
        (["--compression-level", "99", "wrong", "x:1"], 2),
        (["--format=docker", "--compression-format=zstd", "wrong", "x:1"], 2),
    ):
        failed = cutaway("commit", *words, code=code)
        assert failed.stderr.startswith("cutaway: ")
        assert len(failed.stderr.splitlines()) == 1
    assert not [image for image in cutaway.json("images", "--json") if "/x:1" in image["reference"]]
    cutaway("umount", "wrong")
