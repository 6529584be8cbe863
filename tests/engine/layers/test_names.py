"""Names of layers: cleaned, whatever they are."""

from __future__ import annotations

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import LayerError
from engine.layers import names, xattrs


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        (b"usr/bin/env", b"usr/bin/env"),
        (b"./usr/bin/", b"usr/bin"),
        (b"/etc//passwd", b"etc/passwd"),
        (b"../../etc", b"etc"),
        (b"a/../../b", b"b"),
        (b"a/./b/.", b"a/b"),
        (b".hidden/..also", b".hidden/..also"),
        (b"...", b"..."),
        (b"./", b""),
        (b"", b""),
        (b"/", b""),
        (b"..", b""),
        (b".//x", b"x"),
        (b"./../x", b"x"),
        (b"x//", b"x"),
    ],
)
def test_clean(name: bytes, cleaned: bytes) -> None:
    assert names.clean(name) == cleaned


@given(st.lists(st.sampled_from([b"a", b"bc", b".", b"..", b"", b".x", b"..."]), max_size=8).map(b"/".join))
def test_clean_is_what_posix_makes_of_it_in_a_root(name: bytes) -> None:
    assert b"/" + names.clean(name) == posixpath.normpath(b"/" + name.lstrip(b"/"))


def test_longer_than_linux_can_open() -> None:
    assert names.clean(b"x/" * 2047) == (b"x/" * 2047)[:-1]
    with pytest.raises(LayerError, match="longer"):
        names.clean(b"x/" * 2048)


def test_shown_is_safe_and_bounded() -> None:
    assert "\x1b" not in names.shown(b"\x1b[31m\xff" * 1000)
    assert len(names.shown(b"\xff" * 10000)) < 1000


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("user.colour", True),
        ("security.capability", True),
        ("system.posix_acl_access", True),
        ("trusted.other", True),
        ("trusted.overlay.opaque", False),
        ("trusted.overlay.overlay.whiteout", False),
        ("user.overlay.redirect", False),
        ("trusted.cutaway.waiting", False),
        ("security.selinux", False),
        ("security.ima", False),
        ("system.nfs4_acl", False),
        ("", False),
    ],
)
def test_attributes_that_are_kept(name: str, kept: bool) -> None:
    assert xattrs.kept(name) is kept


PARTS = st.sampled_from([b"a", b"b", b"..", b".", b""])
LINKS = st.dictionaries(
    st.lists(st.sampled_from([b"a", b"b"]), min_size=1, max_size=2).map(b"/".join),
    st.lists(PARTS, min_size=1, max_size=4).map(b"/".join),
    max_size=4,
)


@given(path=st.lists(PARTS, max_size=4).map(b"/".join), links=LINKS)
def test_followed_ends_where_no_link_is_and_below_the_root(path: bytes, links: dict[bytes, bytes]) -> None:
    try:
        real = names.followed(path, {b"": b""}.get, lambda directory, part: links.get(names.join(directory, part)))
    except LayerError as error:
        told = str(error)
    else:
        told = ""
    if told:
        assert "too many symbolic links" in told
        return
    parts = real.split(b"/") if real else []
    assert not {b"", b".", b".."} & set(parts)
    assert not {b"/".join(parts[:count]) for count in range(1, len(parts) + 1)} & set(links)


def test_followed_goes_on_from_what_is_known() -> None:
    asked = []

    def link_at(directory: bytes, part: bytes) -> bytes | None:
        asked.append((directory, part))
        return {b"x": b"/y", b"up": b"../../..", b"round": b"round"}.get(part)

    known = {b"": b"", b"a/b": b"c/d"}.get
    assert names.followed(b"a/b", known, link_at) == b"c/d"
    assert asked == []
    assert names.followed(b"a/b/e", known, link_at) == b"c/d/e"
    assert asked == [(b"c/d", b"e")]
    assert names.followed(b"a/b/x/z", known, link_at) == b"y/z"
    assert names.followed(b"a/b/up/z", known, link_at) == b"z"
    with pytest.raises(LayerError, match="too many symbolic links"):
        names.followed(b"a/b/round", known, link_at)
