"""The kernel's view of our expanded layers against umoci's unpacking of the same image, and GNU tar's of one layer."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from debian import debian_layout
from isal import igzip
from layer_kit import END, Stack, directory, file, link, snapshot, symlink

pytestmark = [pytest.mark.root, pytest.mark.interop("umoci")]


def blobs(layout: Path) -> list[bytes]:
    """The layer blobs of a layout's only image, lowest first."""

    def read(digest: str) -> bytes:
        return (layout / "blobs" / digest.replace(":", "/")).read_bytes()

    index = json.loads((layout / "index.json").read_bytes())
    manifest = json.loads(read(index["manifests"][0]["digest"]))
    return [read(layer["digest"]) for layer in manifest["layers"]]


def umoci_unpacks(image: str, bundle: Path) -> Path:
    subprocess.run(["umoci", "unpack", "--image", image, str(bundle)], check=True, capture_output=True)
    return bundle / "rootfs"


def test_a_real_debian_is_what_umoci_makes_of_it(tmp_path: Path) -> None:
    layout = debian_layout()
    stack = Stack(tmp_path)
    for blob in blobs(layout):
        stack.add_tar(igzip.decompress(blob), blob=blob)
    theirs = snapshot(umoci_unpacks(f"{layout}:latest", tmp_path / "bundle"))
    ours = stack.merged()
    assert len(ours) > 2000
    assert ours.keys() == theirs.keys()
    differ = {name: (ours[name], theirs[name]) for name in ours if ours[name] != theirs[name]}
    # umoci gives a directory that a layer only passes through the time of the unpacking, and so did the writer of the
    # second layer (which has no entries for them); here they keep the lower layer's
    for name, (mine, other) in differ.items():
        assert mine[0].startswith("d"), name
        assert (*mine[:3], *mine[4:]) == (*other[:3], *other[4:]), name
    assert len(differ) < 20


def test_odd_layers_are_what_umoci_makes_of_them(tmp_path: Path) -> None:
    layers = [
        [
            directory("./"), directory("usr"), directory("usr/lib", 0o711), file("usr/lib/old", b"old"),
            symlink("lib", "usr/lib"), directory("d"), file("d/one", b"1"), file("d/two", b"2"), file("e", b"e"),
            file("h", b"linked", mode=0o600),
        ],
        [
            file("lib/new", b"new"), directory("lib/sub"), file("d/.wh..wh..opq"), file("d/three", b"3"),
            link("h2", "h"), file(".wh.e"), file("../../clamped", b"c"), link("lib/h3", "/h2"),
        ],
        [file("lib/.wh.new"), directory("e"), file("e/f", b"f"), file(".wh.nothing"), symlink("d/one", "../e/f")],
        [file(".wh.e"), file("e/g", b"g"), directory("usr/lib/sub/deep"), link("h4", "lib/h3")],
    ]  # fmt: skip
    image = f"{tmp_path / 'layout'}:odd"
    subprocess.run(["umoci", "init", "--layout", str(tmp_path / "layout")], check=True)
    subprocess.run(["umoci", "new", "--image", image], check=True)
    stack = Stack(tmp_path)
    for members in layers:
        tar = b"".join(members) + END
        (tmp_path / "layer.tar").write_bytes(tar)
        subprocess.run(["umoci", "raw", "add-layer", "--image", image, str(tmp_path / "layer.tar")], check=True)
        stack.add_tar(tar)
    ours = stack.merged()
    theirs = snapshot(umoci_unpacks(image, tmp_path / "bundle"))
    assert ours.keys() == theirs.keys()
    # One inode over three layers: in the overlay the last layer's two files share one, and the others do.
    assert [ours[name][4] for name in ("h", "h2", "h4", "usr/lib/h3")] == ["h", "h", "h4", "h4"]
    for name in ("h4", "usr/lib/h3"):
        ours[name] = (*ours[name][:4], theirs[name][4], ours[name][5])
    for name, mine in ours.items():
        parts = [0, 1, 2, 4, 5] if mine[0].startswith("d") else range(6)  # umoci's times of directories are its own
        assert [mine[part] for part in parts] == [theirs[name][part] for part in parts], name


def test_a_layer_is_what_gnu_tar_makes_of_it(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "sparse").write_bytes(b"x" * 5000)
    with (tree / "sparse").open("r+b") as hole:
        hole.seek(2_000_000)
        hole.write(b"end" * 2000)
        hole.truncate(4_000_000)
    (tree / ("long" * 30)).mkdir()
    (tree / ("long" * 30) / ("name" * 40)).write_bytes(b"x" * 100_000)
    (tree / "link").symlink_to("long" * 60)
    (tree / "other").hardlink_to(tree / "sparse")
    (tree / "big").write_bytes(bytes(range(256)) * 8000)
    for number, options in enumerate(
        (
            ["--format=gnu"],
            ["--format=gnu", "--sparse"],
            ["--format=pax", "--sparse", "--sparse-version=0.0"],
            ["--format=pax", "--sparse", "--sparse-version=0.1"],
            ["--format=pax", "--sparse", "--sparse-version=1.0", "--xattrs"],
            ["--format=pax", "--blocking-factor=2048"],
        )
    ):
        archive, theirs = tmp_path / f"{number}.tar", tmp_path / f"theirs{number}"
        theirs.mkdir()
        subprocess.run(["tar", "-C", tree, "-cf", archive, *options, "."], check=True)
        subprocess.run(["tar", "-C", theirs, "--numeric-owner", "--xattrs", "-xpf", archive], check=True)
        (tmp_path / f"ours{number}").mkdir()
        ours = Stack(tmp_path / f"ours{number}").add_tar(archive.read_bytes())
        assert snapshot(ours) == snapshot(theirs), options
        if "--sparse" in options:
            assert (ours / "sparse").stat().st_blocks * 512 < 1_000_000
