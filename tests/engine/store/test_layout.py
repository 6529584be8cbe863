"""Image layouts as a source: names, platforms, nested indexes, and what a hostile one may contain."""

import os
import re
from pathlib import Path
from typing import Any

import pytest

from engine.digest import Digest
from engine.disk import DataRoot
from engine.errors import Cancelled, ContentError, ImageUnknown, StoreError, UsageError
from engine.jobs import Job
from engine.oci import (
    CONFIG,
    INDEX,
    LAYER,
    MANIFEST,
    REF_NAME,
    Descriptor,
    ImageConfig,
    Index,
    Manifest,
    Platform,
    RootFS,
    encode,
)
from engine.reference import Reference
from engine.source import Directory
from engine.store import LayoutSource, Store

LINUX = Platform("amd64", "linux")
ARM = Platform("arm64", "linux", "v8")


class Layout:
    """A layout in the making."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "blobs/sha256").mkdir(parents=True)
        (path / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        self.entries: list[Descriptor] = []

    def blob(self, data: bytes, media_type: str, **more: Any) -> Descriptor:
        descriptor = Descriptor(media_type, Digest.of(data), len(data), **more)
        (self.path / "blobs/sha256" / descriptor.digest.hex).write_bytes(data)
        return descriptor

    def image(self, content: bytes = b"layer", **more: Any) -> Descriptor:
        layer = self.blob(content, LAYER)
        config = self.blob(encode(ImageConfig("amd64", "linux", RootFS("layers", [layer.digest]))), CONFIG)
        return self.blob(encode(Manifest(2, config, [layer], MANIFEST)), MANIFEST, **more)

    def index(self, *offers: Descriptor, **more: Any) -> Descriptor:
        return self.blob(encode(Index(2, list(offers), INDEX)), INDEX, **more)

    def add(self, *entries: Descriptor, name: str = "") -> None:
        for entry in entries:
            annotations = {REF_NAME: name} if name else None
            self.entries.append(
                Descriptor(entry.media_type, entry.digest, entry.size, annotations, entry.platform, entry.urls)
            )
        (self.path / "index.json").write_bytes(encode(Index(2, self.entries, INDEX)))

    def __call__(self, tag: str | None = None) -> LayoutSource:
        return LayoutSource(self.path, tag)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "layout")


def test_the_only_image_needs_no_name(layout: Layout, job: Job) -> None:
    layout.add(layout.image())
    source = layout()
    image = source.image(LINUX, job)
    assert image.descriptor == layout.entries[0]
    assert [layer.media_type for layer in image.manifest.layers] == [LAYER]
    assert Digest.of(image.manifest_raw) == image.descriptor.digest
    assert Digest.of(image.config_raw) == image.manifest.config.digest
    assert b"".join(source.blob(image.manifest.layers[0], 0, job)) == b"layer"
    assert b"".join(source.blob(image.manifest.layers[0], 3, job)) == b"er"
    assert job.steps[0].command == f"skopeo inspect --raw oci:{layout.path}"
    source.close()


@pytest.mark.parametrize("tag", ["v1", "docker.io/library/debian:12", "debian:12", "docker.io/debian:12"])
def test_one_of_several_by_its_name(layout: Layout, job: Job, tag: str) -> None:
    layout.add(layout.image(b"one"), name="v1")
    layout.add(layout.image(b"two"), name="docker.io/library/debian:12")
    wanted = layout.entries[0 if tag == "v1" else 1]
    assert layout(tag).image(LINUX, job).descriptor.digest == wanted.digest


@pytest.mark.parametrize("tag", [None, "v2", "debian", ""])
def test_what_is_on_offer_is_listed(layout: Layout, tag: str | None) -> None:
    layout.add(layout.image(b"one"), name="v1")
    layout.add(layout.image(b"two"), name="docker.io/library/debian:12")
    with pytest.raises(ImageUnknown) as caught:
        layout(tag)
    assert f"oci:{layout.path}:v1" in caught.value.hint
    assert f"oci:{layout.path}:docker.io/library/debian:12" in caught.value.hint


def test_an_empty_layout(layout: Layout) -> None:
    layout.add()
    with pytest.raises(ImageUnknown, match="has no image") as caught:
        layout()
    assert caught.value.hint == "It is empty."


@pytest.mark.parametrize(
    ("own", "name"),
    [
        ("docker.io/library/debian:12", "docker.io/library/debian:12"),
        ("quay.io:5000/a/b@sha256:" + "0" * 64, "quay.io:5000/a/b@sha256:" + "0" * 64),
        ("latest", "localhost/layout:latest"),
        ("v1.0", "localhost/layout:v1.0"),
        ("debian:12", "localhost/debian:12"),
        ("org/tool", "localhost/org/tool:latest"),
        ("quay.io/org/tool", "quay.io/org/tool:latest"),
        (f"debian@sha256:{'0' * 64}", f"localhost/layout:debian-sha256-{'0' * 64}"),
        ("", "localhost/layout:latest"),
        ("..", "localhost/layout:latest"),
        ("a/../../b", "localhost/layout:a-..-..-b"),
        ("\x1b[2Jä", "localhost/layout:2J-"),
        ("x" * 500, "localhost/layout:" + "x" * 128),
    ],
)
def test_the_name_in_the_store(layout: Layout, own: str, name: str) -> None:
    layout.add(layout.image(), name=own)
    assert layout().name == name
    assert str(Reference.parse(layout().name)) == name


def test_no_layout_chooses_the_digest_in_a_name(layout: Layout, job: Job) -> None:
    image = layout.image()
    index = layout.index(image)
    name = "docker.io/library/debian"
    layout.add(image, name=f"{name}@sha256:{'a' * 64}")
    layout.add(image, name=f"{name}:12@{image.digest}")
    layout.add(index, name=f"{name}@{index.digest}")
    forged, own, by_index = [layout(tag) for tag in LayoutSource.names(Directory(layout.path))]
    with pytest.raises(UsageError, match="has the digest of another image"):
        forged.image(LINUX, job)
    assert own.image(LINUX, job).descriptor.digest == image.digest
    assert by_index.image(LINUX, job).asked == index.digest


@pytest.mark.parametrize(
    ("folder", "part"), [("My Images", "my-images"), ("..x..", "x"), ("日本", "image"), ("a" * 200, "a" * 128)]
)
def test_any_directory_name_gives_a_name(tmp_path: Path, folder: str, part: str) -> None:
    layout = Layout(tmp_path / folder)
    layout.add(layout.image())
    assert layout().name == f"localhost/{part}:latest"
    assert str(Reference.parse(layout().name)) == layout().name


def test_a_relative_directory_has_a_name_too(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    layout.add(layout.image())
    monkeypatch.chdir(layout.path)
    assert LayoutSource(Path(".")).name == "localhost/layout:latest"


# -- indexes ----------------------------------------------------------------------------------------------


def test_the_platform_is_picked_from_nested_indexes(layout: Layout, job: Job) -> None:
    linux, arm = layout.image(b"amd64", platform=LINUX), layout.image(b"arm64", platform=ARM)
    layout.add(layout.index(layout.index(arm, linux)), name="v1")
    assert layout("v1").image(LINUX, job).descriptor.digest == linux.digest
    assert layout("v1").image(ARM, job).descriptor.digest == arm.digest
    with pytest.raises(ContentError, match="no image for linux/s390x") as caught:
        layout("v1").image(Platform("s390x", "linux"), job)
    assert "linux/amd64" in caught.value.hint


def test_entries_of_one_name_are_platforms(layout: Layout, job: Job) -> None:
    layout.add(layout.image(b"arm64", platform=ARM), layout.image(b"amd64", platform=LINUX), name="v1")
    assert layout("v1").image(LINUX, job).descriptor.digest == layout.entries[1].digest
    assert layout("v1").image(ARM, job).descriptor.digest == layout.entries[0].digest


def test_an_index_that_leads_to_itself_is_refused(layout: Layout, job: Job) -> None:
    # No honest content can name its own digest, so such a document is damaged: refused for that, without a loop.
    loop = Descriptor(INDEX, Digest.of(b"loop"), 0)
    for _ in range(3):
        raw = encode(Index(2, [loop], INDEX))
        loop = Descriptor(INDEX, Digest.of(b"loop"), len(raw))
    (layout.path / "blobs/sha256" / loop.digest.hex).write_bytes(raw)
    layout.add(loop)
    with pytest.raises(ContentError, match="is not what its digest"):
        layout().image(LINUX, job)


def test_indexes_too_deep_are_refused(layout: Layout, job: Job) -> None:
    deep = layout.image(platform=LINUX)
    for _ in range(4):
        deep = layout.index(deep)
    layout.add(deep, name="deep")
    layout.add(layout.index(deep), name="deeper")
    assert layout("deep").image(LINUX, job)
    with pytest.raises(ContentError, match="levels down"):
        layout("deeper").image(LINUX, job)


# -- what is not right ------------------------------------------------------------------------------------


def test_no_layout(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(StoreError, match=re.escape(f"{path} is not an OCI image layout")):
            LayoutSource(path)


def test_a_layout_without_an_index(layout: Layout) -> None:
    with pytest.raises(StoreError, match="cannot read"):
        layout()
    os.mkfifo(layout.path / "index.json")
    with pytest.raises(StoreError, match="not a regular file"):
        layout()


def test_another_kind_of_content_is_no_image(layout: Layout, job: Job) -> None:
    layout.add(layout.blob(b"{}", "application/vnd.cncf.helm\x1b"))
    with pytest.raises(ContentError, match="is no image") as caught:
        layout().image(LINUX, job)
    assert "\x1b" not in caught.value.message


def test_documents_are_verified(layout: Layout, job: Job) -> None:
    layout.add(layout.image())
    path = layout.path / "blobs/sha256" / layout.entries[0].digest.hex
    good = path.read_bytes()
    for bad, why in ((good[:-1], "bytes, but has"), (good + b" ", "bytes, but has"), (good[:-1] + b" ", "is not what")):
        path.write_bytes(bad)
        with pytest.raises(ContentError, match=why):
            layout().image(LINUX, job)
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(StoreError, match="not a regular file"):
        layout().image(LINUX, job)


def test_an_incoherent_image_is_refused(layout: Layout, job: Job) -> None:
    layer = layout.blob(b"layer", LAYER)
    config = layout.blob(encode(ImageConfig("amd64", "linux", RootFS("layers", []))), CONFIG)
    layout.add(layout.blob(encode(Manifest(2, config, [layer], MANIFEST)), MANIFEST))
    with pytest.raises(ContentError, match="1 layers in its manifest, 0 in its configuration"):
        layout().image(LINUX, job)


def test_a_missing_layer_is_said_when_it_is_read(layout: Layout, job: Job) -> None:
    layout.add(layout.image())
    image = layout().image(LINUX, job)
    path = layout.path / "blobs/sha256" / image.manifest.layers[0].digest.hex
    path.unlink()
    with pytest.raises(StoreError, match="No such file"):
        list(layout().blob(image.manifest.layers[0], 0, job))
    os.mkfifo(path)
    with pytest.raises(StoreError, match="not a regular file"):
        list(layout().blob(image.manifest.layers[0], 0, job))


def test_reading_can_be_cancelled(layout: Layout, job: Job) -> None:
    layout.add(layout.image())
    image = layout().image(LINUX, job)
    job.cancel()
    with pytest.raises(Cancelled):
        list(layout().blob(image.manifest.layers[0], 0, job))


def test_our_own_store_is_a_layout(store: Store, add_image: Any, job: Job) -> None:
    descriptor = add_image(b"a", b"b", names=("docker.io/library/debian:12", "localhost/x:1"))
    source = LayoutSource(DataRoot(store.root.path).images, "debian:12")
    assert source.name == "docker.io/library/debian:12"
    assert source.image(LINUX, job).descriptor.digest == descriptor.digest
