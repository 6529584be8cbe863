"""podman's storage, made by hand so that it can be wrong: layers are put together again, or it is said why not."""

from __future__ import annotations

import base64
import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest

from engine.archives.storage import storage_source
from engine.digest import Digest
from engine.errors import ContentError, CutawayError, ImageUnknown, StoreError
from engine.jobs import Job
from engine.oci import Platform
from engine.store import Store, podman_images

AMD64 = Platform("amd64", "linux")
NAME = "docker.io/library/debian:12"
FILES = {"etc/hostname": b"one\n", "etc/empty": b"", "big": bytes(range(256)) * 700}


class Storage:
    """As containers/storage lays it out: images.json, layers.json, a layer's files and tar-split's notes of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.layer = "ab" * 32
        self.diff = path / "overlay" / self.layer / "diff"
        raw, lines = self._layer()
        self.notes = path / "overlay-layers" / f"{self.layer}.tar-split.gz"
        config = json.dumps(
            {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [Digest.of(raw)]}}
        ).encode()
        number = Digest.of(config).hex
        manifest = {
            "schemaVersion": 2,
            "config": {"mediaType": "c", "digest": Digest.of(config), "size": len(config)},
            "layers": [{"mediaType": "l", "digest": Digest.of(b"gone"), "size": 4}],
        }
        key = base64.b64encode(Digest.of(config).encode()).decode()
        for name, content in {
            "overlay-images/images.json": json.dumps([{"id": number, "names": [NAME], "layer": self.layer}]).encode(),
            f"overlay-images/{number}/manifest": json.dumps(manifest).encode(),
            f"overlay-images/{number}/={key}": config,
            "overlay-layers/layers.json": json.dumps([{"id": self.layer}]).encode(),
            f"overlay-layers/{self.layer}.tar-split.gz": gzip.compress(b"\n".join(lines) + b"\n"),
        }.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(content)
        self.raw = raw

    def _layer(self) -> tuple[bytes, list[bytes]]:
        """A tar stream, and what tar-split notes of it; the files on disk."""
        out, lines = io.BytesIO(), []
        with tarfile.open(fileobj=out, mode="w") as tar:
            for name, content in FILES.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
                lines.append(self.segment(member.tobuf()))
                lines.append(json.dumps({"type": 1, "name": name, "size": len(content), "payload": "x"}).encode())
                lines.append(self.segment(bytes(-len(content) % 512)))
                target = self.diff / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
        raw = out.getvalue()
        done = sum(512 + len(content) + -len(content) % 512 for content in FILES.values())
        lines.append(self.segment(raw[done:]))
        return raw, lines

    @staticmethod
    def segment(data: bytes) -> bytes:
        return json.dumps({"type": 2, "payload": base64.b64encode(data).decode()}).encode()

    @property
    def place(self) -> str:
        return f"[overlay@{self.path}]"


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(tmp_path / "podman")


def test_a_layer_is_put_together_to_the_byte(storage: Storage, store: Store, job: Job) -> None:
    assert [image.name for image in podman_images(storage.place)] == [f"containers-storage:{storage.place}{NAME}"]
    source = storage_source(f"{storage.place}debian:12", store)
    assert source.name == NAME
    (layer,) = source.image(AMD64, job).manifest.layers
    assert gzip.decompress(store.blob_path(layer.digest).read_bytes()) == storage.raw


def same_length(storage: Storage) -> None:
    (storage.diff / "etc/hostname").write_bytes(b"two\n")


def longer(storage: Storage) -> None:
    (storage.diff / "etc/hostname").write_bytes(b"longer\n")


def a_link_to_the_host(storage: Storage) -> None:
    """As long as the file was, so that its size does not give it away."""
    outside = storage.path.parent / "four"
    outside.write_bytes(b"one\n")
    (storage.diff / "etc/hostname").unlink()
    (storage.diff / "etc/hostname").symlink_to(outside)


def gone(storage: Storage) -> None:
    (storage.diff / "etc/hostname").unlink()


def without_notes(storage: Storage) -> None:
    storage.notes.unlink()


def damaged_notes(storage: Storage) -> None:
    storage.notes.write_bytes(gzip.compress(b"no json\n"))


def notes_cut_short(storage: Storage) -> None:
    storage.notes.write_bytes(storage.notes.read_bytes()[:-30])


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (same_length, "as its configuration says"),
        (longer, "not what podman unpacked"),
        (a_link_to_the_host, "what is needed"),
        (gone, "what is needed"),
        (without_notes, "podman save"),
        (damaged_notes, "cannot be read"),
        (notes_cut_short, "ends too early"),
    ],
)
def test_what_was_changed_is_not_taken(damage: object, told: str, storage: Storage, store: Store, job: Job) -> None:
    assert callable(damage)
    damage(storage)
    with pytest.raises((StoreError, ContentError)) as caught:
        storage_source(f"{storage.place}debian:12", store).image(AMD64, job)
    assert told in f"{caught.value} {caught.value.hint}"
    assert list(store.root.tmp.iterdir()) == []


def test_what_is_not_there_and_what_is_damaged(storage: Storage, store: Store, tmp_path: Path) -> None:
    with pytest.raises(ImageUnknown):
        storage_source(f"{storage.place}nobody", store)
    assert podman_images(f"[overlay@{tmp_path}/none]") == []
    (storage.path / "overlay-layers/layers.json").write_text("[]")
    assert podman_images(storage.place) == []
    (storage.path / "overlay-images/images.json").write_text("{")
    with pytest.raises(CutawayError):
        podman_images(storage.place)


def test_the_variable_says_where_the_storage_is(
    storage: Storage, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for podman itself."""
    conf = tmp_path / "storage.conf"
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(conf))
    for damage in (None, "[storage", "\0"):
        if damage is not None:
            conf.write_text(damage)
        with pytest.raises(StoreError, match=r"CONTAINERS_STORAGE_CONF is .*, which cannot be read"):
            podman_images()
    conf.write_text(f'[storage]\ndriver = "overlay"\ngraphroot = "{storage.path}"\n')
    assert [image.name for image in podman_images()] == [f"containers-storage:{NAME}"]
    assert storage_source("debian:12", store).name == NAME
