"""The tree of files without a screen: opening, closing, filters, orders, and lists of changes."""

from __future__ import annotations

import stat
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import FileEntry
from tui.panes.files.filtering import parse
from tui.panes.files.model import FileTree
from tui.panes.files.sources import Listed


def entry(path: str, size: int = 0, *, directory: bool = False, change: str = "added", mtime: float = 0) -> FileEntry:
    mode = stat.S_IFDIR | 0o755 if directory else stat.S_IFREG | 0o644
    return FileEntry(path, mode, 0, 0, size, mtime, "", (0, 0), "", (), 1, change, 0)


def listed(*paths: str) -> Listed:
    """Paths with a slash at the end are directories; `name=5` has five bytes."""
    entries = []
    for path in paths:
        name, _, size = path.partition("=")
        entries.append(entry(name.rstrip("/"), int(size or 0), directory=name.endswith("/"), mtime=len(entries)))
    return Listed(entries)


def shown(tree: FileTree) -> list[str]:
    return ["  " * row.depth + row.name + ("/" if row.directory else "") for row in tree.rows]


SOURCE = ("etc/", "etc/hosts=10", "etc/ssl/", "etc/ssl/cert.pem=3000", "bin=7", "usr/", "usr/lib/x.so=2000000", "zed=1")


def test_directories_first_opened_and_closed() -> None:
    tree = FileTree(listed(*SOURCE))
    assert shown(tree) == ["etc/", "usr/", "bin", "zed"]
    assert tree.open(0)
    assert not tree.open(0)
    assert not tree.open(2)
    assert shown(tree) == ["etc/", "  ssl/", "  hosts", "usr/", "bin", "zed"]
    assert tree.open(1)
    assert tree.parent(2) == 1
    assert tree.parent(0) == 0
    assert tree.close(0)
    assert tree.open(0)  # what was open below it is so again
    assert shown(tree)[:4] == ["etc/", "  ssl/", "    cert.pem", "  hosts"]
    tree.close_all()
    assert tree.find("usr/lib/x.so") == 3
    assert shown(tree) == ["etc/", "usr/", "  lib/", "    x.so", "bin", "zed"]
    assert tree.find("usr/lib/none") is None


def test_a_filter_shows_the_way_to_what_matches() -> None:
    tree = FileTree(listed(*SOURCE))
    for text, rows in (
        ("CERT", ["etc/", "  ssl/", "    cert.pem"]),
        ("*.so", ["usr/", "  lib/", "    x.so"]),
        ("etc/s", ["etc/", "  ssl/", "    cert.pem"]),
        ("/usr", ["usr/", "  lib/", "    x.so"]),
        (">1k *.pem", ["etc/", "  ssl/", "    cert.pem"]),
        ("!e !i !s", ["zed"]),
        ("<9 z", ["zed"]),
        ("nothing", []),
    ):
        tree.filter_with(parse(text))
        if text == "!e !i !s":
            assert [row.path for row in tree.rows] == []  # zed has an e
        else:
            assert shown(tree) == rows, text
    tree.filter_with(parse("cert"))
    assert (tree.first_match, tree.matches) == (2, 1)
    tree.filter_with(parse("ssl"))
    assert shown(tree) == ["etc/", "  ssl/"]
    assert tree.open(1)  # a directory that matches is shown with all that is in it
    assert shown(tree) == ["etc/", "  ssl/", "    cert.pem"]
    tree.filter_with(parse(""))
    assert shown(tree)[0] == "etc/"


def test_orders() -> None:
    tree = FileTree(listed(*SOURCE))
    tree.next_order()
    assert shown(tree) == ["usr/", "etc/", "bin", "zed"]
    tree.next_order()
    assert shown(tree) == ["zed", "usr/", "bin", "etc/"]


def test_changes_with_the_directories_on_the_way() -> None:
    source = Listed([entry("a/b/c", 5), entry("a/b/d", 6, change="removed"), entry("x", directory=True)])
    assert list(source.names("")) == [("a", True), ("x", True)]
    assert source.entry("a/b") is None
    assert source.size("a") == source.size("") == 11
    assert sorted(source.below("a")) == ["a/b/c", "a/b/d"]
    assert sorted(source.paths()) == ["a", "a/b", "a/b/c", "a/b/d", "x"]


def test_a_hostile_depth() -> None:
    path = "/".join(["d"] * 2040)
    tree = FileTree(listed(path + "/f"))
    assert tree.find(path + "/f") == 2040
    assert tree.open_all(5000)
    assert len(list(listed(path + "/f").below(""))) == 1


@pytest.mark.parametrize("text", ["", " ", "!", ">", ">x", "<<5", "[", "*[", "\x1b[31m", "/", "!/", "a" * 5000])
def test_no_filter_is_wrong(text: str) -> None:
    FileTree(listed(*SOURCE)).filter_with(parse(text))


@settings(deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "a/b", "b/a", "b/a/c", "c/d/e"]), unique=True), st.data())
def test_rows_are_always_those_of_a_tree_made_anew(paths: list[str], data: st.DataObject) -> None:
    """However it was opened and closed: the rows spliced in are the rows that would be made from nothing."""
    files = [path for path in paths if not any(other.startswith(path + "/") for other in paths)]
    tree = FileTree(listed(*files))
    for _ in range(data.draw(st.integers(0, 8))):
        if tree.rows:
            index = data.draw(st.integers(0, len(tree.rows) - 1))
            (tree.open if data.draw(st.booleans()) else tree.close)(index)
        before = list(tree.rows)
        for _ in range(3):  # round to the same order: makes them anew
            tree.next_order()
        assert tree.rows == before
        assert all(row.depth == row.path.count("/") for row in tree.rows)
        assert _parents_first(row.path for row in tree.rows)


def _parents_first(paths: Iterable[str]) -> bool:
    seen = {""}
    for path in paths:
        if path.rpartition("/")[0] not in seen:
            return False
        seen.add(path)
    return True
