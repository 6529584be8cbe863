"""The store as others see it, and theirs as we do: skopeo, podman and umoci on image layouts, in both directions."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from real_registry import make_layout

from engine.digest import Digest
from engine.jobs import Job
from engine.oci import Platform
from engine.pulling import pull
from engine.store import ImageRecord, LayoutSource, Store

pytestmark = [pytest.mark.interop("skopeo", "podman", "umoci"), pytest.mark.root]

AMD64, ARM64 = Platform("amd64", "linux"), Platform("arm64", "linux", "v8")
NAMES = [
    "docker.io/library/debian:12",
    "localhost/cutaway/demo:latest",
    "localhost:5000/a_b/c-d.e:1.0_x-y",
    "quay.io/org/name:1.0",
]


def run(*command: str | Path) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


@pytest.fixture
def image(store: Store, tmp_path: Path, job: Job) -> ImageRecord:
    """An image of two layers, by every name."""
    layout = make_layout(tmp_path / "made", [{"etc/hostname": b"one\n"}, {"etc/motd": b"two\n"}])
    made = pull(LayoutSource(layout), store, store.root, AMD64, job)
    store.untag(made.name)
    for name in NAMES:
        store.tag(name, made.descriptor)
    return store.find(NAMES[0])


# -- ours, read in place ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_skopeo_finds_an_image_by_its_name(store: Store, image: ImageRecord, name: str) -> None:
    told = json.loads(run("skopeo", "inspect", f"oci:{store.root.images}:{name}"))
    assert told["Digest"] == image.descriptor.digest
    assert told["Layers"] == [layer.digest for layer in image.manifest.layers]


def test_skopeo_copies_all_of_it(store: Store, image: ImageRecord, tmp_path: Path) -> None:
    run("skopeo", "copy", f"oci:{store.root.images}:{NAMES[0]}", f"dir:{tmp_path}/copy")
    for blob in (image.manifest.config, *image.manifest.layers):
        assert Digest.of((tmp_path / "copy" / blob.digest.hex).read_bytes()) == blob.digest


@pytest.fixture
def podman(tmp_path: Path) -> Iterator[list[str]]:
    """podman with a storage of its own (its run root may have 50 characters)."""
    with tempfile.TemporaryDirectory(dir="/tmp") as run_root:
        yield ["podman", "--root", f"{tmp_path}/podman", "--runroot", run_root, "--storage-driver", "vfs"]


def test_podman_pulls_and_mounts_it(store: Store, image: ImageRecord, podman: list[str]) -> None:
    said = run(*podman, "pull", "--quiet", f"oci:{store.root.images}:{NAMES[0]}")
    assert said.strip() == image.config_digest.hex
    mounted = Path(run(*podman, "image", "mount", image.config_digest.hex).strip())
    try:
        assert (mounted / "etc/hostname").read_text() == "one\n"
        assert (mounted / "etc/motd").read_text() == "two\n"
    finally:
        run(*podman, "image", "umount", "--all")


def test_umoci_lists_and_reads_it(store: Store, image: ImageRecord, tmp_path: Path) -> None:
    assert run("umoci", "ls", "--layout", store.root.images).split() == NAMES
    run("umoci", "unpack", "--image", f"{store.root.images}:{NAMES[1]}", tmp_path / "bundle")
    assert (tmp_path / "bundle/rootfs/etc/motd").read_text() == "two\n"


# -- theirs, written into our store -----------------------------------------------------------------------


def test_skopeo_may_add_an_image_to_our_store(store: Store, image: ImageRecord, tmp_path: Path) -> None:
    other = make_layout(tmp_path / "other", [{"x": b"other"}])
    run("skopeo", "copy", f"oci:{other}:latest", f"oci:{store.root.images}:localhost/by/skopeo:1")
    assert sorted(each.name for each in store.images()) == sorted([*NAMES, "localhost/by/skopeo:1"])
    added = store.find("by/skopeo:1")
    store.remove(NAMES[0], lambda: [])
    assert store.read_blob(added.manifest.config)
    assert all(store.has_blob(layer.digest) for layer in added.manifest.layers)
    store.tag("localhost/again:1", added.descriptor)
    assert run("umoci", "ls", "--layout", store.root.images).split().count("localhost/by/skopeo:1") == 1


def test_umoci_may_change_an_image_in_our_store(store: Store, image: ImageRecord, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("inserted")
    at = f"{store.root.images}:{NAMES[0]}"
    run("umoci", "insert", "--image", at, "--tag", "localhost/by/umoci:1", tmp_path / "file", "/srv/file")
    assert len(store.find("by/umoci:1").manifest.layers) == 3
    run("umoci", "gc", "--layout", store.root.images)
    assert store.find(NAMES[1]).config_digest == image.config_digest


# -- theirs, as a source ----------------------------------------------------------------------------------


def test_a_layout_by_skopeo(store: Store, tmp_path: Path, job: Job) -> None:
    made = make_layout(tmp_path / "made", [{"a": b"1"}], architectures=("amd64", "arm64"))
    run("skopeo", "copy", "--all", f"oci:{made}:latest", f"oci:{tmp_path}/theirs:v1")
    digests = set()
    for platform in (AMD64, ARM64):
        image = pull(LayoutSource(tmp_path / "theirs", "v1"), store, store.root, platform, job)
        assert image.name == "localhost/theirs:v1"
        assert image.config.architecture == platform.architecture
        assert (store.layer_path(image.chain_ids[0]) / "a").read_text() == "1"
        digests.add(image.descriptor.digest)
    assert len(digests) == 2


def test_a_layout_by_umoci(store: Store, tmp_path: Path, job: Job) -> None:
    layout = tmp_path / "theirs"
    run("umoci", "init", "--layout", layout)
    run("umoci", "new", "--image", f"{layout}:empty")
    run("umoci", "unpack", "--image", f"{layout}:empty", tmp_path / "bundle")
    (tmp_path / "bundle/rootfs/file").write_text("inserted")
    run("umoci", "repack", "--image", f"{layout}:full", tmp_path / "bundle")
    image = pull(LayoutSource(layout, "full"), store, store.root, AMD64, job)
    assert (store.layer_path(image.chain_ids[-1]) / "file").read_text() == "inserted"
    assert pull(LayoutSource(layout, "empty"), store, store.root, AMD64, job).chain_ids == []


def test_a_layout_with_shared_blobs_elsewhere(store: Store, tmp_path: Path, job: Job) -> None:
    """Builders such as Bazel make layouts of symbolic links; what counts is the content."""
    made = make_layout(tmp_path / "made", [{"a": b"1"}])
    shutil.move(made / "blobs", tmp_path / "shared")
    (made / "blobs/sha256").mkdir(parents=True)
    for blob in (tmp_path / "shared/sha256").iterdir():
        (made / "blobs/sha256" / blob.name).symlink_to(blob)
    image = pull(LayoutSource(made), store, store.root, AMD64, job)
    assert not any(store.blob_path(layer.digest).is_symlink() for layer in image.manifest.layers)
    assert store.read_blob(image.manifest.config)
