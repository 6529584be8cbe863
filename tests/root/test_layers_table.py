"""What each odd input becomes, through unpack and a real overlay mount; hostile ones are in test_layers_hostile.py."""

from __future__ import annotations

import os
import stat
import struct

import pytest
from layer_kit import Stack, directory, file, is_whiteout, link, names, symlink

from engine.errors import LayerError

pytestmark = pytest.mark.root


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


def test_no_entry_for_the_root(stack: Stack) -> None:
    diff = stack.add(file("f"))
    status = diff.stat()
    assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0o755, 0, 0)


def test_root_of_the_layer_below_is_kept(stack: Stack) -> None:
    stack.add(directory("./", 0o700, uid=9, mtime=77, records={"SCHILY.xattr.user.k": b"v"}), file("f"))
    stack.add(file("g"))
    assert stack.merged()["."] == ("drwx------", (9, 0), None, 77 * 10**9, ".", {"user.k": b"v"})


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
