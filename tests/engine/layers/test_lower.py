"""The way down into a layer, from its root."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.layers import lower


def opened() -> list[str]:
    return sorted(os.listdir("/proc/self/fd"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root/etc/deep").mkdir(parents=True)
    (tmp_path / "root/etc/deep/file").write_text("content")
    (tmp_path / "root/link").symlink_to("etc")
    return tmp_path / "root"


@pytest.mark.parametrize("path", [b"", b"etc", b"etc/deep"])
def test_a_directory_is_opened_and_those_above_it_are_closed(root: Path, path: bytes) -> None:
    before = opened()
    handle = lower.open_directory(root, path)
    try:
        assert os.path.samestat(os.fstat(handle), (root / os.fsdecode(path)).stat())
        assert len(opened()) == len(before) + 1
    finally:
        os.close(handle)
    assert opened() == before


def test_a_file_is_opened_and_the_directories_above_it_are_closed(root: Path) -> None:
    before = opened()
    with os.fdopen(lower.open_file(root, b"etc/deep/file"), "rb") as file:
        assert len(opened()) == len(before) + 1
        assert file.read() == b"content"
    assert opened() == before


@pytest.mark.parametrize(
    "path", [b"gone", b"etc/gone/deep", b"etc/deep/file/x", b"link", b"link/deep", b"etc/deep/no/x"]
)
def test_a_way_that_leads_nowhere_leaves_nothing_open(root: Path, path: bytes) -> None:
    before = opened()
    for opening in (lower.open_directory, lower.open_file):
        with pytest.raises(OSError, match=r"No such file|Not a directory|symbolic links"):
            opening(root, path)
    assert opened() == before
