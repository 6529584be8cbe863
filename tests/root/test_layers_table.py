"""What each odd or hostile input gets: row by row, through unpack and a real overlay mount."""

from __future__ import annotations

import os
import stat
import struct
from pathlib import Path

import pytest
from layer_kit import END, Stack, block, directory, file, link, padded, pax, symlink

from engine.errors import ContentError, LayerError
from engine.layers import Limits

pytestmark = pytest.mark.root


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim/hello").write_text("untouched")
    (tmp_path / "inner").mkdir()
    return Stack(tmp_path / "inner")


@pytest.fixture(autouse=True)
def _nothing_outside_changes(stack: Stack) -> object:
    outside = stack.base.parent
    yield
    assert sorted(path.name for path in outside.iterdir()) == ["inner", "victim"]
    assert [path.name for path in (outside / "victim").iterdir()] == ["hello"]
    assert (outside / "victim/hello").read_text() == "untouched"
    assert (outside / "victim/hello").stat().st_nlink == 1


def names(diff: Path) -> list[str]:
    return sorted(str(path.relative_to(diff)) for path in diff.rglob("*"))


def is_whiteout(path: Path) -> bool:
    status = path.lstat()
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


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


def test_opaque_root_hides_everything_below(stack: Stack) -> None:
    stack.add(
        directory("etc"), file("etc/passwd", b"x"), file("gone", b"x"), directory("both"), file("both/gone", b"x")
    )
    diff = stack.add(file(".wh..wh..opq"), directory("both"), file("both/new", b"new"), file("only", b"only"))
    assert sorted(stack.merged()) == [".", "both", "both/new", "only"]
    assert is_whiteout(diff / "etc")
    stack.add(file("etc/again", b"x"))
    assert sorted(stack.merged()) == [".", "both", "both/new", "etc", "etc/again", "only"]


def test_opaque_directory_hides_what_is_below(stack: Stack) -> None:
    stack.add(directory("d", 0o700), file("d/gone", b"x"), directory("d/sub"), file("d/sub/gone", b"x"))
    stack.add(file("d/new", b"new"), file("d/.wh..wh..opq"), file("d/sub/new", b"new"))
    merged = stack.merged()
    assert sorted(merged) == [".", "d", "d/new", "d/sub", "d/sub/new"]
    assert merged["d"][0] == "drwx------"


def test_file_below_a_lower_symlink_goes_where_it_leads(stack: Stack) -> None:
    stack.add(
        directory("usr"), directory("usr/lib", 0o711, uid=7), file("usr/lib/old", b"old"), symlink("lib", "usr/lib")
    )
    diff = stack.add(file("lib/new", b"new"), file("lib/deep/er", b"deeper"))
    assert names(diff) == ["usr", "usr/lib", "usr/lib/deep", "usr/lib/deep/er", "usr/lib/new"]
    merged = stack.merged()
    assert merged["lib"][2] == "usr/lib"
    assert merged["usr/lib/new"][2] == b"new"
    assert merged["usr/lib/old"][2] == b"old"
    assert merged["usr/lib"][:2] == ("drwx--x--x", (7, 0))


@pytest.mark.parametrize("target", ["/usr/lib", "../usr/lib", "usr/../usr/lib", "other", "/../../usr/lib"])
def test_lower_symlinks_are_followed_inside(stack: Stack, target: str) -> None:
    stack.add(file("usr/lib/old", b"old"), symlink("other", "/usr/lib"), symlink("lib", target))
    stack.add(file("lib/new", b"new"), file("lib/.wh.old"))
    merged = stack.merged()
    assert merged["usr/lib/new"][2] == b"new"
    assert "usr/lib/old" not in merged
    assert merged["lib"][2] == target


def test_directory_entry_takes_a_lower_symlinks_place(stack: Stack) -> None:
    stack.add(file("usr/lib/old", b"old"), symlink("lib", "usr/lib"))
    stack.add(directory("lib"), file("lib/new", b"new"))
    merged = stack.merged()
    assert merged["lib"][0] == "drwxr-xr-x"
    assert merged["lib/new"][2] == b"new"
    assert "usr/lib/new" not in merged


