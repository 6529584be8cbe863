"""A disk that is full in the middle of a pull: said, nothing half visible, and the next pull goes on."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from real_registry import make_layout

from engine.archives.loading import load
from engine.archives.opening import opened
from engine.committing import CommitOptions, commit
from engine.disk import DataRoot
from engine.errors import StoreError
from engine.jobs import CancelToken, Job
from engine.layers.capture import Capture
from engine.oci import Platform
from engine.pulling import pull
from engine.store import LayoutSource, Store

pytestmark = pytest.mark.root

AMD64 = Platform("amd64", "linux")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of 4 MiB."""
    path = tmp_path / "small"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(path)], check=True)
    yield path
    subprocess.run(["umount", str(path)], check=True)


def fill(path: Path) -> None:
    """Write until nothing more fits."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        while os.write(handle, bytes(4096)):
            pass
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
    finally:
        os.close(handle)


@pytest.mark.parametrize(
    ("ballast", "where"),
    [(3_000_000, "while the blob comes"), (1_500_000, "while the layer is unpacked")],
    ids=["blob", "layer"],
)
def test_no_space_left(small: Path, tmp_path: Path, ballast: int, where: str) -> None:
    incompressible = os.urandom(1_800_000)
    layout = make_layout(tmp_path / "layout", [{"a": b"small"}, {"b": incompressible}])
    store = Store(DataRoot(small / "root"))
    store.prepare()
    (small / "ballast").write_bytes(bytes(ballast))
    with pytest.raises(StoreError, match="No space left") as caught:
        pull(LayoutSource(layout), store, store.root, AMD64, Job("pull", lambda event: None))
    assert "disk is full" in caught.value.hint
    assert store.images() == []
    assert store.check(lambda: [], CancelToken()) == []
    assert all(path.name.endswith(".part") for path in store.root.tmp.iterdir()), where
    (small / "ballast").unlink()
    image = pull(LayoutSource(layout), store, store.root, AMD64, Job("pull", lambda event: None))
    assert (store.layer_path(image.chain_ids[1]) / "b").read_bytes() == incompressible
    assert store.check(lambda: [], CancelToken()) == []
    assert list(store.root.tmp.iterdir()) == []


def test_no_space_for_names(small: Path, tmp_path: Path) -> None:
    layout = make_layout(tmp_path / "layout", [{"a": b"small"}])
    store = Store(DataRoot(small / "root"))
    store.prepare()
    image = pull(LayoutSource(layout), store, store.root, AMD64, Job("pull", lambda event: None))
    fill(small / "ballast")
    with pytest.raises(StoreError, match="No space left"):
        store.tag("localhost/other:1", image.descriptor)
    assert [each.name for each in store.images()] == [image.name]
    assert store.check(lambda: [], CancelToken()) == []


@pytest.mark.interop("skopeo")
def test_no_space_for_a_layer_of_our_own(small: Path, tmp_path: Path) -> None:
    """Committed, and packed from an archive whose layers are plain."""
    layouts = {"base": {"a": b"small"}, "large": {"a": os.urandom(3_000_000)}}
    for layout, files in layouts.items():
        make_layout(tmp_path / layout, [files])
    archive = tmp_path / "large.tar"
    command = ["skopeo", "copy", "--quiet", f"oci:{tmp_path}/large:latest", f"docker-archive:{archive}:large:1"]
    subprocess.run(command, check=True)
    store = Store(DataRoot(small / "root"))
    store.prepare()
    image = pull(LayoutSource(tmp_path / "base"), store, store.root, AMD64, quiet())
    (small / "ballast").write_bytes(bytes(2_500_000))
    (tmp_path / "changed").mkdir()
    (tmp_path / "changed/large").write_bytes(os.urandom(3_000_000))
    capture = Capture(tmp_path / "changed", overlay=False)
    with pytest.raises(StoreError, match="No space left") as caught:
        commit(store, image, capture, "localhost/more:1", "", CommitOptions(), quiet())
    assert "disk is full" in caught.value.hint
    with (
        opened(archive, store.root, quiet()) as folder,
        pytest.raises(StoreError, match="No space left") as caught,
    ):
        load(folder, store, AMD64, quiet())
    assert "disk is full" in caught.value.hint
    assert [each.name for each in store.images()] == [image.name]


def test_removal_makes_room_on_a_disk_that_is_full_to_the_last_byte(small: Path, tmp_path: Path) -> None:
    store = Store(DataRoot(small / "root"))
    store.prepare()
    kept, gone = (
        pull(LayoutSource(make_layout(tmp_path / name, [{name: name.encode()}])), store, store.root, AMD64, quiet())
        for name in ("kept", "gone")
    )
    fill(small / "ballast")
    with pytest.raises(StoreError, match="No space left"):
        store.untag(kept.name)
    assert store.remove(gone.name, lambda: []).layers == (gone.chain_ids[0],)
    assert [each.name for each in store.images()] == [kept.name]
    assert store.check(lambda: [], CancelToken()) == []
    (small / "ballast").unlink()
    store.prepare()
    assert (store.root.path / ".reserve").stat().st_size > 0, "laid by for the next time"


def quiet() -> Job:
    return Job("pull", lambda event: None)
