"""What was changed in an overlay, captured and expanded again, is the same to the last bit."""

from __future__ import annotations

import io
import os
import random
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from layer_kit import Stack, snapshot
from layered import BASE, Layered, disorder

from engine.errors import LayerError, StoreError
from engine.layers.capture import Capture
from engine.layers.compress import Compression
from engine.layers.pack import build_layer

pytestmark = pytest.mark.root


@pytest.fixture
def layered(tmp_path: Path) -> Layered:
    return Layered(tmp_path)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32), count=st.integers(1, 60))
def test_captured_and_expanded_it_is_the_same(seed: int, count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        layered = Layered(Path(folder))
        with layered.live() as merged:
            disorder(merged, random.Random(seed), count)
            before = snapshot(merged)
            assert layered.capture() == layered.capture()
        assert layered.again() == before


def test_removed_replaced_and_emptied(layered: Layered) -> None:
    with layered.live() as merged:
        (merged / "etc/passwd").unlink()
        subprocess.run(["rm", "-rf", merged / "var"], check=True)
        (merged / "var").mkdir()
        (merged / "var/new").write_text("new")
        (merged / "lib").unlink()
        (merged / "lib").mkdir()
        before = snapshot(merged)
    assert layered.again() == before
    names = {path.decode() for path in _names(layered.capture()[0])}
    assert {"etc/.wh.passwd", "var/.wh..wh..opq", "var/new", "lib/"} <= names


def _names(tar: bytes) -> list[bytes]:
    import tarfile

    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        return [os.fsencode(member.name + "/" * member.isdir()) for member in archive]


def test_a_directory_renamed_by_redirect_and_a_file_without_its_content(tmp_path: Path) -> None:
    layered = Layered(tmp_path, "index=off,redirect_dir=on,metacopy=on")
    with layered.live() as merged:
        (merged / "var/lib").rename(merged / "moved")
        (merged / "moved/more").write_text("more")
        os.chmod(merged / "caps", 0o711)
        assert os.getxattr(layered.upper / "moved", "trusted.overlay.redirect")
        assert os.listxattr(layered.upper / "caps")
        before = snapshot(merged)
        layered.stack.add_tar(*layered.capture())
    after = layered.stack.merged()
    # Two names of one file below are two files above: the kernel's copy-up (index=off) makes the same of them.
    assert {name: entry[:4] for name, entry in after.items()} == {name: entry[:4] for name, entry in before.items()}


def test_what_leans_on_a_directory_that_is_not_mounted_is_refused_and_nothing_stays_open(tmp_path: Path) -> None:
    layered = Layered(tmp_path, "index=off,redirect_dir=on,metacopy=on")
    with layered.live() as merged:
        (merged / "usr/lib").rename(merged / "usr/moved")
    before = sorted(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with pytest.raises(StoreError, match="No such file"):
            layered.capture()
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_holes_are_zeros_in_the_layer_and_holes_again_where_it_is_expanded(layered: Layered) -> None:
    """podman and docker cannot give away again what has the headers of sparse files."""
    with layered.live() as merged, (merged / "disk").open("wb") as disk:
        disk.truncate(60 << 20)
        disk.seek(20 << 20)
        disk.write(b"data")
    tar, blob = layered.capture()
    assert len(tar) > 60 << 20
    assert len(blob) < 1 << 20
    assert b"GNU.sparse" not in tar
    layered.stack.add_tar(tar, blob=blob)
    made = (layered.stack.diffs[-1] / "disk").stat()
    assert made.st_size == 60 << 20
    assert made.st_blocks * 512 < 2 << 20
    with (layered.stack.diffs[-1] / "disk").open("rb") as disk:
        disk.seek((20 << 20) - 1)
        assert disk.read(6) == b"\0data\0"


def test_overlayfs_own_attributes_and_sockets_stay_out(layered: Layered) -> None:
    import socket

    with layered.live() as merged:
        (merged / "etc/hosts").write_text("changed")
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(merged / "socket"))
        os.setxattr(merged / "etc/hosts", "trusted.mine", b"1")
    tar, _ = layered.capture()
    assert b"trusted.overlay" not in tar
    assert b"trusted.mine" in tar
    assert b"socket" not in tar


def test_names_that_a_layer_cannot_hold(layered: Layered) -> None:
    with layered.live() as merged:
        (merged / ".wh.trap").write_text("")
    with pytest.raises(LayerError, match="cannot be in a layer"):
        layered.capture()
    assert b"trap" not in layered.capture(leave_out=frozenset({b".wh.trap"}))[0]


def test_no_link_is_followed_out_of_the_tree(layered: Layered, tmp_path: Path) -> None:
    """A container that swaps a directory for a link while it is captured gets nothing of the host's."""
    secret = tmp_path / "host"
    secret.mkdir()
    (secret / "shadow").write_text("the host's secret")
    with layered.live() as merged:
        (merged / "a").mkdir()
        (merged / "a/shadow").write_text("harmless")
    content = b""
    for entry in Capture(layered.upper).entries():
        if entry.path == "a":
            (layered.upper / "a").rename(layered.upper / "b")
            (layered.upper / "a").symlink_to(secret)
        elif entry.path == "a/shadow":
            assert isinstance(entry.content, int)
            content = os.pread(entry.content, 100, 0)
    assert content == b"harmless"


@pytest.mark.parametrize("kind", list(Compression))
def test_every_level_gives_the_same_content(layered: Layered, kind: Compression) -> None:
    with layered.live() as merged:
        (merged / "text").write_text("lorem ipsum " * 10_000)
    found = set()
    for level in {Compression.GZIP: (0, 1, 3, 9), Compression.ZSTD: (1, 3, 19)}[kind]:
        blob = io.BytesIO()
        found.add(build_layer(Capture(layered.upper).entries(), blob, kind=kind, level=level).diff_id)
        stack = Stack(layered.folder / f"{kind.value}{level}")
        stack.base.mkdir()
        stack.add(*BASE)
        stack.add_tar(layered.capture()[0], blob=blob.getvalue())
    assert len(found) == 1


def test_times_are_bounded(layered: Layered) -> None:
    with layered.live() as merged:
        (merged / "now").write_text("now")
        (merged / "then").write_text("then")
        os.utime(merged / "then", (1000, 1000))
    entries = {entry.path: entry for entry in Capture(layered.upper, latest=2000 * 10**9).entries()}
    assert entries["now"].mtime_ns == 2000 * 10**9
    assert entries["then"].mtime_ns == 1000 * 10**9
