"""Reading tar headers: the formats' own rules, and damage of any kind ends in LayerError."""

from __future__ import annotations

import os
import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layer_kit import END, block, directory, file, link, number, padded, pax, symlink

from engine.errors import LayerError
from engine.layers import header
from engine.layers import pax as pax_records
from engine.layers.archive import Archive, Kind, Member
from engine.layers.limits import Limits


def read(tar: bytes, *, step: int = 1000) -> list[tuple[Member, bytes]]:
    """All members with their content; the stream comes in pieces of `step` bytes, so that all reading crosses them."""
    archive = Archive((tar[at : at + step] for at in range(0, len(tar), step)), Limits(size=1 << 24))
    found = []
    with tempfile.TemporaryFile() as scratch:
        while (member := archive.next()) is not None:
            os.ftruncate(scratch.fileno(), 0)
            os.lseek(scratch.fileno(), 0, os.SEEK_SET)
            if member.kind is Kind.FILE and member.size:
                archive.copy(scratch.fileno(), member)
            scratch.seek(0)
            found.append((member, scratch.read()))
    return found


def only(tar: bytes) -> Member:
    ((member, _),) = read(tar)
    return member


@pytest.mark.parametrize("step", [1, 511, 512, 513, 1000, 100_000])
def test_members_in_order_with_their_content(step: int) -> None:
    tar = (
        directory("d", 0o700)
        + file("d/f", b"x" * 1025, uid=5, gid=6)
        + symlink("s", "d/f")
        + link("l", "d/f")
        + file("e")
    )
    members = read(tar + END, step=step)
    assert [(member.name, member.kind) for member, _ in members] == [
        (b"d", Kind.DIRECTORY),
        (b"d/f", Kind.FILE),
        (b"s", Kind.SYMLINK),
        (b"l", Kind.LINK),
        (b"e", Kind.FILE),
    ]
    assert members[1][1] == b"x" * 1025
    assert (members[1][0].uid, members[1][0].gid, members[1][0].mtime) == (5, 6, 1_700_000_000 * 10**9)
    assert members[2][0].target == b"d/f"


def test_content_that_nobody_takes_is_skipped() -> None:
    archive = Archive(iter([file("a", b"x" * 5000) + file("b", b"y") + END]), Limits())
    names = []
    while (member := archive.next()) is not None:
        names.append(member.name)
    assert names == [b"a", b"b"]


@pytest.mark.parametrize(
    ("value", "meaning"),
    [
        (b"0000644\0", 0o644),
        (b"000644 \0", 0o644),
        (b"   644 \0", 0o644),
        (b"644\0\0\0\0\0", 0o644),
        (b"00000644", 0o644),
        (bytes(8), 0),
        (b" " * 8, 0),
        (b"\x80\0\0\0\0\0\1\0", 256),
        (b"\xff" * 8, -1),
        (b"\xff" * 7 + b"\0", -256),
    ],
)
def test_numbers(value: bytes, meaning: int) -> None:
    assert header.number(value) == meaning


@pytest.mark.parametrize("value", [b"0000648\0", b"-000644\0", b"0o00644\0", b"000_644\0", b"644\0 644", b"\x00000644"])
def test_numbers_that_are_none(value: bytes) -> None:
    with pytest.raises(LayerError):
        header.number(value)


@given(st.integers(-(2**62), 2**62))
def test_numbers_there_and_back(value: int) -> None:
    assert header.number(number(value, 12)) == value


@given(st.integers(0, 511), st.integers(1, 255))
def test_any_changed_byte_of_a_header_is_noticed(at: int, change: int) -> None:
    raw = bytearray(block(b"some/name", size=77, uid=1000))
    raw[at] ^= change
    if 148 <= at < 156:
        try:
            header.read_block(bytes(raw))  # the checksum's own field: other digits, or another way to write the same
        except LayerError:
            return
        assert header.number(bytes(raw[148:156])) == header.number(block(b"some/name", size=77, uid=1000)[148:156])
    else:
        with pytest.raises(LayerError, match="checksum"):
            header.read_block(bytes(raw))


