"""What is left out of a commit is as in the image, squashed or not; and a slip in its name is told."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Cutaway, passable
from demo_image import put_demo
from layer_kit import snapshot

pytestmark = pytest.mark.root

DEMO = "localhost/cutaway/demo:latest"
MAPS = ["--uidmap=0:100000:65536", "--gidmap=0:200000:65536"]


@pytest.fixture(scope="module")
def cutaway() -> Iterator[Cutaway]:
    with passable() as made:
        put_demo(made.root)
        yield made


@pytest.fixture
def merged(cutaway: Cutaway) -> Iterator[Path]:
    """The root of a container `k`, mounted."""
    yield Path(cutaway.out("mount", "--name", "k", DEMO))
    cutaway("umount", "k")


def files(cutaway: Cutaway, image: str) -> dict[str, tuple[object, ...]]:
    """What shows in an image, times of directories apart: these change with what is in them."""
    found = snapshot(Path(cutaway.out("mount", "--name", "look", image)))
    cutaway("umount", "look")
    return {name: (*entry[:3], *entry[5:]) for name, entry in found.items()}


def test_a_layer_on_top_and_one_for_all_show_the_same(cutaway: Cutaway, merged: Path) -> None:
    (merged / "etc/passwd").write_text("mine")
    (merged / "etc/group").unlink()
    (merged / "etc/new").write_text("new")
    (merged / "srv/greeting").write_text("taken")
    shutil.rmtree(merged / "srv/menu")
    os.chown(merged / "srv/notes", 7, 7)
    (merged / "srv/notes/more").write_text("more")
    shutil.rmtree(merged / "var/log")
    (merged / "var/log").mkdir()
    (merged / "var/log/kept").write_text("kept")
    (merged / "var/log/out").write_text("out")
    left = ["/etc/passwd", "/etc/group", "/etc/new", "/srv/menu", "/srv/notes", "/var/log/out"]
    words = [f"--leave-out={path}" for path in left]
    cutaway("commit", *words, "k", "on-top:1")
    cutaway("commit", *words, "--squash", "k", "one:1")
    squashed, below = files(cutaway, "one:1"), files(cutaway, DEMO)
    assert squashed == files(cutaway, "on-top:1")
    assert {name for name in squashed.keys() | below.keys() if squashed.get(name) != below.get(name)} == {
        "srv/greeting",
        "var/log/kept",
    }


def test_with_a_user_namespace_the_images_files_keep_their_owners(cutaway: Cutaway) -> None:
    line = "echo x >> /etc/passwd; rm -r /srv/notes; echo mine > /srv/mine"
    cutaway("run", "--name=mapped", "--network=none", *MAPS, DEMO, "sh", "-c", line)
    cutaway("commit", "--squash", "--leave-out=/etc/passwd", "--leave-out=/srv/notes", "mapped", "mapped:1")
    made, below = files(cutaway, "mapped:1"), files(cutaway, DEMO)
    for name in ("etc/passwd", "srv/notes", "srv/notes/unchanged"):
        assert made[name] == below[name]
    assert made["srv/mine"][1] == (0, 0)
    cutaway("rm", "mapped")


def test_where_a_mount_stands_the_images_files_stay(cutaway: Cutaway) -> None:
    cutaway("run", "--name=m", "--network=none", "--tmpfs=/srv/menu", DEMO, "true")
    (upper,) = cutaway.root.glob("containers/*/upper")
    (upper / "srv/menu").mkdir(parents=True, exist_ok=True)  # as a change of its mode leaves it
    cutaway("commit", "--squash", "m", "m:1")
    assert "srv/menu/cake" in files(cutaway, "m:1")
    cutaway("rm", "m")


def test_one_path_can_be_written_in_many_ways(cutaway: Cutaway, merged: Path) -> None:
    (merged / "etc/secret").write_text("secret")
    for path in ("/etc//secret", "./etc/secret", "/etc/./secret", "etc/secret/", "/srv/../etc/secret"):
        cutaway("commit", f"--leave-out={path}", "k", "clean:1")
        assert "etc/secret" not in files(cutaway, "clean:1"), path


def test_what_leaves_nothing_out_is_an_error(cutaway: Cutaway, merged: Path) -> None:
    (merged / "etc/secret").write_text("secret")
    (merged / "link").symlink_to("etc")
    subprocess.run(["rm", "-r", merged / "srv/menu", merged / "var/log"], check=True)
    (merged / "var/log").mkdir()
    there = ("/etc/passwd", "/srv/menu/cake", "/var/log/inner")
    for path in ("/etc/secrets", "/link/secret", *there, "/etc/secret/deeper", "/", ""):
        failed = cutaway("commit", f"--leave-out={path}", "k", "none:1", code=2)
        assert "left out" in failed.stderr, path
        assert "localhost/none:1" not in cutaway.out("images")


def test_a_change_of_the_root_directory_itself_is_told_as_it_is_committed(cutaway: Cutaway, merged: Path) -> None:
    assert cutaway.out("diff", "k") == ""
    (merged / "new").write_text("new")
    assert cutaway.out("diff", "k") == "A /new"
    merged.chmod(0o700)
    assert cutaway.out("diff", "k") == "C /\nA /new"
    cutaway("commit", "k", "root:1")
    assert files(cutaway, "root:1")["."][0] == "drwx------"
    cutaway("create", "--name=mapped", "--network=none", *MAPS, DEMO)
    cutaway("start", "--attach", "mapped")
    assert "C /" not in cutaway.out("diff", "mapped").splitlines()
    cutaway("rm", "mapped")
