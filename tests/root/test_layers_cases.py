"""Hostile and odd layers from other projects' tests, through unpack and a real overlay mount.

They lie outside of the project; where they are absent, this is skipped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from layer_kit import Stack

from engine.errors import LayerError

pytestmark = pytest.mark.root

CASES = Path(os.environ.get("CUTAWAY_CASES") or Path(__file__).resolve().parents[2] / "../shared/cases") / "tar"

if not CASES.is_dir():
    pytest.skip("tar cases from outside are not here (CUTAWAY_CASES names their folder)", allow_module_level=True)

# What the trusted tools refuse, each for the reason that stands beside it; everything else unpacks.
REFUSED = {
    "12-SymlinkParentDirectory": "replace the root",
    "13-SymlinkEmptyFilename": "replace the root",
    "20-WhiteoutRootParent": "whiteout",
    "21-WhiteoutParent": "whiteout",
    "22-WhiteoutRoot": "whiteout",
    "23-WhiteoutCurrentDirectory": "whiteout",
    "TestApplyLayerInvalidSymlink-4": "hard link",
    "TestUntarInvalidSymlink-4": "hard link",
    "bare-parent": "replace the root",
    "sibling-prefix-hardlink": "hard link",
    "wh-bare": "whiteout",
    "wh-dot": "whiteout",
    "wh-dotdot": "whiteout",
    **{
        f"Test{kind}InvalidHardlink-{number}": "hard link|no directory"
        for kind in ("ApplyLayer", "Untar")
        for number in range(6)
    },
}
FOLDERS = sorted(path.parent for path in CASES.glob("*/*/case.json"))


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    for folder in ("victim", "dest-evil"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "hello").write_text("hello, world")
        (tmp_path / folder / "secret").write_text("secret")
    (tmp_path / "inner").mkdir()
    return Stack(tmp_path / "inner")


def outside(stack: Stack) -> list[tuple[Any, ...]]:
    seen = []
    for path in sorted(stack.base.parent.rglob("*")):
        if not path.is_relative_to(stack.base):
            status = path.lstat()
            seen.append((str(path), status.st_mode, status.st_nlink, status.st_mtime_ns, status.st_size))
    return seen


def test_the_cases_are_there() -> None:
    assert len(FOLDERS) > 60


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}/{folder.name}")
def test_case(stack: Stack, folder: Path) -> None:
    before = outside(stack)
    case = json.loads((folder / "case.json").read_text())
    if (folder / "base.tar").exists():
        stack.add_tar((folder / "base.tar").read_bytes())
    layer = (folder / "layer.tar").read_bytes()
    if (reason := REFUSED.get(folder.name)) is not None:
        with pytest.raises(LayerError, match=reason):
            stack.add_tar(layer)
    else:
        stack.add_tar(layer)
        with stack.mounted() as merged:
            expect = case.get("expect")
            for check in expect["checks"] if isinstance(expect, dict) else []:
                for name, arguments in check.items():
                    CHECKS[name](merged, *(arguments if isinstance(arguments, list) else [arguments]))
            secrets = [
                path
                for path in merged.rglob("*")
                if path.is_file() and path.read_bytes() in (b"hello, world", b"secret")
            ]
            assert secrets == []
    assert outside(stack) == before


def inside(merged: Path, name: str) -> Path:
    """Where a path leads in a root of its own: links are followed by hand."""
    path, parts = merged, [part for part in reversed(name.split("/")) if part]
    while parts:
        part = parts.pop()
        if part == "..":
            path = merged if path == merged else path.parent
        elif (path / part).is_symlink():
            target = os.readlink(path / part)
            path = merged if target.startswith("/") else path
            parts += [part for part in reversed(target.split("/")) if part not in ("", ".")]
        else:
            path /= part
    return path


def file_value(merged: Path, name: str, content: str) -> None:
    assert inside(merged, name).read_text() == content


def file_not_exists(merged: Path, name: str) -> None:
    assert not inside(merged, name).exists()


def same_file(merged: Path, one: str, other: str) -> None:
    assert inside(merged, one).samefile(inside(merged, other))


def not_same_file(merged: Path, one: str, other: str) -> None:
    assert not inside(merged, one).samefile(inside(merged, other))


def same_symlink_file(merged: Path, one: str, other: str) -> None:
    first, second = (merged / name.lstrip("/") for name in (one, other))
    assert first.is_symlink()
    assert os.path.samestat(first.lstat(), second.lstat())


CHECKS: dict[str, Callable[..., None]] = {
    "fileValue": file_value,
    "fileNotExists": file_not_exists,
    "sameFile": same_file,
    "notSameFile": not_same_file,
    "sameSymlinkFile": same_symlink_file,
}


def test_whiteout_sequence(stack: Stack) -> None:
    folder = CASES / "go-archive-whiteout-sequence"
    for number, expected in enumerate(json.loads((folder / "case.json").read_text())["expected_after"]):
        stack.add_tar((folder / f"layer{number}.tar").read_bytes())
        with stack.mounted() as merged:
            seen = [str(path.relative_to(merged)) + "/" * path.is_dir() for path in merged.rglob("*")]
        assert sorted(seen) == sorted(expected)