@pytest.mark.parametrize("name", [b"f", b"\xff" * 99])
def test_a_checksum_is_exact(name: bytes) -> None:
    """Also where it is wrong by what Adler-32 divides by, and where the sum of all bytes is beyond that."""
    raw = block(name)
    for filled in (raw, raw[:157] + b"\xff" * 100 + raw[257:345] + b"\xff" * 155 + raw[500:]):
        whole = filled[:148] + b" " * 8 + filled[156:]
        for wrong in (-65521, 0, 1, 65521):
            if sum(whole) + wrong >= 0:
                told = filled[:148] + b"%06o\0 " % (sum(whole) + wrong) + filled[156:]
                assert header.is_sound(told) is (not wrong), (filled, wrong)


def test_prefix_of_ustar_star_and_gnu() -> None:
    assert only(block(b"name", prefix=b"some/long") + END).name == b"some/long/name"
    assert only(block(b"name", magic=b"ustar  \0", prefix=b"14353311111\0") + END).name == b"name"
    assert only(block(b"name", magic=bytes(8), prefix=b"not/a/prefix") + END).name == b"name"
    star = b"some/long".ljust(131, b"\0") + b"00000000000 00000000000 " + bytes(8) + b"tar\0"
    assert only(block(b"name", prefix=star) + END).name == b"some/long/name"


def test_v7_directory() -> None:
    assert only(block(b"d/", b"\0", magic=bytes(8)) + END).kind is Kind.DIRECTORY


def test_gnu_long_name_and_target() -> None:
    name, target = b"n" * 300, b"t" * 200
    tar = block(b"././@LongLink", b"K", size=201) + padded(target + b"\0")
    tar += block(b"././@LongLink", b"L", size=301) + padded(name + b"\0") + block(name[:100], b"2", target=target[:100])
    member = only(tar + END)
    assert (member.name, member.target) == (name, target)


def test_extended_header_overrides() -> None:
    member = only(
        file(
            "short",
            b"12345",
            records={"path": "long/ü".encode(), "uid": b"70000", "mtime": b"12.000000001", "gid": b""},
        )
        + END
    )
    assert (member.name.decode(), member.uid, member.gid, member.mtime) == ("long/ü", 70000, 0, 12_000_000_001)


@pytest.mark.parametrize(
    ("value", "nanoseconds"),
    [(b"1", 10**9), (b"-1.5", -1_500_000_000), (b"0.1234567899", 123_456_789), (b"3.", 3 * 10**9)],
)
def test_times(value: bytes, nanoseconds: int) -> None:
    assert only(file("f", records={"mtime": value}) + END).mtime == nanoseconds


def test_global_header_changes_nothing() -> None:
    assert only(pax({"path": b"x", "comment": b"by git archive"}, b"g") + file("f") + END).name == b"f"


def test_data_size_by_pax() -> None:
    content = b"x" * 700
    tar = pax({"size": b"700"}) + block(b"f", size=0) + padded(content) + file("g") + END
    assert [(member.name, data) for member, data in read(tar)] == [(b"f", content), (b"g", b"")]


def test_size_of_what_has_no_data_is_not_believed() -> None:
    assert [member.name for member, _ in read(block(b"d", b"5", size=4096) + file("f") + END)] == [b"d", b"f"]


@pytest.mark.parametrize("end", [b"", bytes(512), bytes(1024), bytes(10240), bytes(1024) + b"behind the end"])
def test_ends(end: bytes) -> None:
    assert len(read(file("f", b"x") + end)) == 1


def test_empty_stream() -> None:
    assert read(b"") == []


