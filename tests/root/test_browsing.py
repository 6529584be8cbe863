"""What a viewer asks of the index: names, versions, how a thing was removed, and what a container writes meanwhile."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from layer_kit import Stack, directory, file, link, symlink

from engine import Job, Workbench
from engine.errors import UsageError
from engine.layers import index
from engine.layers.stacking import Tree
from engine.looking import Inside

pytestmark = pytest.mark.root


@pytest.fixture
def inside(stack: Stack) -> Inside:
    stack.add(
        directory("etc"),
        file("etc/a", b"one"),
        file("etc/b", b"22", records={"SCHILY.xattr.user.colour": b"red"}),
        directory("srv"),
        directory("srv/deep"),
        file("srv/deep/x", b"xxxx"),
        link("srv/deep/same", "srv/deep/x"),
        directory("opt"),
        file("opt/old", b"old"),
        directory("var"),
        file("var/log", b"log"),
    )
    stack.add(
        file("etc/a", b"two!"),
        file("etc/.wh.b"),
        file(".wh.srv"),
        file("opt/.wh..wh..opq"),
        file("opt/new", b"n"),
        symlink("var", "/tmp"),
    )
    return Inside(Tree([index.scan(diff) for diff in stack.diffs]), tuple(stack.diffs))


def test_names_and_sizes(inside: Inside) -> None:
    assert inside.names("/") == [("etc", True), ("opt", True), ("var", False)]
    assert inside.names("opt/") == [("new", False)]
    assert sorted(inside.paths()) == ["etc", "etc/a", "opt", "opt/new", "var"]
    assert inside.sizes() == {"": 5, "etc": 4, "etc/a": 4, "opt": 1, "opt/new": 1, "var": 0}
    assert inside.wasted() == {
        "etc/a": 3,
        "etc/b": 2,
        "srv/deep/x": 4,
        "srv/deep/same": 4,
        "opt/old": 3,
        "var/log": 3,
    }
    below = inside.up_to(1)
    assert below.wasted() == {}
    sizes = below.sizes()
    assert [sizes[path] for path in ("", "etc", "srv", "srv/deep", "srv/deep/same")] == [15, 5, 4, 4, 4]
    assert inside.entry("srv") is None
    assert [entry.path for entry in below.changes(1)][:2] == ["etc", "etc/a"]


def test_versions_and_hidden_content(inside: Inside) -> None:
    versions = inside.versions("etc/a")
    assert [(each.layer, each.size, each.hides) for each in versions] == [(1, 3, 0), (2, 4, 1)]
    assert [inside.read(each).read() for each in versions] == [b"one", b"two!"]
    (removed,) = [each for each in inside.changes(2) if each.path == "etc/b"]
    assert (removed.change, removed.layer) == ("removed", 1)
    assert inside.read(removed).read() == b"22"
    assert inside.attributes(removed) == {"user.colour": b"red"}
    with pytest.raises(UsageError, match="regular"):
        inside.read(inside.versions("etc")[0])


def test_how_it_was_removed(inside: Inside) -> None:
    assert inside.removal("etc/b", 2) == ("whiteout", "etc/b")
    assert inside.removal("srv/deep/x", 2) == ("whiteout", "srv")
    assert inside.removal("opt/old", 2) == ("opaque", "opt")
    assert inside.removal("var/log", 2) == ("replaced", "var")
    assert inside.removal("etc/a", 2) is None
    assert (inside.is_opaque("opt", 2), inside.is_opaque("etc", 2)) == (True, False)


def test_a_layer_on_top_leaves_the_tree_below_as_it_is(inside: Inside, tmp_path: Path) -> None:
    below = inside.up_to(1)
    seen = sorted(below.paths())
    again = below.topped(inside.roots[1])
    assert sorted(again.paths()) == sorted(inside.paths())
    assert again.changes(2) == inside.changes(2)
    assert sorted(below.paths()) == seen


def test_what_a_container_writes(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="cutaway-", dir="/tmp") as run, pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUTAWAY_RUN", run)
        workbench = Workbench(tmp_path / "data")
        job = Job("test", lambda event: None)
        workbench.demo(job)
        made = workbench.mount("localhost/cutaway/demo:latest", job, name="w")
        try:
            seen = workbench.overlay("w")
            assert (seen.merged, seen.upper, seen.mounted) == (made.merged, made.path / "upper", True)
            assert len(seen.lower) == 3
            assert "mount -t overlay overlay -o lowerdir=" in seen.command
            inside = workbench.inside("w")
            below = inside.up_to(inside.tree.depth - 1)
            assert workbench.written("w", below).entries == ()
            (made.merged / "srv/new").write_text("x")
            os.unlink(made.merged / "srv/greeting")
            found = workbench.written("w", below)
            assert {each.path: each.change for each in found.entries} == {"srv/new": "added", "srv/greeting": "removed"}
            assert found.since_start == frozenset()  # it was never started
        finally:
            workbench.umount("w", job)