def test_file_below_a_dangling_lower_symlink(stack: Stack) -> None:
    stack.add(symlink("run", "var/run"))
    stack.add(file("run/pid", b"1"))
    merged = stack.merged()
    assert merged["run"][2] == "var/run"
    assert merged["var/run/pid"][2] == b"1"


def test_lower_symlinks_in_a_circle(stack: Stack) -> None:
    stack.add(symlink("a", "b"), symlink("b", "a"), symlink("self", "self/in"), symlink("to-circle", "a"))
    with pytest.raises(LayerError, match="too many symbolic links"):
        stack.add(file("to-circle/x", b"x"))


def test_a_name_in_a_circle_of_lower_symlinks_breaks_it(stack: Stack) -> None:
    stack.add(symlink("a", "b"), symlink("b", "a"), symlink("self", "self/in"))
    stack.add(file("self/x", b"x"), file("a/x", b"x"))
    merged = stack.merged()
    assert merged["self/x"][2] == merged["a/x"][2] == b"x"


def test_same_file_by_two_names_the_real_one_wins(stack: Stack) -> None:
    stack.add(directory("usr/lib"), symlink("lib", "usr/lib"))
    stack.add(
        file("lib/f", b"by the link"),
        file("usr/lib/f", b"by the real name"),
        file("lib/d/one", b"1"),
        directory("usr/lib/d", 0o700),
        file("usr/lib/d/two", b"2"),
    )
    merged = stack.merged()
    assert merged["usr/lib/f"][2] == b"by the real name"
    assert merged["usr/lib/d"][0] == "drwx------"
    assert {"usr/lib/d/one", "usr/lib/d/two"} <= set(merged)


def test_whiteout_that_hides_nothing_is_dropped(stack: Stack) -> None:
    stack.add(file("etc/passwd", b"kept"))
    diff = stack.add(file(".wh.ghost"), file("etc/.wh.ghost"), file("no/such/.wh.ghost"), file("etc/passwd/.wh.x"))
    assert names(diff) == []
    assert stack.stats[1].whiteouts == 0


def test_whiteout_hides_the_lower_file(stack: Stack) -> None:
    stack.add(
        directory("etc", 0o750, mtime=5), file("etc/passwd", b"x"), file("etc/group", b"x"), directory("d"), file("d/x")
    )
    diff = stack.add(file("etc/.wh.passwd"), file(".wh.d"))
    assert is_whiteout(diff / "etc/passwd")
    assert is_whiteout(diff / "d")
    assert stack.stats[1].whiteouts == 2
    merged = stack.merged()
    assert sorted(merged) == [".", "etc", "etc/group"]
    assert merged["etc"][0] == "drwxr-x---"
    assert merged["etc"][3] == 5_000_000_000


def test_whiteout_of_what_a_layer_between_hid_is_dropped(stack: Stack) -> None:
    stack.add(file("a/b", b"x"), file("c", b"x"))
    stack.add(file(".wh.a"), file(".wh.c"))
    diff = stack.add(file("a/.wh.b"), file(".wh.c"), file(".wh.a"))
    assert names(diff) == []


@pytest.mark.parametrize("order", [0, 1])
def test_whiteout_beside_the_same_name_hides_lower_layers_only(stack: Stack, order: int) -> None:
    stack.add(file("a", b"old"), directory("d", 0o700), file("d/old", b"old"), file("e/old", b"old"))
    members = [
        file("a", b"new") + directory("d") + file("d/new", b"new") + file("e/new", b"new"),
        file(".wh.a") + file(".wh.d") + file(".wh.e"),
    ]
    stack.add(*(members if order else reversed(members)))
    merged = stack.merged()
    assert merged["a"][2] == b"new"
    assert sorted(merged) == [".", "a", "d", "d/new", "e", "e/new"]


def test_whiteout_of_a_lower_link_keeps_what_the_layer_puts_there(stack: Stack) -> None:
    stack.add(directory("usr/lib"), symlink("lib", "usr/lib"))
    stack.add(file("lib/new", b"new"), file(".wh.lib"))
    merged = stack.merged()
    assert merged["lib/new"][2] == b"new"
    assert "usr/lib/new" not in merged


