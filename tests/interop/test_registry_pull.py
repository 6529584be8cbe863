"""Pulling from a real registry."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from real_registry import docker_registry, make_layout, push

from engine.errors import NotInRegistry, RegistryUnreachable
from engine.events import Event, ignore
from engine.jobs import Job
from engine.oci import Platform
from engine.reference import Reference
from engine.registry import RegistrySource

pytestmark = pytest.mark.interop

AMD64 = Platform("amd64", "linux")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with docker_registry(tmp_path_factory.mktemp("registry")) as host:
        yield host


@pytest.fixture(scope="module")
def image(registry: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    layers = [{"a": os.urandom(3_000_000), "b": b"text"}, {"c": b"more"}]
    push(
        make_layout(tmp_path_factory.mktemp("layout") / "l", layers, architectures=("amd64", "arm64")),
        f"{registry}/t/image:1",
    )
    return f"{registry}/t/image:1"


def test_pulls_one_platform_verified(image: str) -> None:
    job = Job("pull", ignore)
    source = RegistrySource(Reference.parse(image), tls_verify=False)
    fetched = source.image(AMD64, job)
    assert fetched.config.architecture == "amd64"
    assert fetched.config.execution.cmd == ["/bin/true"]
    assert len(fetched.manifest.layers) == 2
    for layer in fetched.manifest.layers:
        hasher = layer.digest.hasher()
        for chunk in source.blob(layer, 0, job):
            assert len(chunk) <= 256 * 1024
            hasher.update(chunk)
        assert hasher.hexdigest() == layer.digest.hex
    whole = b"".join(source.blob(fetched.manifest.layers[0], 0, job))
    assert b"".join(source.blob(fetched.manifest.layers[0], 1_000_001, job)) == whole[1_000_001:]
    assert source.image(Platform("arm64", "linux", "v8"), job).config.architecture == "arm64"
    source.close()
    assert source.name == image


def test_journal_can_be_done_by_hand(image: str, tmp_path: Path) -> None:
    events: list[Event] = []
    job = Job("pull", events.append)
    source = RegistrySource(Reference.parse(image), tls_verify=False, layout=tmp_path)
    fetched = source.image(AMD64, job)
    layer = fetched.manifest.layers[1]
    assert b"".join(source.blob(layer, 0, job))
    source.close()
    # https was tried first and failed; all that came after can be typed and gives the same.
    first, *rest = job.steps
    assert first.failure
    assert "https://" in first.command
    manifest = [step for step in rest if str(fetched.descriptor.digest) in step.command]
    done = subprocess.run(["sh", "-c", manifest[0].command], capture_output=True, check=True)
    assert done.stdout == fetched.manifest_raw
    subprocess.run(["sh", "-c", rest[-1].command], check=True)
    assert layer.digest.of((tmp_path / f"blobs/sha256/{layer.digest.hex}").read_bytes()) == layer.digest
    peer = subprocess.run(["sh", "-c", manifest[0].peer], capture_output=True, check=True)
    assert peer.stdout == fetched.manifest_raw


def test_no_such_tag_or_platform(image: str) -> None:
    job = Job("pull", ignore)
    with pytest.raises(NotInRegistry, match="manifest unknown") as caught:
        RegistrySource(Reference.parse(image.removesuffix(":1") + ":2"), tls_verify=False).image(AMD64, job)
    assert "cutaway tags" in caught.value.hint
    with pytest.raises(NotInRegistry, match="linux/s390x") as caught:
        RegistrySource(Reference.parse(image), tls_verify=False).image(Platform("s390x", "linux"), job)
    assert "linux/amd64, linux/arm64" in caught.value.hint


def test_loopback_needs_the_flag_as_with_podman(image: str) -> None:
    with pytest.raises(RegistryUnreachable) as caught:
        RegistrySource(Reference.parse(image)).image(AMD64, Job("pull", ignore))
    assert "--tls-verify=false" in caught.value.hint
