"""Writing layers: the same bytes for the same entries, and what others' readers make of them."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.digest import Digest
from engine.errors import StoreError
from engine.layers.archive import Archive
from engine.layers.limits import Limits
from engine.layers.pack import Entry, Kind, build_layer, opaque, whiteout, write_layer

ENTRIES = [
    Entry("", Kind.DIRECTORY, 0o755),
    Entry("etc", Kind.DIRECTORY, 0o711, uid=1, gid=2, mtime_ns=5_000_000_000),
    Entry("etc/hosts", mode=0o640, content=b"127.0.0.1 localhost\n", mtime_ns=1_700_000_000_123_456_789),
    Entry("etc/link", Kind.SYMLINK, 0o777, target="hosts"),
    Entry("etc/same", Kind.LINK, target="etc/hosts"),
    Entry("dev/null", Kind.CHARACTER, 0o666, device=(1, 3)),
    Entry("dev/disk", Kind.BLOCK, 0o660, device=(259, 70000)),
    Entry("fifo", Kind.FIFO, 0o600),
    Entry("long/" * 40 + "näme", content=b"x", uid=3_000_000_000, xattrs={"user.k": b"v\0\n", "user.a": b"1"}),
    Entry("old", content=b"x", mtime_ns=-1_500_000_000),
    Entry("far", Kind.SYMLINK, target="t/" * 200),
    whiteout("etc/motd"),
    whiteout("gone"),
    opaque("var"),
    opaque(""),
]


def packed(entries: list[Entry]) -> bytes:
    out = io.BytesIO()
    write_layer(entries, out)
    return out.getvalue()


def test_python_reads_what_was_written() -> None:
    with tarfile.open(fileobj=io.BytesIO(packed(ENTRIES))) as tar:
        members = tar.getmembers()
        content = tar.extractfile("etc/hosts")
        assert content is not None
        assert content.read() == b"127.0.0.1 localhost\n"
    assert [member.name for member in members] == [
        ".", "etc", "etc/hosts", "etc/link", "etc/same", "dev/null", "dev/disk", "fifo", "long/" * 40 + "näme", "old",
        "far", "etc/.wh.motd", ".wh.gone", "var/.wh..wh..opq", ".wh..wh..opq",
    ]  # fmt: skip
    by_name = {member.name: member for member in members}
    assert (by_name["etc"].mode, by_name["etc"].uid, by_name["etc"].gid, by_name["etc"].mtime) == (0o711, 1, 2, 5)
    assert by_name["etc/hosts"].pax_headers["mtime"] == "1700000000.123456789"
    assert by_name["etc/link"].linkname == "hosts"
    assert by_name["etc/same"].islnk()
    assert (by_name["dev/disk"].devmajor, by_name["dev/disk"].devminor) == (259, 70000)
    assert by_name["old"].mtime == -1.5
    assert by_name["far"].linkname == "t/" * 200
    assert by_name["long/" * 40 + "näme"].uid == 3_000_000_000


def test_the_same_entries_are_the_same_bytes() -> None:
    assert packed(ENTRIES) == packed(ENTRIES)
    one, other = io.BytesIO(), io.BytesIO()
    assert build_layer(ENTRIES, one) == build_layer(ENTRIES, other)
    assert one.getvalue() == other.getvalue()


def test_built_layer_names_what_it_wrote() -> None:
    out = io.BytesIO()
    built = build_layer(ENTRIES, out)
    blob, tar = out.getvalue(), packed(ENTRIES)
    assert gzip.decompress(blob) == tar
    assert built.digest == Digest.of(blob)
    assert built.size == len(blob)
    assert built.diff_id == Digest.of(tar)
    assert built.diff_size == len(tar)
    assert blob[4:8] == bytes(4)  # no time in the gzip header


def test_content_from_a_file(tmp_path: Path) -> None:
    content = bytes(range(256)) * 3000
    (tmp_path / "big").write_bytes(content)
    (tmp_path / "empty").write_bytes(b"")
    entries = [Entry("big", content=tmp_path / "big"), Entry("empty", content=tmp_path / "empty"), Entry("end")]
    with tarfile.open(fileobj=io.BytesIO(packed(entries))) as tar:
        assert tar.getnames() == ["big", "empty", "end"]
        big = tar.extractfile("big")
        assert big is not None
        assert hashlib.sha256(big.read()).digest() == hashlib.sha256(content).digest()


def test_content_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot read"):
        packed([Entry("f", content=tmp_path / "absent")])
    with pytest.raises(StoreError):
        packed([Entry("f", content=tmp_path)])


names = st.text(st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), min_size=1, max_size=150)
entries = st.lists(
    st.builds(
        Entry,
        path=st.lists(names, min_size=1, max_size=4).map("/".join),
        kind=st.sampled_from([Kind.FILE, Kind.DIRECTORY, Kind.SYMLINK, Kind.LINK, Kind.FIFO, Kind.CHARACTER]),
        mode=st.integers(0, 0o7777),
        uid=st.integers(0, 2**32 - 2),
        gid=st.integers(0, 2**32 - 2),
        mtime_ns=st.integers(-(10**20), 10**20),
        content=st.binary(max_size=1500),
        target=names,
        device=st.tuples(st.integers(0, 4095), st.integers(0, 2**20 - 1)),
        xattrs=st.dictionaries(names.filter(lambda name: "=" not in name), st.binary(max_size=50), max_size=3),
    ),
    max_size=8,
)


@given(entries)
def test_reader_and_writer_agree(entries: list[Entry]) -> None:
    archive = Archive(iter([packed(entries)]), Limits())
    for entry in entries:
        member = archive.next()
        assert member is not None
        assert member.name.decode().removesuffix("/") == entry.path
        assert (member.kind, member.mode, member.uid, member.gid) == (entry.kind, entry.mode, entry.uid, entry.gid)
        assert member.mtime == entry.mtime_ns
        assert (member.xattrs or {}) == entry.xattrs
        if entry.kind is Kind.FILE:
            assert member.size == len(entry.content) if isinstance(entry.content, bytes) else False
        if entry.kind in (Kind.SYMLINK, Kind.LINK):
            assert member.target.decode() == entry.target
        if entry.kind is Kind.CHARACTER:
            assert member.device == entry.device
    assert archive.next() is None