def test_hard_link_to_a_lower_file_is_copied_up_and_linked(stack: Stack) -> None:
    stack.add(
        directory("usr/bin", 0o711),
        file("usr/bin/tool", b"content", mode=0o4755, uid=3, gid=4, mtime=99, records={"SCHILY.xattr.user.k": b"v"}),
        symlink("usr/bin/alias", "tool", uid=5),
        symlink("bin", "usr/bin"),
    )
    diff = stack.add(link("other", "bin/tool"), link("third", "other"), link("same-alias", "usr/bin/alias"))
    merged = stack.merged()
    assert merged["other"] == (*merged["usr/bin/tool"][:4], "other", {"user.k": b"v"})
    assert merged["other"][:4] == ("-rwsr-xr-x", (3, 4), b"content", 99 * 10**9)
    assert {merged[name][4] for name in ("other", "third", "usr/bin/tool")} == {"other"}
    assert merged["same-alias"][1:3] == ((5, 0), "tool")
    assert merged["usr/bin"][0] == "drwx--x--x"
    assert (diff / "other").stat().st_nlink == 3


def test_hard_link_to_a_lower_file_that_a_later_entry_replaces(stack: Stack) -> None:
    stack.add(file("tool", b"content"))
    stack.add(link("other", "tool"), file("other", b"later"), link("gone", "tool"), symlink("gone", "tool"))
    merged = stack.merged()
    assert merged["other"][2] == b"later"
    assert merged["gone"][2] == "tool"


@pytest.mark.parametrize("target", ["hidden", "d", "missing", "self", "", "dir-below"])
def test_hard_link_to_nothing_a_directory_or_itself_is_refused(stack: Stack, target: str) -> None:
    stack.add(file("hidden", b"x"), directory("dir-below"))
    with pytest.raises(LayerError, match="hard link"):
        stack.add(directory("d"), file(".wh.hidden"), link("self", target))


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


def test_no_entry_for_the_root(stack: Stack) -> None:
    diff = stack.add(file("f"))
    status = diff.stat()
    assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0o755, 0, 0)


def test_root_of_the_layer_below_is_kept(stack: Stack) -> None:
    stack.add(directory("./", 0o700, uid=9, mtime=77, records={"SCHILY.xattr.user.k": b"v"}), file("f"))
    stack.add(file("g"))
    assert stack.merged()["."] == ("drwx------", (9, 0), None, 77 * 10**9, ".", {"user.k": b"v"})


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


def test_special_bits_survive_owner_and_content(stack: Stack) -> None:
    diff = stack.add(
        directory("d", 0o2775, gid=50),
        file("d/f", b"x", mode=0o6755, uid=1, gid=2),
        directory("d/sub", 0o1777),
        file("d/plain", b"x"),
        file("d/fifo", kind=b"6", mode=0o4622),
        file("d/null", kind=b"3", device=(1, 3), mode=0o666, uid=1),
        file("d/disk", kind=b"4", device=(259, 70000), mode=0o660, gid=6),
    )
    modes = {name: stat.filemode((diff / name).lstat().st_mode) for name in names(diff)}
    assert modes == {
        "d": "drwxrwsr-x",
        "d/f": "-rwsr-sr-x",
        "d/sub": "drwxrwxrwt",
        "d/plain": "-rw-r--r--",
        "d/fifo": "prwS-w--w-",
        "d/null": "crw-rw-rw-",
        "d/disk": "brw-rw----",
    }
    assert (diff / "d/plain").stat().st_gid == 0  # not the directory's
    assert (diff / "d/disk").lstat().st_rdev == os.makedev(259, 70000)


def test_capabilities_acls_and_labels(stack: Stack) -> None:
    capability = struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0)
    default = struct.pack("<I", 2) + b"".join(
        struct.pack("<HHI", tag, permission, 0xFFFFFFFF) for tag, permission in ((1, 7), (4, 0), (32, 0))
    )
    diff = stack.add(
        directory("d", records={"SCHILY.xattr.system.posix_acl_default": default}),
        file(
            "d/ping",
            b"x",
            uid=1,
            mode=0o755,
            records={
                "SCHILY.xattr.security.capability": capability,
                "SCHILY.xattr.security.selinux": b"forged",
                "SCHILY.xattr.security.ima": b"forged",
            },
        ),
    )
    assert os.getxattr(diff / "d/ping", "security.capability") == capability
    assert set(os.listxattr(diff / "d/ping")) == {"security.capability"}
    assert stat.S_IMODE((diff / "d/ping").stat().st_mode) == 0o755  # the default ACL came after
    assert os.getxattr(diff / "d", "system.posix_acl_default") == default


