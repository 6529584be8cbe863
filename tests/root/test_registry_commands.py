"""Looking at what a registry has without pulling it: inspect, tags, and what --platform has to choose from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Cutaway
from faulty_registry import FaultyRegistry, faulty_registry
from layer_kit import END, file

from engine.digest import Digest

pytestmark = pytest.mark.root

LAYER = file("f", b"content") + END


@pytest.fixture
def registry() -> Iterator[FaultyRegistry]:
    """With an image for three platforms, and an attestation beside them as builders make it."""
    with faulty_registry() as server:
        entries = [
            server.entry(server.put_image(LAYER, architecture=name, variant=variant), name, variant)
            for name, variant in (("amd64", ""), ("arm64", "v8"), ("arm", "v7"))
        ]
        server.put_index(
            *entries,
            server.entry(server.put_image(b"x"), "unknown", platform={"architecture": "unknown", "os": "unknown"}),
        )
        yield server


@pytest.fixture
def cutaway(tmp_path: Path) -> Cutaway:
    return Cutaway(tmp_path / "root", tmp_path / "run")


def test_inspect_fetches_documents_alone(cutaway: Cutaway, registry: FaultyRegistry) -> None:
    name = f"docker://{registry.host}/t"
    (found,) = cutaway.json("inspect", "--tls-verify=false", "--platform=linux/arm/v7", name)
    assert found["reference"] == f"{registry.host}/t:latest"
    assert found["platforms"] == ["linux/amd64", "linux/arm/v7", "linux/arm64/v8"]
    assert (found["config"]["architecture"], found["config"]["variant"]) == ("arm", "v7")
    assert found["manifest"]["layers"][0]["size"] == len(LAYER)
    assert not any(found["manifest"]["layers"][0]["digest"] in path for path in registry.paths())
    assert len(registry.seen) == 3, "index, manifest, configuration"
    assert not list((cutaway.root / "images/blobs").glob("*/*"))


def test_pulled_by_the_digest_of_an_index(cutaway: Cutaway, registry: FaultyRegistry, tmp_path: Path) -> None:
    _, raw = registry.manifests["latest"]
    name = f"{registry.host}/t@{Digest.of(raw)}"
    cutaway("pull", "--tls-verify=false", name)
    (found,) = cutaway.json("inspect", name)
    assert (found["reference"], found["config"]["architecture"]) == (name, "amd64")
    cutaway("system", "check")
    cutaway("save", "--format=oci-archive", "-o", str(tmp_path / "a.tar"), name)
    other = Cutaway(tmp_path / "other", tmp_path / "run")
    other("load", "-i", str(tmp_path / "a.tar"))  # in there it goes by its own digest: that of the index is not
    (loaded,) = other.json("images", "--json")
    assert loaded["reference"] == f"{registry.host}/t@{found['digest']}"
    cutaway("tag", name, name, code=2)


def test_no_match_lists_what_is_on_offer(cutaway: Cutaway, registry: FaultyRegistry) -> None:
    pull = ["pull", "--tls-verify=false", "--platform", "linux/riscv64", f"{registry.host}/t"]
    said = cutaway(*pull, code=1).stderr
    assert "no image for linux/riscv64" in said
    assert "linux/amd64, linux/arm/v7, linux/arm64/v8; choose with --platform" in said
    assert "unknown" not in said


def test_variants_fall_back(cutaway: Cutaway, registry: FaultyRegistry) -> None:
    """arm v8 runs what is made for v7; one platform a pull."""
    cutaway("pull", "--tls-verify=false", "--platform", "linux/arm/v8", f"{registry.host}/t")
    (found,) = cutaway.json("inspect", f"{registry.host}/t")
    assert found["config"]["variant"] == "v7"
    assert len(json.loads((cutaway.root / "images/index.json").read_text())["manifests"]) == 1


def test_tags_come_page_by_page(cutaway: Cutaway, registry: FaultyRegistry) -> None:
    registry.tags = [f"v{number}" for number in range(2500)]
    name = f"{registry.host}/t"
    assert cutaway.out("tags", "--tls-verify=false", name).split("\n") == registry.tags
    pages = [path for path in registry.paths() if "/tags/list" in path]
    assert len(pages) == 3
    assert cutaway.json("tags", "--tls-verify=false", "--json", name) == registry.tags