def sparse_old(pieces: list[tuple[int, int]], size: int, data: bytes) -> bytes:
    def table(some: list[tuple[int, int]]) -> bytes:
        return b"".join(number(offset, 12) + number(length, 12) for offset, length in some)

    raw = {386: table(pieces[:4]), 482: bytes([len(pieces) > 4]), 483: number(size, 12)}
    tar = block(b"f", b"S", size=len(data), magic=b"ustar  \0", raw=raw)
    for at in range(4, len(pieces), 21):
        tar += (table(pieces[at : at + 21]).ljust(504, b"\0") + bytes([len(pieces) > at + 21])).ljust(512, b"\0")
    return tar + padded(data)


@given(st.lists(st.tuples(st.integers(0, 900), st.integers(1, 900)), max_size=60), st.integers(0, 1000))
def test_sparse_files_in_all_forms(gaps: list[tuple[int, int]], tail: int) -> None:
    whole, data, pieces = b"", b"", []
    for hole, length in gaps:
        piece = bytes([len(pieces) % 255 + 1]) * length
        pieces.append((len(whole) + hole, length))
        whole += bytes(hole) + piece
        data += piece
    whole += bytes(tail)
    flat = [b"%d" % value for piece in pieces for value in piece]
    size = b"%d" % len(whole)
    forms = [
        sparse_old(pieces, len(whole), data),
        pax([("GNU.sparse.size", size), ("GNU.sparse.numblocks", b"%d" % len(pieces))]
            + [("GNU.sparse.offset" if at % 2 == 0 else "GNU.sparse.numbytes", value) for at, value in enumerate(flat)]
            + ([] if pieces else [("GNU.sparse.map", b"")]))
        + file("f", data),
        file("GNUSparseFile.0/f", data, records={
            "GNU.sparse.map": b",".join(flat), "GNU.sparse.size": size, "GNU.sparse.name": b"f"}),
        file("GNUSparseFile.0/f", padded(b"\n".join([b"%d" % len(pieces), *flat, b""])) + data, records={
            "GNU.sparse.major": b"1", "GNU.sparse.minor": b"0", "GNU.sparse.name": b"f", "GNU.sparse.realsize": size}),
    ]  # fmt: skip
    for form in forms:
        (member, content), (after, _) = read(form + file("after") + END)
        assert (member.name, member.size, content, after.name) == (b"f", len(whole), whole, b"after")


SOUND = (
    directory("./")
    + file("a/b", b"content" * 100, records={"SCHILY.xattr.user.k": b"v", "mtime": b"1.5"})
    + block(b"././@LongLink", b"L", size=301)
    + padded(b"n" * 300 + b"\0")
    + file(b"n" * 100, b"x" * 513)
    + symlink("s", "a")
    + link("l", "a/b")
    + sparse_old([(100, 10), (600, 5)], 700, b"y" * 15)
    + file("null", kind=b"3", device=(1, 3))
    + END
)


@settings(max_examples=400, deadline=2000)
@given(
    st.lists(st.tuples(st.integers(0, len(SOUND) - 1), st.binary(min_size=1, max_size=16)), min_size=1, max_size=4),
    st.booleans(),
)
def test_damage_ends_in_a_layer_error_or_in_another_sound_archive(damage: list[tuple[int, bytes]], mend: bool) -> None:
    tar = bytearray(SOUND)
    for at, value in damage:
        tar[at : at + len(value)] = value[: len(SOUND) - at]
        if mend:  # so that what lies behind the checksum is tried too
            start = at - at % 512
            tar[start + 148 : start + 156] = b" " * 8
            tar[start + 148 : start + 156] = b"%06o\0 " % sum(tar[start : start + 512])
    try:
        members = read(bytes(tar))
    except LayerError:
        return
    assert all(b"\0" not in member.name + member.target for member, _ in members)


@settings(max_examples=200)
@given(st.integers(0, len(SOUND)))
def test_any_truncation_ends(size: int) -> None:
    try:
        read(SOUND[:size])
    except LayerError:
        return
    assert size % 512 == 0  # between two members


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_any_extended_header_is_read_or_refused(raw: bytes) -> None:
    try:
        records = pax_records.parse(raw)
    except LayerError:
        return
    assert all("\0" not in key for key in records)
