"""Random layers: what is packed is what is expanded; stacks merge as the image-spec says; damage stays inside."""

from __future__ import annotations

import io
import os
import posixpath
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from layer_kit import END, Stack, block, directory, file, link, padded, snapshot, symlink

from engine.errors import LayerError
from engine.layers.pack import Entry, Kind, build_layer, opaque, whiteout, write_layer

pytestmark = pytest.mark.root

few = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@contextmanager
def stacked() -> Iterator[Stack]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "inner").mkdir()
        yield Stack(Path(folder) / "inner")
        assert [entry.name for entry in Path(folder).iterdir()] == ["inner"]


def add(stack: Stack, entries: list[Entry]) -> Path:
    tar, blob = io.BytesIO(), io.BytesIO()
    write_layer(entries, tar)
    build_layer(entries, blob)
    return stack.add_tar(tar.getvalue(), blob=blob.getvalue())


part = st.text(st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), min_size=1, max_size=40).filter(
    lambda name: name not in (".", "..") and not name.startswith(".wh.")
)
metadata = {
    "uid": st.one_of(st.just(0), st.integers(0, 2**32 - 2)),
    "gid": st.one_of(st.just(0), st.integers(0, 2**32 - 2)),
    "mtime_ns": st.integers(0, 15 * 10**18),
    "mode": st.one_of(st.sampled_from([0o755, 0o644]), st.integers(0, 0o7777)),
}
attributes = st.dictionaries(
    part.map("user.".__add__).filter(lambda name: "=" not in name), st.binary(max_size=40), max_size=2
)


@st.composite
def trees(draw: st.DrawFn) -> list[Entry]:
    """A whole tree with an entry for every directory, and hard links to files that came before."""
    entries = [Entry("", Kind.DIRECTORY, **draw(st.fixed_dictionaries(metadata)))]
    taken = {""}
    directories, files = [""], []
    for kind in draw(st.lists(st.sampled_from(list(Kind)), max_size=12)):
        path = posixpath.join(draw(st.sampled_from(directories)), draw(part))
        if path in taken:
            continue
        taken.add(path)
        fields: dict[str, Any] = draw(st.fixed_dictionaries(metadata))
        if kind is Kind.LINK:
            if not files:
                continue
            fields = {"target": draw(st.sampled_from(files))}
        elif kind is Kind.SYMLINK:
            fields |= {"target": draw(part), "mode": 0o777}
        elif kind is Kind.FILE:
            fields |= {"content": draw(st.binary(max_size=2000)), "xattrs": draw(attributes)}
            files.append(path)
        elif kind is Kind.DIRECTORY:
            fields |= {"xattrs": draw(attributes)}
            directories.append(path)
        elif kind is not Kind.FIFO:
            fields |= {"device": draw(st.tuples(st.integers(1, 4095), st.integers(0, 2**20 - 1)))}
        entries.append(Entry(path, kind, **fields))
    return entries


_LETTERS = {
    Kind.FILE: "-",
    Kind.DIRECTORY: "d",
    Kind.SYMLINK: "l",
    Kind.FIFO: "p",
    Kind.CHARACTER: "c",
    Kind.BLOCK: "b",
}
_TYPES = {
    "-": stat.S_IFREG,
    "d": stat.S_IFDIR,
    "l": stat.S_IFLNK,
    "p": stat.S_IFIFO,
    "c": stat.S_IFCHR,
    "b": stat.S_IFBLK,
}


def expected(entries: list[Entry]) -> dict[str, tuple[Any, ...]]:
    found: dict[str, tuple[Any, ...]] = {}
    for entry in entries:
        path = entry.path or "."
        if entry.kind is Kind.LINK:
            found[path] = found[entry.target]
            continue
        content: Any = {Kind.FILE: entry.content, Kind.SYMLINK: entry.target}.get(entry.kind)
        if entry.kind in (Kind.CHARACTER, Kind.BLOCK):
            content = entry.device
        mode = stat.filemode(_TYPES[_LETTERS[entry.kind]] | entry.mode)
        found[path] = (mode, (entry.uid, entry.gid), content, entry.mtime_ns, path, dict(entry.xattrs))
    groups: dict[str, str] = {}
    for path in sorted(found, key=lambda name: Path("/", name)):
        first = groups.setdefault(found[path][4], path)
        found[path] = (*found[path][:4], first, found[path][5])
    return found


@few
@given(trees())
def test_a_packed_tree_expands_to_the_same_tree(entries: list[Entry]) -> None:
    with stacked() as stack:
        assert snapshot(add(stack, entries)) == expected(entries)


@settings(few, max_examples=8)
@given(trees())
def test_gnu_tar_makes_the_same_of_it(entries: list[Entry]) -> None:
    tar = io.BytesIO()
    write_layer(entries, tar)
    with stacked() as stack, tempfile.TemporaryDirectory() as theirs:
        options = [
            "--numeric-owner",
            "--xattrs",
            "--xattrs-include=*",
            "--same-permissions",
            "--delay-directory-restore",
        ]
        done = subprocess.run(
            ["tar", "-C", theirs, *options, "-xf", "-"], input=tar.getvalue(), capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert snapshot(add(stack, entries)) == snapshot(Path(theirs))


# Few names, so that layers meet in them. A value is a directory's mode or a file's content.
paths = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3).map("/".join)
changes = st.lists(
    st.one_of(
        st.builds(Entry, path=paths, content=st.binary(max_size=3)),
        st.builds(Entry, path=paths, kind=st.just(Kind.DIRECTORY), mode=st.sampled_from([0o711, 0o700])),
        st.builds(Entry, path=paths, kind=st.just(Kind.DIRECTORY), mode=st.sampled_from([0o711, 0o700])),
        paths.map(whiteout),
        st.one_of(paths, st.just("")).map(opaque),
    ),
    max_size=6,
)
_IMPLIED = -1


