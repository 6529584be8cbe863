"""Blobs that are not what stands expanded here under their image's diff IDs: refused, however they come."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import Cutaway
from faulty_registry import FaultyRegistry, faulty_registry
from layer_kit import END, file

from engine.digest import Digest
from engine.disk import DataRoot
from engine.oci import CONFIG, LAYER, MANIFEST
from engine.store import Store

pytestmark = pytest.mark.root

HONEST = file("honest", b"honest content") + END
FORGERIES = {"junk": b"this is no layer", "another": gzip.compress(file("evil", b"x") + END), "itself": HONEST[:-1]}


@pytest.fixture
def registry() -> Iterator[FaultyRegistry]:
    with faulty_registry() as server:
        server.put_image(HONEST, tag="honest")
        yield server


@pytest.fixture
def cutaway(tmp_path: Path, registry: FaultyRegistry) -> Cutaway:
    """With the honest image."""
    made = Cutaway(tmp_path / "root", tmp_path / "run")
    made(*pull(registry, "honest"))
    return made


def pull(registry: FaultyRegistry, tag: str) -> list[str]:
    return ["pull", "--tls-verify=false", f"{registry.host}/t:{tag}"]


def documents(blob: bytes, author: str, plain: bytes = HONEST) -> tuple[bytes, dict[str, Any]]:
    """Configuration and manifest of an image that says of a blob that it holds `plain`."""
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "author": author,
            "rootfs": {"type": "layers", "diff_ids": [Digest.of(plain)]},
        }
    ).encode()
    return config, {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": Digest.of(config), "size": len(config)},
        "layers": [{"mediaType": LAYER, "digest": Digest.of(blob), "size": len(blob)}],
    }


def put(registry: FaultyRegistry, tag: str, blob: bytes, plain: bytes = HONEST) -> None:
    config, manifest = documents(blob, tag, plain)
    registry.put_blob(config)
    registry.put_blob(blob)
    registry.put_manifest(manifest, tag)


def names(cutaway: Cutaway) -> list[str]:
    return [image["reference"].rpartition(":")[2] for image in cutaway.json("images", "--json")]


@pytest.mark.parametrize("blob", FORGERIES.values(), ids=FORGERIES)
def test_a_blob_is_looked_at_where_its_layer_is_here(cutaway: Cutaway, registry: FaultyRegistry, blob: bytes) -> None:
    put(registry, "forged", blob)
    for _ in range(2):  # the second time the blob is here, and is to be looked at all the same
        said = cutaway(*pull(registry, "forged"), code=1).stderr
        assert f"promises {Digest.of(HONEST)}" in said
        assert names(cutaway) == ["honest"]
    cutaway("system", "check")


def test_a_blob_that_another_image_has_rightly(cutaway: Cutaway, registry: FaultyRegistry) -> None:
    other = file("other", b"x") + END
    put(registry, "other", gzip.compress(other), other)
    put(registry, "forged", gzip.compress(other))
    cutaway(*pull(registry, "other"))
    cutaway(*pull(registry, "forged"), code=1)
    assert names(cutaway) == ["honest", "other"]


def test_what_was_looked_at_once_is_known(cutaway: Cutaway, registry: FaultyRegistry) -> None:
    blob = gzip.compress(HONEST)
    for tag in ("smaller", "sharing"):
        put(registry, tag, blob)
    cutaway(*pull(registry, "smaller"))
    before = len(registry.seen)
    path = cutaway.root / "images/blobs/sha256" / Digest.of(blob).hex
    path.write_bytes(bytes(len(blob)))  # were it decompressed, that would be said
    cutaway(*pull(registry, "smaller"))
    assert registry.paths()[before:] == ["/v2/t/manifests/smaller"]
    cutaway(*pull(registry, "sharing"))
    path.write_bytes(blob)
    cutaway("system", "check")
    assert names(cutaway) == ["honest", "sharing", "smaller"]


def test_a_check_finds_what_another_program_put_there(cutaway: Cutaway) -> None:
    store, blob = Store(DataRoot(cutaway.root)), FORGERIES["junk"]
    config, manifest = documents(blob, "forged")
    store.put_blob(blob, LAYER)
    store.put_blob(config, CONFIG)
    store.tag("localhost/forged:1", store.put_blob(json.dumps(manifest).encode(), MANIFEST))
    (found,) = json.loads(cutaway("system", "check", "--json", code=1).stdout)
    assert found["code"] == "image-damaged"
    assert "localhost/forged:1 has a layer that is not its own" in found["message"]
    cutaway("system", "check", "--repair")
    assert names(cutaway) == ["honest"]
    cutaway("system", "check")
