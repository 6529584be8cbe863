"""The image's own users, looked up inside its root, hostile images included."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.errors import SpecError
from engine.spec.inside import NotAFile, read_file, real_path
from engine.spec.users import Accounts, User


def test_names_and_numbers(rootfs: Path) -> None:
    accounts = Accounts(rootfs)
    assert accounts.user("") == User(0, 0, (10,), "/root")
    assert accounts.user("ann") == User(1000, 1000, (10, 29), "/home/ann")
    assert accounts.user("1000") == accounts.user("ann")
    assert accounts.user("ann:wheel") == User(1000, 10, (), "/home/ann")
    assert accounts.user("7:8") == User(7, 8, (), "")
    assert accounts.user("7") == User(7, 0, (), "")
    assert accounts.user("daemon:") == User(1, 1, (), "/usr/sbin")


def test_a_number_is_a_number_whatever_the_image_calls_its_users(rootfs: Path) -> None:
    (rootfs / "etc/passwd").write_text("1000:x:0:0::/root:/bin/sh\n")
    assert Accounts(rootfs).user("1000") == User(1000, 0, (), "")


@pytest.mark.parametrize("text", ["-1", "2147483648", "99999999999999999999", "0:2147483648", "bob", "ann:nobody"])
def test_refused(rootfs: Path, text: str) -> None:
    with pytest.raises(SpecError):
        Accounts(rootfs).user(text)


def test_highest_number(rootfs: Path) -> None:
    assert Accounts(rootfs).user("2147483647").uid == 2**31 - 1


def test_numbers_in_the_image_beyond_the_highest_are_refused(rootfs: Path) -> None:
    (rootfs / "etc/passwd").write_text("mallory:x:4294967296:0::/:/bin/sh\n")
    with pytest.raises(SpecError, match="highest possible"):
        Accounts(rootfs).user("mallory")


def test_broken_lines_are_passed_over(rootfs: Path) -> None:
    (rootfs / "etc/passwd").write_bytes(b"\xff\xfe\n:::\nx\nann:x:abc:0\n#ann:x:1:1\nann:x:5:6\n")
    assert Accounts(rootfs).user("ann").uid == 5


def test_no_passwd_at_all(rootfs: Path) -> None:
    (rootfs / "etc/passwd").unlink()
    assert Accounts(rootfs).user("") == User(0, 0, (), "")
    with pytest.raises(SpecError, match="no /etc/passwd"):
        Accounts(rootfs).user("ann")


def test_links_stay_inside(rootfs: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("eve:x:1:1\n")
    for target in ("/secret", "../../secret", "../../../../../../etc/../secret", f"{tmp_path}/secret"):
        (rootfs / "etc/passwd").unlink()
        (rootfs / "etc/passwd").symlink_to(target)
        with pytest.raises(SpecError):
            Accounts(rootfs).user("eve")
    (rootfs / "usr/lib").mkdir(parents=True)
    (rootfs / "usr/lib/passwd").write_text("ann:x:77:77::/:/bin/sh\n")
    (rootfs / "etc/passwd").unlink()
    (rootfs / "etc/passwd").symlink_to("/usr/lib/passwd")
    assert Accounts(rootfs).user("ann").uid == 77


@pytest.mark.parametrize("kind", ["fifo", "directory", "loop"])
def test_what_is_no_file(rootfs: Path, kind: str) -> None:
    passwd = rootfs / "etc/passwd"
    passwd.unlink()
    if kind == "fifo":
        os.mkfifo(passwd)  # opening it would wait for ever
    elif kind == "directory":
        passwd.mkdir()
    else:
        passwd.symlink_to("passwd")
    assert Accounts(rootfs).user("").uid == 0
    with pytest.raises(SpecError, match="no user 'ann'"):
        Accounts(rootfs).user("ann")


def test_no_more_than_the_limit_is_read(rootfs: Path) -> None:
    (rootfs / "big").write_bytes(b"x" * 1000)
    assert read_file(rootfs, "/big", 10) == b"x" * 10
    assert read_file(rootfs, "/missing", 10) is None
    with pytest.raises(NotAFile, match="a directory"):
        read_file(rootfs, "/etc", 10)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", "/"),
        ("/../..", "/"),
        ("/link/x", "/etc/x"),
        ("/missing/../y", "/y"),
        ("/deep", "/"),
        ("/etc/./passwd", "/etc/passwd"),
    ],
)
def test_real_path(rootfs: Path, path: str, expected: str) -> None:
    (rootfs / "link").symlink_to("/etc")
    (rootfs / "deep").symlink_to("../../../..")
    assert real_path(rootfs, path) == expected