def above(path: str) -> list[str]:
    """The directories that a path goes through, without the root."""
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def merge(lower: dict[str, int | bytes], entries: list[Entry]) -> dict[str, int | bytes] | None:
    """What shows when this layer is put on `lower`, by image-spec layer.md; None if it goes through its own file."""
    own: dict[str, int | bytes] = {}
    gone: set[str] = set()  # hidden with all below
    emptied: set[str] = set()  # all below is hidden
    for entry in entries:
        parent, base = posixpath.split(entry.path)
        if base.startswith(".wh.") and base != ".wh..wh..opq":
            gone.add(posixpath.join(parent, base[4:]))
            continue
        for directory_above in above(entry.path):
            if isinstance(own.setdefault(directory_above, _IMPLIED), bytes):
                return None
        if base == ".wh..wh..opq":
            emptied.add(parent)
        elif entry.kind is Kind.DIRECTORY:
            if isinstance(own.get(entry.path), bytes):
                emptied.add(entry.path)
            own[entry.path] = entry.mode
        else:
            assert isinstance(entry.content, bytes)
            own = {path: value for path, value in own.items() if not path.startswith(entry.path + "/")}
            own[entry.path] = entry.content

    def shows(path: str) -> bool:
        passed = above(path)
        return not (
            "" in emptied
            or gone.intersection([*passed, path])
            or emptied.intersection(passed)
            or any(isinstance(own.get(place), bytes) for place in [*passed, path])
        )

    merged = {path: value for path, value in lower.items() if shows(path)}
    for path, value in own.items():
        if value == _IMPLIED:
            old = merged.get(path)
            value = old if isinstance(old, int) else 0o755
        merged[path] = value
    return merged


@settings(few, max_examples=30)
@given(st.lists(changes, min_size=2, max_size=4))
def test_stacks_merge_as_the_image_spec_says(layers: list[list[Entry]]) -> None:
    model: dict[str, int | bytes] = {}
    with stacked() as stack:
        for entries in layers:
            above_model = merge(model, entries)
            if above_model is None:
                with pytest.raises(LayerError, match="no directory"):
                    add(stack, entries)
                return
            model = above_model
            diff = add(stack, entries)
            marks = {key for path in [diff, *diff.rglob("*")] for key in os.listxattr(path, follow_symlinks=False)}
            assert marks <= {"trusted.overlay.opaque"}
        seen = {}
        with stack.mounted() as merged:
            for path in merged.rglob("*"):
                is_directory = path.is_dir()
                value = stat.S_IMODE(path.stat().st_mode) if is_directory else path.read_bytes()
                seen[str(path.relative_to(merged))] = value
        assert seen == model


HOSTILE = (
    directory("./")
    + symlink("up", "../..")
    + symlink("away", "/victim")
    + file("away/f", b"f")
    + directory("d", 0o2755)
    + file("d/f", b"content", records={"SCHILY.xattr.user.k": b"v", "mtime": b"1.5"})
    + link("up/l", "d/f")
    + link("later", "below")
    + file("d/.wh.x")
    + file("d/.wh..wh..opq")
    + block(b"././@LongLink", b"L", size=301)
    + padded(b"n/" * 150 + b"\0")
    + file(b"n" * 100, b"x" * 513)
    + file("null", kind=b"3", device=(1, 3))
    + END
)
SOUND_BASE = directory("d") + file("below", b"b") + symlink("lib", "../../d") + file("d/x", b"x")


@settings(few, max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(HOSTILE) // 512 - 1),
            st.one_of(
                st.tuples(
                    st.just(0), st.sampled_from([b"../x", b"/", b"d", b"lib/x", b"up/y", b".wh.d", b"..", b"away"])
                ),
                st.tuples(st.just(156), st.sampled_from([b"0", b"1", b"2", b"3", b"5", b"6", b"S", b"x", b"L", b"K"])),
                st.tuples(st.just(157), st.sampled_from([b"../victim", b"d", b"/", b"lib", b"up", b".."])),
                st.tuples(st.integers(0, 499), st.binary(min_size=1, max_size=12)),
            ),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_damage_stays_inside(damage: list[tuple[int, tuple[int, bytes]]]) -> None:
    tar = bytearray(HOSTILE)
    for number, (at, value) in damage:
        start = number * 512
        tar[start + at : start + at + len(value)] = value + b"\0" * (at in (0, 157))
        tar = tar[: len(HOSTILE)]
        tar[start + 148 : start + 156] = b" " * 8
        tar[start + 148 : start + 156] = b"%06o\0 " % sum(tar[start : start + 512])
    with stacked() as stack:
        stack.add(SOUND_BASE)
        outside = stack.base.parent / "victim"
        outside.mkdir()
        (outside / "hello").write_text("untouched")
        before = snapshot(outside)
        try:
            stack.add_tar(bytes(tar))
        except LayerError:
            pass
        else:
            stack.merged()
        assert snapshot(outside) == before
        (outside / "hello").unlink()
        outside.rmdir()
        assert not any(Path("/", name).exists() for name in ("victim", "below", "later"))
