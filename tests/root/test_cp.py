"""cp, both ways: what cp(1) would do, and nothing outside of a container that wants it so."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from command_line import Cutaway, passable
from layer_kit import one_of_everything, snapshot
from pseudo_terminal import PseudoTerminal

from engine.errors import Cancelled, CutawayError, UsageError
from engine.jobs import CancelToken
from engine.layers.grafting import Graft

pytestmark = pytest.mark.root

MAPS = ["--uidmap=0:100000:65536", "--gidmap=0:200000:65536"]


@pytest.fixture(scope="module")
def cutaway() -> Iterator[Cutaway]:
    with passable() as made:
        yield made


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Path]:
    """What must stay as it is."""
    path = tmp_path / "victim"
    path.mkdir()
    (path / "hello").write_text("untouched")
    yield path
    assert [each.name for each in path.iterdir()] == ["hello"]
    assert (path / "hello").read_text() == "untouched"


# -- the rules, between two directories -------------------------------------------------------------------


class Trees:
    """A source and a target directory, each a root of its own."""

    def __init__(self, folder: Path) -> None:
        self.source, self.target = folder / "source", folder / "target"
        self.source.mkdir()
        self.target.mkdir()

    def copy(self, source: str, target: str, *, token: CancelToken | None = None, **more: Any) -> int:
        roots = [os.open(path, os.O_PATH | os.O_DIRECTORY) for path in (self.source, self.target)]
        try:
            graft = Graft(lambda uid, gid: (uid, gid), token or CancelToken(), **more)
            return graft.copy(roots[0], source.encode(), roots[1], target.encode())
        finally:
            for root in roots:
                os.close(root)


@pytest.fixture
def trees(tmp_path: Path) -> Trees:
    return Trees(tmp_path)


def test_everything_stays_as_it_is(trees: Trees) -> None:
    one_of_everything(trees.source / "d")
    assert trees.copy("/d", "/copy") == 9
    assert snapshot(trees.target / "copy") == snapshot(trees.source / "d")
    assert (trees.target / "copy/sparse").stat().st_blocks * 512 < 1_000_000


def test_names_of_one_file_stay_names_of_one_file(trees: Trees) -> None:
    deep = trees.source / "d/one/two"
    deep.mkdir(parents=True)
    (deep / "first").write_bytes(b"x" * 100_000)
    for name in ("d/second", "d/one/third", "outside"):
        os.link(deep / "first", trees.source / name)
    os.symlink("second", trees.source / "d/link")
    os.link(trees.source / "d/link", trees.source / "d/one/link", follow_symlinks=False)
    for _ in range(2):  # the second time over what is there
        assert trees.copy("/d/.", "/copy") == 8
        copies = [trees.target / "copy" / name for name in ("second", "one/third", "one/two/first")]
        assert {(path.stat().st_ino, path.stat().st_nlink) for path in copies} == {(copies[0].stat().st_ino, 3)}
        assert copies[0].read_bytes() == b"x" * 100_000
        links = [(trees.target / "copy" / name).lstat() for name in ("link", "one/link")]
        assert (links[0].st_ino, os.readlink(trees.target / "copy/one/link")) == (links[1].st_ino, "second")
        assert not list(trees.target.rglob(".cutaway-*"))
    assert trees.copy("/d/second", "/alone") == 1
    assert (trees.target / "alone").stat().st_nlink == 1


@pytest.mark.parametrize(
    ("source", "target", "made"),
    [
        ("/f", "/new", "new"),
        ("/f", "/there", "there/f"),
        ("/f", "/there/", "there/f"),
        ("/f", "/", "f"),
        ("/f", "/there/file", "there/file"),
        ("/f", "/to-there", "there/f"),
        ("/f", "/to-file", "there/file"),
        ("/d", "/new", "new/in"),
        ("/d/", "/new", "new/in"),
        ("/d/.", "/new", "new/in"),
        ("/d", "/new/", "new/in"),
        ("/d", "/there", "there/d/in"),
        ("/d/.", "/there", "there/in"),
        ("/d/.", "/", "in"),
        ("/d/sub/..", "/new", "new/in"),
        ("/d/sub/..", "/there", "there/in"),
        ("/d/sub/../", "/there", "there/in"),
        ("/", "/there", "there/d/in"),
        ("/..", "/there", "there/d/in"),
        ("/to-d", "/new", "new"),
        ("/to-d/", "/new", "new/in"),
        ("/to-d/in", "/new", "new"),
        ("/up", "/new", "new"),
    ],
)
def test_where_it_goes(trees: Trees, source: str, target: str, made: str) -> None:
    (trees.source / "f").write_text("content")
    (trees.source / "d/sub").mkdir(parents=True)
    (trees.source / "d/in").write_text("content")
    (trees.source / "to-d").symlink_to("/d")
    (trees.source / "up").symlink_to("../../../../d/in")
    (trees.target / "there").mkdir()
    (trees.target / "there/file").write_text("before")
    (trees.target / "to-there").symlink_to("/../there")
    (trees.target / "to-file").symlink_to("there/file")
    assert trees.copy(source, target) >= 1
    found = trees.target / made
    if source in ("/to-d", "/up"):
        assert os.readlink(found) == os.readlink(trees.source / source[1:])
    else:
        assert found.read_text() == "content"
    assert sorted(path.name for path in trees.target.rglob(".*")) == []


@pytest.mark.parametrize(
    ("source", "target", "told"),
    [
        ("/nowhere", "/x", "there is no"),
        ("/f/.", "/x", "no directory"),
        ("/f", "/x/", "no directory"),
        ("/f", "/no/such/x", "no directory"),
        ("/f", "/file/x", "no directory"),
        ("/d", "/file", "--overwrite"),
        ("/d", "/file/", "no directory"),
        ("/mixed/.", "/there", "--overwrite"),
        ("/f", "/loop/x", ""),
    ],
)
def test_what_cannot_be(trees: Trees, source: str, target: str, told: str) -> None:
    (trees.source / "f").write_text("content")
    (trees.source / "d").mkdir()
    (trees.source / "mixed").mkdir()
    (trees.source / "mixed/sub").write_text("a file here")
    (trees.target / "file").write_text("before")
    (trees.target / "there/sub").mkdir(parents=True)
    (trees.target / "loop").symlink_to("loop")
    with pytest.raises((UsageError, OSError)) as caught:
        trees.copy(source, target)
    if isinstance(caught.value, CutawayError):
        assert told in f"{caught.value} {caught.value.hint}"
    assert (trees.target / "file").read_text() == "before"


def test_one_kind_over_the_other_where_that_is_wanted(trees: Trees) -> None:
    (trees.source / "mixed/other").mkdir(parents=True)
    (trees.source / "mixed/sub").write_text("a file here")
    (trees.target / "there/sub/deep").mkdir(parents=True)
    (trees.target / "there/other").write_text("a file there")
    trees.copy("/mixed/.", "/there", overwrite=True)
    assert (trees.target / "there/sub").read_text() == "a file here"
    assert (trees.target / "there/other").is_dir()


def test_into_itself_ends(tmp_path: Path) -> None:
    trees = Trees(tmp_path)
    trees.target = trees.source
    one_of_everything(trees.source / "d")
    trees.copy("/d", "/d/sub")
    assert (trees.source / "d/sub/d/one").exists()
    assert not (trees.source / "d/sub/d/sub/d").exists()
    with pytest.raises(UsageError, match="same directory"):
        trees.copy("/d/.", "/d")


def test_a_socket_is_left_out_and_a_cancel_leaves_no_half_file(trees: Trees) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(trees.source / "socket"))
        (trees.source / "file").write_text("x")
        assert trees.copy("/.", "/") == 2
    assert not (trees.target / "socket").exists()
    token = CancelToken()
    token.cancel()
    with pytest.raises(CutawayError):
        trees.copy("/file", "/other", token=token)
    assert not list(trees.target.glob(".cutaway*"))


def test_a_large_file_is_cancelled_in_its_middle(trees: Trees) -> None:
    with (trees.source / "large").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, 100 << 20)
    token, told = CancelToken(), []

    def tell(done: int, total: int) -> None:
        told.append((done, total))
        if done > 50 << 20:
            token.cancel()

    with pytest.raises(Cancelled):
        trees.copy("/large", "/copy", token=token, tell=tell)
    assert [path.name for path in trees.target.iterdir()] == []
    assert told[0][1] == 100 << 20
    assert 1 < len(told) < 4


@pytest.mark.parametrize("way", ["in", "out"])
def test_nothing_is_reached_while_links_come_and_go(tmp_path: Path, victim: Path, way: str) -> None:
    """A hostile process exchanges a directory for a link to the host, again and again."""
    trees = Trees(tmp_path)
    hostile = trees.target if way == "in" else trees.source
    (hostile / "d").mkdir()
    (hostile / "d/hello").write_text("inside")
    (hostile / "trap").symlink_to(victim)
    (trees.source if way == "in" else trees.target).joinpath("f").write_text("from the other side")
    stop = threading.Event()

    def exchange() -> None:
        while not stop.is_set():
            with suppress(OSError):
                (hostile / "d").rename(hostile / "away")
                (hostile / "trap").rename(hostile / "d")
                (hostile / "d").rename(hostile / "trap")
                (hostile / "away").rename(hostile / "d")

    thread = threading.Thread(target=exchange)
    thread.start()
    try:
        for number in range(300):
            with suppress(CutawayError, OSError):
                if way == "in":
                    trees.copy("/f", "/d/hello")
                else:
                    trees.copy("/d/hello", f"/got-{number}")
    finally:
        stop.set()
        thread.join()
    assert {path.read_text() for path in trees.target.glob("got-*")} <= {"inside"}


# -- with containers --------------------------------------------------------------------------------------


def test_into_a_running_one_and_out_of_it(cutaway: Cutaway, rootfs_dir: Path, tmp_path: Path, victim: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    cutaway(
        *("run", "-d", "--name=live", "--network=none", "-v", f"{volume}:/data", "--tmpfs=/scratch", "--user=7:8"),
        *("--rootfs", str(rootfs_dir), "sleep", "600"),
    )
    merged = Path(cutaway.json("inspect", "live")[0]["merged"])
    (merged / "trap").symlink_to(victim)
    (merged / "d").mkdir()
    (merged / "d/up").symlink_to("/../../../etc")
    source = one_of_everything(tmp_path / "tree")
    cutaway("cp", str(source), "live:/root/")
    inside = merged / "root/tree"
    assert {(p.lstat().st_uid, p.lstat().st_gid) for p in [inside, *inside.rglob("*")]} == {(7, 8)}
    assert stat.S_IMODE((inside / "one").stat().st_mode) == 0o4711
    cutaway("cp", "--archive=false", str(source), "live:/root/kept")
    assert snapshot(merged / "root/kept") == snapshot(source)
    # a device of the container is none of this host
    assert "not copied to this host: 'null'" in cutaway("cp", "live:/root/kept", str(tmp_path / "back")).stderr
    assert "is a device" in cutaway("cp", "live:/root/kept/null", str(tmp_path / "null"), code=2).stderr
    assert snapshot(tmp_path / "back") == {name: what for name, what in snapshot(source).items() if name != "null"}
    # what only its own mount namespace has
    (tmp_path / "note").write_text("for you\n")
    for place in ("/scratch/note", "/data/note"):
        cutaway("cp", str(tmp_path / "note"), f"live:{place}")
        assert cutaway.out("exec", "live", "cat", place) == "for you"
        cutaway("cp", f"live:{place}", str(tmp_path / "again"))
        assert (tmp_path / "again").read_text() == "for you\n"
    assert (volume / "note").read_text() == "for you\n"
    # all of it, but for what the kernel makes up; one file of that by its name
    cutaway("cp", "live:/", str(tmp_path / "whole"))
    assert (tmp_path / "whole/scratch/note").read_text() == "for you\n"
    assert [list((tmp_path / "whole" / name).iterdir()) for name in ("proc", "sys", "dev/pts")] == [[], [], []]
    cutaway("cp", "live:/proc/version", str(tmp_path / "version"))
    assert (tmp_path / "version").read_text() == Path("/proc/version").read_text()
    # links lead to its own directories, never to the host's
    assert "no directory" in cutaway("cp", str(tmp_path / "note"), "live:/trap/note", code=125).stderr
    cutaway("cp", str(tmp_path / "note"), "live:/d/up/note")
    assert (merged / "etc/note").read_text() == "for you\n"
    # from one to another, and into its working directory by a short path
    cutaway("cp", "live:/etc/note", "live:tmp/short")
    assert (merged / "tmp/short").read_text() == "for you\n"
    cutaway("kill", "live")
    cutaway("wait", "live")
    cutaway("rm", "live")


def test_one_that_does_not_run(cutaway: Cutaway, rootfs_dir: Path, tmp_path: Path) -> None:
    cutaway("create", "--name=still", "--network=none", "--rootfs", str(rootfs_dir), "cat", "/etc/given")
    (tmp_path / "given").write_text("was copied before the start\n")
    cutaway("cp", str(tmp_path / "given"), "still:/etc/given")
    assert cutaway.out("start", "--attach", "still") == "was copied before the start"
    cutaway("cp", "still:/etc/given", str(tmp_path / "back"))
    assert (tmp_path / "back").read_text() == "was copied before the start\n"
    told = cutaway("cp", "still:/nowhere", str(tmp_path), code=125)
    assert told.stderr == "cutaway: there is no '/nowhere'\n"
    cutaway("rm", "still")


def test_what_is_large_is_told_of_on_a_terminal_and_can_be_cancelled(cutaway: Cutaway, tmp_path: Path) -> None:
    large = cutaway.root.parent / "large"  # on a disk it has no content yet; in memory it would be made at once
    with large.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, 4 << 30)
    (tmp_path / "rootfs").mkdir()
    cutaway("create", "--name=roomy", "--network=none", "--rootfs", str(tmp_path / "rootfs"), "true")
    screen = PseudoTerminal()
    try:
        process = subprocess.Popen(
            cutaway.command("cp", str(large), "roomy:/large"),
            env={**cutaway.environment, "TERM": "xterm"},
            stdin=screen.inside,
            stdout=screen.inside,
            stderr=screen.inside,
        )
        screen.wait_for(b"of 4.29 GB, ", 60)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) != 0
        screen.wait_for(b"cancelled")
    finally:
        screen.close()
        large.unlink()
    upper = cutaway.root / "containers" / cutaway.json("inspect", "roomy")[0]["id"] / "upper"
    assert list(upper.iterdir()) == []
    cutaway("rm", "roomy")


def test_owners_of_a_user_namespace(cutaway: Cutaway, rootfs_dir: Path, tmp_path: Path) -> None:
    line = "echo mine > /made; sleep 600"
    words = ["--name=mapped", "--network=none", *MAPS, "--rootfs", str(rootfs_dir)]
    cutaway("run", "-d", *words, "sh", "-c", line)
    (tmp_path / "given").write_text("given\n")
    cutaway("cp", str(tmp_path / "given"), "mapped:/root/given")
    os.chown(tmp_path / "given", 5, 6)
    cutaway("cp", "-a", "--archive=false", str(tmp_path / "given"), "mapped:/root/kept")
    assert [line.split()[2:4] for line in cutaway.out("exec", "mapped", "ls", "-ln", "/root").splitlines()[1:]] == [
        ["0", "0"],
        ["5", "6"],
    ]
    os.chown(tmp_path / "given", 70_000, 6)
    assert "no number" in cutaway("cp", "--archive=false", str(tmp_path / "given"), "mapped:/root/x", code=2).stderr
    cutaway("cp", "mapped:/root", str(tmp_path / "out"))
    assert {(path.stat().st_uid, path.stat().st_gid) for path in (tmp_path / "out").iterdir()} == {(0, 0), (5, 6)}
    cutaway("rm", "--force", "mapped")


def test_wrong_words(cutaway: Cutaway, tmp_path: Path) -> None:
    for words in (["x", "y"], ["./a:/b", "./c"]):
        assert "neither" in cutaway("cp", *words, code=2).stderr
    assert "no container" in cutaway("cp", str(tmp_path), "nobody:/x", code=125).stderr


def test_without_leave_no_file_is_replaced(trees: Trees) -> None:
    (trees.source / "f").write_text("new")
    (trees.target / "f").write_text("old")
    roots = [os.open(path, os.O_PATH | os.O_DIRECTORY) for path in (trees.source, trees.target)]
    with pytest.raises(UsageError, match="there already"):
        Graft(lambda uid, gid: (uid, gid), CancelToken(), replace=False).copy(roots[0], b"/f", roots[1], b"/")
    assert (trees.target / "f").read_text() == "old"
    for root in roots:
        os.close(root)