def test_attribute_that_the_kind_of_file_cannot_have_is_counted(stack: Stack) -> None:
    stack.add(
        symlink("s", "x", records={"SCHILY.xattr.user.k": b"v"}), file("f", records={"SCHILY.xattr.user.k": b"v"})
    )
    assert stack.stats[0].skipped_xattrs == 1


def test_depth_is_bounded(stack: Stack) -> None:
    deep = "d/" * 250
    with pytest.raises(LayerError, match="255 directories"):
        stack.add(file(deep + "f"), symlink("s", deep), file("s/" + "e/" * 10 + "f"))


def test_deep_tree_that_a_file_replaces(stack: Stack) -> None:
    diff = stack.add(file("d/" * 250 + "f"), *[file(f"d/{number}") for number in range(300)], file("d", b"x"))
    assert names(diff) == ["d"]


def test_many_directories_are_not_kept_open(stack: Stack) -> None:
    numbers = range(500)
    stack.add(
        *[directory(f"{number}/sub") for number in numbers], *[file(f"{number}/sub/f", b"x") for number in numbers]
    )
    diff = stack.add(*[file(f"{number}/sub/.wh.f") for number in numbers])
    assert sum(is_whiteout(path) for path in diff.rglob("f")) == 500
    assert len([name for name in stack.merged() if name.endswith("f")]) == 0


def test_127_layers(stack: Stack) -> None:
    """125 as overlayfs itself would have them, and two that are settled on them."""
    for number in range(125):
        diff = stack.base / f"layer{number}/diff"
        (diff / "d").mkdir(parents=True)
        (diff / "d").chmod(0o700)
        (diff / f"d/f{number}").write_bytes(b"x")
        if number:
            os.mknod(diff / f"d/f{number - 1}", stat.S_IFCHR, os.makedev(0, 0))
        stack.diffs.append(diff)
    stack.add(file("d/f125", b"y"), file("d/.wh.f124"), file("d/.wh.f3"))
    diff = stack.add(link("last", "d/f125"))
    merged = stack.merged()
    assert sorted(merged) == [".", "d", "d/f125", "last"]
    assert merged["d"][0] == "drwx------"
    assert merged["last"][4] == merged["d/f125"][4]
    assert names(stack.diffs[125]) == ["d", "d/f124", "d/f125"]


def test_names_that_are_not_utf_8(stack: Stack) -> None:
    stack.add(file(b"dir\xff/\xfe", b"1"), file(b"dir\xff/\xfd", b"2"), file(b"lin\xe9", kind=b"2", target=b"dir\xff"))
    stack.add(
        file(b"lin\xe9/new\n\xfc", b"4"),
        file(b"dir\xff/.wh.\xfe"),
        file(b"hard\xfb", kind=b"1", target=b"lin\xe9/\xfd"),
        file(b"d\xfa/", kind=b"5", mode=0o700, mtime=3),
    )
    merged = {os.fsencode(name): value for name, value in stack.merged().items()}
    assert set(merged) == {
        b".", b"dir\xff", b"dir\xff/\xfd", b"dir\xff/new\n\xfc", b"lin\xe9", b"hard\xfb", b"d\xfa"
    }  # fmt: skip
    assert merged[b"hard\xfb"][4] == merged[b"dir\xff/\xfd"][4]
    assert merged[b"d\xfa"][3] == 3_000_000_000


def test_notes_of_an_old_union_filesystem_are_left_out(stack: Stack) -> None:
    diff = stack.add(directory(".wh..wh.plnk"), file(".wh..wh.plnk/123.456", b"x"), file(".wh..wh.aufs"), file("f"))
    assert names(diff) == ["f"]
    assert stack.stats[0].files == 1
