"""What is saved: the same bytes for the same images, whole or not at all."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path

import pytest
from real_registry import make_layout

from engine.archives.loading import sources
from engine.archives.opening import opened
from engine.archives.saving import Form, Saving
from engine.archives.writing import ArchiveWriter
from engine.digest import Digest
from engine.disk import DataRoot
from engine.errors import Cancelled, ContentError, StoreError, UsageError
from engine.jobs import Job
from engine.oci import DOCKER_MANIFEST, MANIFEST, ManifestKind, Platform, parse_manifest
from engine.pushing import manifest_as
from engine.store import ImageRecord, LayoutSource, Store

AMD64 = Platform("amd64", "linux")
NAMES = ("docker.io/library/debian:12", "localhost/other:1")
ARCHIVES = [Form.DOCKER_ARCHIVE, Form.OCI_ARCHIVE]


@pytest.fixture
def store(tmp_path: Path, job: Job) -> Store:
    """With two images that have a layer in common, which need not be expanded to be saved."""
    store = Store(DataRoot(tmp_path / "root"))
    store.prepare()
    shared = {"etc/hostname": b"one\n"}
    for name, layers in zip(NAMES, ([shared], [shared, {"etc/motd": b"two\n"}]), strict=True):
        source = LayoutSource(make_layout(tmp_path / name.replace("/", "-"), layers))
        image = source.image(AMD64, job)
        for layer in image.manifest.layers:
            with store.ingest(layer, job.token) as writer:
                if not writer.complete:
                    writer.write(b"".join(source.blob(layer, 0, job)))
                    writer.commit()
        store.put_blob(image.config_raw, image.manifest.config.media_type)
        store.tag(name, store.put_blob(image.manifest_raw, MANIFEST))
    return store


def saving(store: Store, job: Job, *names: str) -> Saving:
    return Saving(store, [(image, image.name) for image in map(store.find, names or NAMES)], job)


@pytest.mark.parametrize("form", Form)
def test_what_is_saved_is_found_again(form: Form, store: Store, job: Job, tmp_path: Path) -> None:
    target = tmp_path / "saved"
    saving(store, job).write(target, form)
    fresh = Store(DataRoot(tmp_path / "fresh"))
    fresh.prepare()
    with opened(target, fresh.root, job) as folder:
        found = {source.name: source.image(AMD64, job) for source in sources(folder, fresh)}
    assert found.keys() == set(NAMES)
    for name, image in found.items():
        assert image.config_raw == store.read_blob(store.find(name).manifest.config)
        if form is not Form.DOCKER_ARCHIVE:
            assert image.descriptor.digest == store.find(name).descriptor.digest


@pytest.mark.parametrize("form", ARCHIVES)
def test_the_same_bytes_every_time_and_what_is_shared_once(form: Form, store: Store, job: Job, tmp_path: Path) -> None:
    saving(store, job).write(tmp_path / "one", form)
    saving(store, job).write(tmp_path / "two", form)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    with tarfile.open(tmp_path / "one") as tar:
        members = tar.getmembers()
        assert all(each.isreg() and (each.mtime, each.uid, each.mode) == (0, 0, 0o644) for each in members)
    names = [each.name for each in members]
    assert len(names) == len(set(names))


def test_several_names_of_one_image_are_one_image(store: Store, job: Job, tmp_path: Path) -> None:
    store.tag("localhost/again:2", store.find(NAMES[0]).descriptor)
    saving(store, job, NAMES[0], "localhost/again:2").write(tmp_path / "a.tar", Form.DOCKER_ARCHIVE)
    with tarfile.open(tmp_path / "a.tar") as tar:
        file = tar.extractfile("manifest.json")
        assert file is not None
        (item,) = json.load(file)
    assert item["RepoTags"] == [NAMES[0], "localhost/again:2"]


def test_into_a_stream_and_a_pipe(store: Store, job: Job, tmp_path: Path) -> None:
    saving(store, job).write(tmp_path / "file", Form.DOCKER_ARCHIVE)
    whole = (tmp_path / "file").read_bytes()
    stream = io.BytesIO()
    saving(store, job).write(stream, Form.DOCKER_ARCHIVE)
    assert stream.getvalue() == whole
    os.mkfifo(tmp_path / "fifo")
    reader = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    saving(store, job, NAMES[0]).write(tmp_path / "fifo", Form.OCI_ARCHIVE)
    assert os.read(reader, 10) == b"oci-layout"
    os.close(reader)
    assert list(store.root.tmp.iterdir()) == []


def test_a_layout_keeps_its_other_images(store: Store, job: Job, tmp_path: Path) -> None:
    saving(store, job, NAMES[0]).write(tmp_path / "out", Form.OCI_DIR)
    saving(store, job, NAMES[1]).write(tmp_path / "out", Form.OCI_DIR)
    saving(store, job, NAMES[1]).write(tmp_path / "out", Form.OCI_DIR)
    with opened(tmp_path / "out", store.root, job) as folder:
        assert LayoutSource.names(folder) == list(NAMES)


def test_dockers_manifest_becomes_ocis(store: Store, job: Job, tmp_path: Path) -> None:
    raw, kind = manifest_as(store, store.find(NAMES[0]), ManifestKind.DOCKER)
    assert kind == DOCKER_MANIFEST
    store.tag("localhost/docker:1", store.put_blob(raw, kind))
    saved = saving(store, job, "localhost/docker:1")
    saved.write(tmp_path / "out", Form.OCI_DIR)
    blob = tmp_path / "out/blobs/sha256" / Digest.parse(saved.digest).hex
    assert parse_manifest(blob.read_bytes()).media_type == MANIFEST


# -- what goes wrong --------------------------------------------------------------------------------------


def damage(store: Store, image: ImageRecord) -> None:
    path = store.blob_path(image.manifest.layers[0].digest)
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 0xFF
    path.write_bytes(raw)


@pytest.mark.parametrize("form", Form)
def test_a_damaged_blob_is_not_given_away(form: Form, store: Store, job: Job, tmp_path: Path) -> None:
    damage(store, store.find(NAMES[0]))
    target = tmp_path / "there"
    if form is not Form.OCI_DIR:
        target.write_text("what was there")
    with pytest.raises(ContentError, match="damaged"):
        saving(store, job, NAMES[0]).write(target, form)
    if form is Form.OCI_DIR:
        assert not (target / "index.json").exists()
    else:
        assert target.read_text() == "what was there"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("form", ARCHIVES)
def test_cancelled(form: Form, store: Store, tmp_path: Path) -> None:
    job = Job("test", lambda event: None)
    saved = saving(store, job)
    job.cancel()
    with pytest.raises(Cancelled):
        saved.write(tmp_path / "a.tar", form)
    assert not (tmp_path / "a.tar").exists()
    assert list(store.root.tmp.iterdir()) == []


def test_places_that_will_not_do(store: Store, job: Job, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").write_text("")
    for target, form, error in (
        (tmp_path, Form.OCI_ARCHIVE, UsageError),
        (tmp_path / "full", Form.OCI_DIR, UsageError),
        (tmp_path / "file", Form.OCI_DIR, UsageError),
        (tmp_path / "nowhere/a.tar", Form.DOCKER_ARCHIVE, StoreError),
    ):
        with pytest.raises(error):
            saving(store, job).write(target, form)


def test_a_blob_that_is_gone(store: Store, job: Job) -> None:
    store.blob_path(store.find(NAMES[1]).manifest.layers[1].digest).unlink()
    with pytest.raises(StoreError, match="not here any more"):
        saving(store, job, NAMES[1])


def test_a_file_of_more_than_eight_gibibytes(tmp_path: Path) -> None:
    """Its size is known at its end alone, and octal digits cannot tell it."""
    size = 8**11 + 5
    with (tmp_path / "a.tar").open("w+b") as out:
        writer = ArchiveWriter(out)
        with writer.open("big") as file:
            file.seek(size, os.SEEK_CUR)  # a hole
        writer.add("after", b"it")
        writer.end()
    with tarfile.open(tmp_path / "a.tar") as tar:
        assert [(each.name, each.size) for each in tar.getmembers()] == [("big", size), ("after", 2)]
