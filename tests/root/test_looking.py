"""The index of layers beside what the kernel makes of them."""

from __future__ import annotations

import os
import random
import re
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from command_line import Cutaway
from demo_image import put_demo
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from layer_kit import Stack, file, snapshot, symlink
from layered import Layered, disorder

from engine.errors import UsageError
from engine.jobs import CancelToken
from engine.layers import index
from engine.layers.stacking import Change, Tree
from engine.looking import Inside, compare

pytestmark = pytest.mark.root


def look(layered: Layered, *, upper: bool = True) -> Inside:
    roots = (*layered.stack.diffs, *([layered.upper] if upper else []))
    return Inside(Tree([index.scan(root) for root in roots]), roots)


def told(inside: Inside) -> dict[str, tuple[Any, ...]]:
    found = {}
    for node in (inside.resolve("/"), *inside.tree.below(b"")):
        special = stat.S_ISCHR(node.mode) or stat.S_ISBLK(node.mode)
        target = os.fsdecode(node.target) or None
        found[os.fsdecode(node.path) or "."] = (
            stat.filemode(node.mode),
            (node.uid, node.gid),
            node.device if special else target,
            node.mtime_ns,
            node.attributes,
        )
    return found


def seen(snap: dict[str, tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
    return {
        name: (mode, owner, None if isinstance(content, bytes) else content, mtime, attributes)
        for name, (mode, owner, content, mtime, _, attributes) in snap.items()
    }


def test_a_time_that_nobody_lives_to_see_is_told_as_the_last_that_can_be(stack: Stack) -> None:
    stack.add(file("far", b"content", mtime=10**10), file("near", b"", mtime=5))
    columns = index.decode(index.encode(index.scan(stack.diffs[-1])))
    assert columns is not None
    times = dict(zip(columns.paths, columns.times, strict=True))
    assert times[b"near"] == 5 * 10**9
    assert times[b"far"] == 2**63 - 1


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32), count=st.integers(1, 60))
def test_the_tree_is_what_the_kernel_shows(seed: int, count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        layered = Layered(Path(folder))
        with layered.live() as merged:
            before = snapshot(merged)
            disorder(merged, random.Random(seed), count)
            after = snapshot(merged)
            inside = look(layered)
            assert told(inside) == seen(after)
            changes = {os.fsdecode(node.path) or ".": node for node in inside.tree.changes(2)}
            removed = {name for name, node in changes.items() if node.change is Change.REMOVED}
            added = {name for name, node in changes.items() if node.change is Change.ADDED}
            assert removed == before.keys() - after.keys()
            assert added == after.keys() - before.keys()
            assert all(node.hides == 1 for node in changes.values() if node.change is not Change.ADDED)
            same = {name for name in before if before[name][:3] == after.get(name, ())[:3]}
            really = {name for name in before.keys() & after.keys() if before[name][5] != after[name][5]} - {"."}
            really |= (before.keys() & after.keys()) - same - {"."}
            base = Inside(Tree([index.scan(layered.stack.diffs[0])]), (layered.stack.diffs[0],))
            found = compare(base, inside, CancelToken())
            differing = {entry.path for entry in found if entry.change == "changed"}
            assert differing == really
            columns = index.scan(layered.upper)
            assert index.decode(index.encode(columns)) == columns


def test_a_file_is_read_from_its_layer_and_links_stay_inside(tmp_path: Path) -> None:
    layered = Layered(tmp_path)
    layered.stack.add(
        symlink("abs", "/etc/passwd"),
        symlink("up", "../../../etc/hosts"),
        symlink("loop", "loop"),
        file("etc/hosts", b"second"),
    )
    inside = look(layered, upper=False)
    assert inside.open("/abs").read() == b"root"
    assert inside.open("up").read() == b"second"
    assert inside.open("lib/a.so").read() == b"a"
    assert inside.resolve("etc/hosts").hides == 1
    for wrong in ("loop", "/nope", "etc", "/etc/hosts/x"):
        with pytest.raises(UsageError):
            inside.open(wrong)
    assert [e.path for e in inside.entries("/lib")] == ["usr/lib/a.so"]
    assert inside.tree.summary(2).wasted == len(b"127.0.0.1")


def test_owners_have_the_names_that_the_image_itself_has(tmp_path: Path) -> None:
    layered = Layered(tmp_path)
    lines = (
        b"ann:x:12:34::/:/bin/sh\nother:x:12:1::/:\n" + b"l" * 5000 + b":x:99:1::/:\nbad\x1b[31m:x:7:7::/:\nno:x:x\n"
    )
    layered.stack.add(
        file("etc/names", lines), symlink("etc/passwd", "../../../etc/names"), file("etc/group", b"staff:x:34:ann\n")
    )
    inside = look(layered, upper=False)
    owners = inside.owners()
    assert dict(owners.users) == {12: "ann", 7: "bad\x1b[31m"}
    entry = inside.entry("etc/group")
    assert entry is not None
    named = [owners.of(msgspec.structs.replace(entry, uid=uid, gid=gid)) for uid, gid in ((12, 34), (99, 34), (5, 6))]
    assert named == ["ann:staff", "99:staff", ""]
    layered.stack.add(file("etc/passwd", kind=b"6"), symlink("etc/group", "group"))
    assert look(layered, upper=False).owners().users == {}  # and nobody waits for a writer


@pytest.mark.parametrize("damage", [b"", b"cutaway-index-1\n", b"cutaway-index-1\nxxxx\x90", b"other"])
def test_a_damaged_index_is_none(damage: bytes) -> None:
    assert index.decode(damage) is None


def test_the_commands(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="cutaway-", dir="/tmp") as run:
        cutaway = Cutaway(tmp_path / "data", Path(run))
        image = put_demo(cutaway.root)
        merged = Path(cutaway.out("mount", "--name", "w", image))
        (merged / "bad\x1b[31mname").write_text("x")
        (merged / "etc/passwd").write_text("ann\x1b[31m:x:12:34::/:/bin/sh\n")
        os.chown(merged / "bad\x1b[31mname", 12, 34)
        subprocess.run(["rm", merged / "srv/greeting"], check=True)
        listed = {entry["path"]: entry for entry in cutaway.json("files", "--json", "-r", "w")}
        assert listed["bad\x1b[31mname"]["layer"] == 4
        assert listed["bad\x1b[31mname"]["user"] == "ann\x1b[31m"
        assert "srv/greeting" not in listed
        plain = cutaway.out("files", "w")
        assert "\x1b" not in plain
        assert "bad␛[31mname" in plain
        assert re.search(r"12:34 ann␛\[31m:34 .* bad␛", plain)
        assert cutaway.out("diff", "w").splitlines() == ["A /bad␛[31mname", "C /etc/passwd", "D /srv/greeting"]
        assert cutaway.out("diff", image, "w").splitlines() == ["A /bad␛[31mname", "C /etc/passwd", "D /srv/greeting"]
        assert "layer 3" in cutaway.out("cat", image, "/srv/greeting")
        kept = list((tmp_path / "data/layers").glob("*/files.index"))
        assert len(kept) == 3
        kept[0].write_bytes(b"damaged")
        assert "greeting" in cutaway.out("files", image, "/srv")
        cutaway("cp", f"{image}:/srv", str(tmp_path / "srv"))
        assert "layer 3" in (tmp_path / "srv/greeting").read_text()
        cutaway("cp", f"{image}:/srv/.", str(tmp_path / "content"))
        assert (tmp_path / "content/greeting").exists()
        numbers = cutaway.json("layers", "--json", "--changes", image)
        assert [each["added"] > 0 for each in numbers] == [True, True, True]
        assert numbers[2]["removed"] == 3
        assert numbers[2]["wasted"] > 44 + 11 + 11  # /srv/draft, two of the menu, and what was in /srv/greeting
        assert "WASTED" in cutaway.out("layers", "--changes", image)
        changes = cutaway.json("files", "--json", "--layer", "3", image)
        assert {e["path"]: e["change"] for e in changes}["srv/draft"] == "removed"
        for words, code in ((["files", "w", "/nope"], 1), (["cat", image, "/srv"], 1), (["cp", "x", "y"], 2)):
            assert len(cutaway(*words, code=code).stderr.splitlines()) == 1
        assert cutaway("diff", image, code=1).stderr.startswith("cutaway: no container")
        assert cutaway("files", "--layer", "9", image, code=2)
        cutaway("umount", "w")
