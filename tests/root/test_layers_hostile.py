"""What each hostile or broken layer gets: a refusal, or what it asks for held inside; and nothing outside changes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from layer_kit import END, Stack, block, directory, file, link, names, padded, pax, symlink

from engine.errors import ContentError, LayerError
from engine.layers import Limits

pytestmark = pytest.mark.root


@pytest.mark.parametrize(
    "name", ["../victim/new", "/../victim/new", "a/../../victim/new", "/victim/new", "../../../victim/new"]
)
def test_names_that_lead_out_are_clamped(stack: Stack, name: str) -> None:
    diff = stack.add(file(name, b"inside"))
    assert (diff / "victim/new").read_bytes() == b"inside"
    assert names(diff) == ["victim", "victim/new"]


@pytest.mark.parametrize("target", ["../victim", "/../victim/hello", "victim/hello", "../victim/hello"])
def test_hard_link_to_outside_is_refused(stack: Stack, target: str) -> None:
    with pytest.raises(LayerError, match="hard link to something that is not there"):
        stack.add(link("grab", target))


def test_hard_link_target_is_clamped(stack: Stack) -> None:
    diff = stack.add(file("etc/passwd", b"inside"), link("local", "../../../etc/passwd"))
    assert (diff / "local").samefile(diff / "etc/passwd")


@pytest.mark.parametrize("name", [".wh.", ".wh..", ".wh...", "etc/.wh.", "etc/.wh..", "etc/.wh..."])
def test_whiteout_of_nothing_itself_or_its_parent_is_refused(stack: Stack, name: str) -> None:
    stack.add(file("etc/passwd", b"kept"))
    with pytest.raises(LayerError, match="whiteout"):
        stack.add(file(name))
    assert stack.merged()["etc/passwd"][2] == b"kept"


@pytest.mark.parametrize(
    "name",
    ["trusted.overlay.opaque", "trusted.overlay.redirect", "trusted.overlay.whiteout", "user.overlay.opaque",
     "trusted.overlay.overlay.opaque", "trusted.cutaway.implicit", "trusted.cutaway.waiting"],
)  # fmt: skip
def test_forged_overlay_attributes_are_stripped(stack: Stack, name: str) -> None:
    stack.add(directory("etc"), file("etc/passwd", b"kept"), file("f", b"kept"))
    records = {f"SCHILY.xattr.{name}": b"y", "SCHILY.xattr.user.fine": b"1"}
    diff = stack.add(directory("etc", records=records), file("f2", b"", records=records))
    for path in (diff / "etc", diff / "f2"):
        assert os.listxattr(path) == ["user.fine"]
    assert stack.merged()["etc/passwd"][2] == b"kept"


def test_raw_whiteout_device_is_refused(stack: Stack) -> None:
    stack.add(file("etc/passwd", b"kept"))
    with pytest.raises(LayerError, match="0:0"):
        stack.add(file("etc/passwd", kind=b"3", device=(0, 0)))


@pytest.mark.parametrize("records", [{"uid": b"4294967296"}, {"gid": b"4294967295"}, {"uid": b"-1"}, {"gid": b"1e3"}])
def test_owner_beyond_32_bits_is_refused(stack: Stack, records: dict[str, bytes]) -> None:
    with pytest.raises(LayerError):
        stack.add(file("f", b"x", records=records))


@pytest.mark.parametrize("fields", [{"uid": 1 << 32}, {"gid": -1}, {"uid": (1 << 32) - 1}])
def test_owner_beyond_32_bits_in_the_header_is_refused(stack: Stack, fields: dict[str, int]) -> None:
    with pytest.raises(LayerError, match="owner"):
        stack.add(file("f", b"x", **fields))


def test_largest_owner(stack: Stack) -> None:
    diff = stack.add(file("f", uid=(1 << 32) - 2, gid=70000))
    assert ((diff / "f").stat().st_uid, (diff / "f").stat().st_gid) == ((1 << 32) - 2, 70000)


BROKEN = {
    "NUL in a name": file("f", records={"path": b"a\0b"}),
    "NUL in a name of the header": file(b"a\0b"),
    "NUL in a link's target": file("f", kind=b"2", records={"linkpath": b"a\0b"}),
    "NUL in a long name": block(b"././@LongLink", b"L", size=6) + padded(b"a\0b\0\0\0") + block(b"f"),
    "bad checksum": file("f")[:200] + b"!" + file("f")[201:],
    "no number": block(b"f", raw={124: b"0000000000x\0"}),
    "negative number": block(b"f", raw={124: b"-0000000010\0"}),
    "negative size": block(b"f", size=-512),
    "negative size by PAX": file("f", records={"size": b"-512"}),
    "exabyte size": block(b"f", size=1 << 60),
    "exabyte size by PAX": file("f", records={"size": b"1152921504606846976"}),
    "truncated header": block(b"f")[:300],
    "truncated content": block(b"f", size=1000) + bytes(100),
    "truncated extended header": pax({"path": b"x" * 600})[:700],
    "extended header at the end": pax({"path": b"x"}) + bytes(1024),
    "extended header without its entry": pax({"path": b"x"}),
    "two extended headers": pax({"path": b"x"}) + pax({"path": b"y"}) + block(b"f"),
    "attribute over 64 KiB": file("f", records={"SCHILY.xattr.user.x": b"x" * 65537}),
    "attribute without a name": file("f", records={"SCHILY.xattr.": b"x"}),
    "extended header over 1 MiB": block(b"x", b"x", size=(1 << 20) + 1),
    "malformed record": block(b"x", b"x", size=512) + b"99 path=x\n".ljust(512, b"\0") + block(b"f"),
    "record length 0": block(b"x", b"x", size=8) + padded(b"0 a=bcd\n") + block(b"f"),
    "record without an end": block(b"x", b"x", size=9) + padded(b"9 path=xy") + block(b"f"),
    "zero block between": bytes(512) + block(b"f"),
    "unknown type": block(b"f", b"Z"),
    "type X": block(b"f", b"X"),
    "volume header": block(b"f", b"V"),
    "impossible device": block(b"f", b"4", device=(4096, 0)),
    "negative device": block(b"f", b"4", device=(-1, 0)),
    "symbolic link to nothing": block(b"f", b"2"),
    "name of 5000 bytes": file("f", records={"path": b"x/" * 2500}),
    "part of 256 bytes": file("f", records={"path": b"x" * 256}),
    "file through a file": file("f", b"x") + file("f/g", b"x"),
    "root as a file": block(b"./"),
    "root as a link": symlink("..", "/etc"),
    "links in a circle": symlink("a", "b") + symlink("b", "a") + file("a/x"),
    "impossible time": file("f", records={"mtime": b"99999999999999999999"}),
    "time that is none": file("f", records={"mtime": b"1.5.2"}),
    "malformed capability": file("f", records={"SCHILY.xattr.security.capability": b"nonsense"}),
    "malformed ACL": file("f", records={"SCHILY.xattr.system.posix_acl_access": b"\2\0\0\0nonsense"}),
    "sparse pieces that overlap": file(
        "f", b"x" * 20, records={"GNU.sparse.map": b"0,10,5,10", "GNU.sparse.size": b"100"}
    ),
    "sparse piece outside": file("f", b"x" * 10, records={"GNU.sparse.map": b"95,10", "GNU.sparse.size": b"100"}),
    "sparse map that is none": file("f", b"x" * 10, records={"GNU.sparse.map": b"0,x", "GNU.sparse.size": b"100"}),
    "sparse exabyte": file("f", b"", records={"GNU.sparse.map": b"0,0", "GNU.sparse.size": b"1152921504606846976"}),
    "sparse map of form 1.0 without end": file(
        "f", b"9" * 512, records={"GNU.sparse.major": b"1", "GNU.sparse.minor": b"0", "GNU.sparse.realsize": b"9"}
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_broken_layers_are_refused(stack: Stack, what: str) -> None:
    end = b"" if "truncated" in what or "at the end" in what or "without its entry" in what else END
    with pytest.raises(LayerError) as caught:
        stack.add(directory("before"), BROKEN[what], end=end)
    assert "\0" not in caught.value.message
    assert len(caught.value.message) < 1000


def test_wrong_diff_id_is_refused(stack: Stack) -> None:
    with pytest.raises(ContentError, match="promises"):
        stack.add_tar(file("f", b"one") + END, blob=file("f", b"two") + END)


def test_limits(stack: Stack) -> None:
    many = [file(f"f{number}") for number in range(20)]
    with pytest.raises(LayerError, match="more than 10 entries"):
        stack.add(*many, limits=Limits(entries=10))


def test_limit_on_implied_directories(tmp_path: Path, stack: Stack) -> None:
    with pytest.raises(LayerError, match="more than 100 entries"):
        stack.add(*[file(f"{number}/" + "d/" * 30 + "f") for number in range(4)], limits=Limits(entries=100))


def test_limit_on_what_waits(stack: Stack) -> None:
    with pytest.raises(LayerError, match="more than 10 whiteouts"):
        stack.add(*[file(f".wh.{number}") for number in range(20)], limits=Limits(waiting=10))


def test_limit_on_size(stack: Stack) -> None:
    with pytest.raises(LayerError, match="more than a whole layer"):
        stack.add(block(b"f", size=100_000), limits=Limits(size=50_000))


def test_limit_on_all_bytes(stack: Stack) -> None:
    with pytest.raises(LayerError, match="unpacks to more than 50000 bytes"):
        stack.add(*[file(f"f{number}", bytes(10_000)) for number in range(10)], limits=Limits(size=50_000))


def test_limit_on_what_follows_the_end(stack: Stack) -> None:
    diff = stack.add(file("f"), end=bytes(100_000))
    assert names(diff) == ["f"]
    with pytest.raises(LayerError, match="follow the end"):
        stack.add(file("f"), end=bytes(100_000), limits=Limits(after_end=50_000))


def test_depth_is_bounded(stack: Stack) -> None:
    deep = "d/" * 250
    with pytest.raises(LayerError, match="255 directories"):
        stack.add(file(deep + "f"), symlink("s", deep), file("s/" + "e/" * 10 + "f"))


def test_limits_of_the_environment(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUTAWAY_LIMITS", "entries=3")
    with pytest.raises(LayerError, match="more than 3 entries") as caught:
        stack.add(*[file(f"f{number}") for number in range(4)])
    assert "CUTAWAY_LIMITS=entries=6" in caught.value.hint
