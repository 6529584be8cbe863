"""Trees of others: as deep as they like, changed while they are walked."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pytest
from deep import nest

from engine import rootfs
from engine.disk import DataRoot
from engine.errors import CutawayError, MountError, StoreError
from engine.jobs import CancelToken
from engine.layers import index
from engine.layers.grafting import Graft
from engine.walking import entries, remove_tree

LEVELS = 3_000


@pytest.fixture(autouse=True)
def nothing_deep_stays(tmp_path: Path) -> Iterator[None]:
    """Where a test fails, too: pytest cannot remove it."""
    yield
    subprocess.run(["rm", "-rf", *tmp_path.iterdir()], check=True)


def raising(error: OSError) -> None:
    raise error


@contextmanager
def few_descriptors(more: int = 3) -> Iterator[None]:
    """No more than this process has open, and so many: the limit is the lowest number that none may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened = {int(name) for name in os.listdir("/proc/self/fd")}
    free = (number for number in range(soft) if number not in opened)
    resource.setrlimit(resource.RLIMIT_NOFILE, (next(islice(free, 3 + more, None)), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_tree_of_any_depth_is_removed_with_few_descriptors(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/kept").write_text("")
    nest(tmp_path / "tree", LEVELS)
    (tmp_path / "tree/d/link").symlink_to("../../outside")
    (tmp_path / "tree/d/file").write_text("")
    (tmp_path / os.fsdecode(b"tree/d/\xff")).mkdir()
    with few_descriptors():
        remove_tree(tmp_path / "tree")
    assert [path.name for path in tmp_path.iterdir()] == ["outside"]
    assert (tmp_path / "outside/kept").exists()


def test_a_link_is_no_tree(tmp_path: Path) -> None:
    (tmp_path / "real/inner").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(NotADirectoryError):
        remove_tree(tmp_path / "link")
    assert (tmp_path / "real/inner").exists()


def test_a_directory_after_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/file").write_text("")
    (tmp_path / "a/link").symlink_to("b")
    top = os.open(tmp_path, os.O_RDONLY)
    found = [(name, is_directory) for _, name, is_directory in entries(top, raising)]
    assert found == [("link", False), ("file", False), ("b", True), ("a", True)]
    assert os.listdir(top) == ["a"], "the caller's own descriptor is still good"
    os.close(top)


def test_it_stays_in_the_tree_when_a_directory_is_moved_out_of_it(tmp_path: Path) -> None:
    """Going up by `..` would lead to where it is now, and the rest of that would be taken for the tree's."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/kept").write_text("")
    (tmp_path / "tree/a/b/c").mkdir(parents=True)
    (tmp_path / "tree/a/b/c/file").write_text("")
    (tmp_path / "tree/z").mkdir()
    (tmp_path / "tree/z/later").write_text("")
    top = os.open(tmp_path / "tree", os.O_RDONLY)
    seen = []
    for _, name, _ in entries(top, raising):
        seen.append(name)
        if name == "file":
            os.rename(tmp_path / "tree/a/b", tmp_path / "outside/b")
    os.close(top)
    assert "kept" not in seen
    assert "b" not in seen, "it is not in the tree any more"
    assert {"a", "z", "later"} <= set(seen), "what is still there is walked all the same"


@pytest.fixture
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process is not root, to whom nothing is closed, and is in a directory of its own."""
    monkeypatch.chdir(tmp_path)
    if os.geteuid() != 0:
        yield
        return
    os.chown(tmp_path, 65534, -1)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.usefixtures("nobody")
def test_what_can_be_removed_is_and_the_first_reason_is_told() -> None:
    tree, closed = Path("tree"), Path("tree/closed")
    (closed / "inner").mkdir(parents=True)
    (tree / "other").mkdir()
    closed.chmod(0o500)
    with pytest.raises(PermissionError):
        remove_tree(tree)
    assert list(tree.iterdir()) == [closed]
    closed.chmod(0o700)
    assert list(closed.iterdir()) == [closed / "inner"]


@pytest.mark.usefixtures("nobody")
def test_a_leftover_that_cannot_be_removed_is_told_and_the_others_go() -> None:
    """It stands in nobody's way: what clears leftovers goes on."""
    root = DataRoot(Path("data"))
    root.prepare()
    closed = root.tmp / "removed-closed"
    (closed / "inner").mkdir(parents=True)
    closed.chmod(0o500)
    (root.tmp / "busy").mkdir()
    nest(root.tmp / "removed-deep", LEVELS)

    def unmount(path: Path) -> None:
        if path.name == "busy":
            raise MountError("it is mounted again")

    gone, stays = root.clear_leftovers(unmount)
    closed.chmod(0o700)
    assert gone == ["removed-deep"]
    assert sorted(stays) == [
        "cannot remove data/tmp/busy: it is mounted again",
        "cannot remove data/tmp/removed-closed: Permission denied",
    ]


def test_what_is_written_deep_down_counts(tmp_path: Path) -> None:
    nest(tmp_path / "upper", LEVELS, b"x" * 1000)
    with few_descriptors():
        assert rootfs.written_bytes(str(tmp_path / "upper")) == 1000
    remove_tree(tmp_path / "upper")
    assert rootfs.written_bytes(str(tmp_path / "upper")) == 0


def test_what_is_deep_is_listed_and_copied_with_few_descriptors(tmp_path: Path) -> None:
    nest(tmp_path / "tree", LEVELS, b"x" * 1000)
    root = os.open(tmp_path, os.O_PATH)
    with few_descriptors(8):
        columns = index.scan(tmp_path / "tree")
        count = Graft(lambda *owner: owner, CancelToken()).copy(root, b"tree", root, b"copy")
    os.close(root)
    assert (columns.paths[-1], columns.sizes[-1]) == (b"d/" * LEVELS + b"file", 1000)
    assert count == LEVELS + 2
    assert index.scan(tmp_path / "copy").paths == columns.paths


def test_more_paths_than_memory_should_hold_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nest(tmp_path / "tree", 1_500)
    monkeypatch.setattr(index, "_MOST_NAMES", 1 << 20)
    with pytest.raises(StoreError, match="more than 1 MiB of paths"):
        index.scan(tmp_path / "tree")


def test_a_directory_that_is_moved_while_it_is_copied_is_told(tmp_path: Path) -> None:
    (tmp_path / "tree/a/b").mkdir(parents=True)
    (tmp_path / "tree/a/b/file").write_text("x")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_text("")
    root = os.open(tmp_path, os.O_PATH)

    def move(done: int, total: int) -> None:
        (tmp_path / "tree/a/b").rename(tmp_path / "outside/b")

    with pytest.raises(CutawayError, match="moved while it was copied"):
        Graft(lambda *owner: owner, CancelToken(), tell=move).copy(root, b"tree", root, b"copy")
    os.close(root)
    assert not list((tmp_path / "copy").rglob("secret"))
