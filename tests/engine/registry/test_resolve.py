"""From a reference to a verified image; what is not as promised is refused before it is used."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from faulty_registry import FaultyRegistry, Reply

from engine.digest import Digest
from engine.errors import ContentError, NotInRegistry, RegistryError
from engine.events import Event, Problem
from engine.jobs import Job
from engine.oci import CONFIG, DOCKER_LIST, DOCKER_MANIFEST, INDEX, LAYER, MANIFEST, Platform
from engine.reference import Reference
from engine.registry import RegistryHosts, RegistrySource

AMD64 = Platform("amd64", "linux")
Pull = Callable[..., RegistrySource]


def put(registry: FaultyRegistry, document: Any, media_type: str = MANIFEST) -> None:
    registry.put_manifest(document, "latest", media_type=media_type)


def refused(pull: Pull, job: Job, why: str, selector: str = ":latest") -> ContentError:
    with pytest.raises(ContentError, match=why) as caught:
        pull(selector).image(AMD64, job)
    return caught.value


# -- the way there -----------------------------------------------------------------------------------------


def test_a_manifest_by_tag(registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    digest = registry.put_image(b"one", b"two")
    source = pull()
    image = source.image(AMD64, job)
    assert image.descriptor.digest == digest
    assert image.descriptor.size == len(image.manifest_raw)
    assert image.descriptor.media_type == MANIFEST
    assert [b"".join(source.blob(layer, 0, job)) for layer in image.manifest.layers] == [b"one", b"two"]
    assert source.name == f"{registry.host}/t:latest"
    # One manifest, one configuration and the layers; nothing is asked for twice.
    assert len(registry.seen) == 4


def test_what_is_here_is_not_fetched_again(registry: FaultyRegistry, job: Job) -> None:
    digest = registry.put_image(b"x")
    registry.put_index(registry.entry(digest, "amd64"))
    here: dict[str, bytes] = {}
    reference = Reference.parse(f"{registry.host}/t")
    source = RegistrySource(
        reference, tls_verify=False, hosts=RegistryHosts(), held=lambda descriptor: here.get(descriptor.digest)
    )
    first = source.image(AMD64, job)
    assert len(registry.seen) == 3
    here[digest], here[first.manifest.config.digest] = first.manifest_raw, first.config_raw
    registry.seen.clear()
    assert source.image(AMD64, job) == first
    assert registry.paths() == ["/v2/t/manifests/latest"]
    # What is here must be of the kind that an index says, too.
    registry.put_index(registry.entry(digest, "amd64", mediaType=DOCKER_MANIFEST))
    with pytest.raises(ContentError, match="another kind"):
        source.image(AMD64, job)
    source.close()


def test_a_digest_counts_more_than_a_tag(registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    digest = registry.put_image(b"old", tag="1")
    registry.put_image(b"new", tag="1")
    image = pull(f":1@{digest}").image(AMD64, job)
    assert image.descriptor.digest == digest
    assert f"/v2/t/manifests/{digest}" in registry.paths()


def test_a_sha512_digest(registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    raw = json.dumps(registry.manifest(b"x")).encode()
    digest = "sha512:" + hashlib.sha512(raw).hexdigest()
    registry.put_manifest(raw, digest)
    assert pull(f"@{digest}").image(AMD64, job).descriptor.digest == digest
    registry.manifests[digest] = (MANIFEST, raw + b" ")
    refused(pull, job, "not what its digest", f"@{digest}")


def test_docker_schema_2(registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    document = {**registry.manifest(b"x"), "mediaType": DOCKER_MANIFEST}
    document["config"]["mediaType"] = "application/vnd.docker.container.image.v1+json"
    document["layers"][0]["mediaType"] = "application/vnd.docker.image.rootfs.diff.tar.gzip"
    digest = registry.put_manifest(document, media_type=DOCKER_MANIFEST)
    entries = {"schemaVersion": 2, "mediaType": DOCKER_LIST, "manifests": [registry.entry(digest, "amd64")]}
    put(registry, entries, DOCKER_LIST)
    assert pull().image(AMD64, job).descriptor == pull(f"@{digest}").image(AMD64, job).descriptor


@pytest.mark.parametrize("header", ["", "text/plain", "application/json", MANIFEST + "; charset=utf-8"])
def test_the_body_says_what_it_is_where_the_header_does_not(
    header: str, registry: FaultyRegistry, pull: Pull, job: Job
) -> None:
    document = registry.manifest(b"x")
    del document["mediaType"]
    put(registry, document, header)
    assert pull().image(AMD64, job).descriptor.media_type == MANIFEST


# -- platforms ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offered", "wanted", "chosen"),
    [
        ([("arm64", "v8"), ("amd64", "")], "amd64", ("amd64", "")),
        ([("arm", "v5"), ("arm", "v7"), ("arm", "v6")], "arm/v7", ("arm", "v7")),
        ([("arm", "v5"), ("arm", "v6")], "arm/v7", ("arm", "v6")),
        ([("arm", "")], "arm/v7", ("arm", "")),
        ([("arm64", "v8")], "arm64", ("arm64", "v8")),
        ([("arm64", "")], "arm64/v8", ("arm64", "")),
        ([("amd64", "v3"), ("amd64", "v2"), ("amd64", "")], "amd64", ("amd64", "")),
        ([("amd64", "v3"), ("amd64", "v1")], "amd64", ("amd64", "v1")),
        ([("amd64", "v3"), ("amd64", "v2"), ("amd64", "")], "amd64/v3", ("amd64", "v3")),
        ([("arm", "v7"), ("arm", "v6")], "arm/v5", None),
        ([("amd64", "v3")], "amd64", None),
        ([("amd64", "")], "386", None),
    ],
)
def test_the_best_variant_that_runs(
    offered: list[tuple[str, str]],
    wanted: str,
    chosen: tuple[str, str] | None,
    registry: FaultyRegistry,
    pull: Pull,
    job: Job,
) -> None:
    entries = [registry.entry(registry.put_image(b"x", architecture=a, variant=v), a, v) for a, v in offered]
    registry.put_index(*entries)
    architecture, _, variant = wanted.partition("/")
    source = pull()
    if chosen is None:
        with pytest.raises(NotInRegistry, match=f"linux/{wanted}") as caught:
            source.image(Platform(architecture, "linux", variant), job)
        for a, v in offered:
            assert "/".join(filter(None, ("linux", a, v))) in caught.value.hint
    else:
        config = source.image(Platform(architecture, "linux", variant), job).config
        assert (config.architecture, config.variant) == chosen


def test_attestations_are_not_on_offer(registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    entry = registry.entry(registry.put_image(b"x", tag="x"))
    entry["platform"] = {"architecture": "unknown", "os": "unknown"}
    registry.put_index(entry)
    with pytest.raises(NotInRegistry) as caught:
        pull().image(AMD64, job)
    assert "unknown" not in caught.value.hint


def test_an_entry_without_platform_is_the_last_resort(registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    plain = registry.entry(registry.put_image(b"plain"))
    fitting = registry.entry(registry.put_image(b"fitting"), "amd64")
    registry.put_index(plain, fitting)
    assert pull().image(AMD64, job).descriptor.digest == fitting["digest"]
    registry.put_index(plain)
    assert pull().image(AMD64, job).descriptor.digest == plain["digest"]


def test_another_platform_alone_is_told(registry: FaultyRegistry, pull: Pull, job: Job, events: list[Event]) -> None:
    registry.put_image(b"x", architecture="s390x")
    pull().image(AMD64, job)
    assert [event.code for event in events if isinstance(event, Problem)] == ["other-platform"]


# -- what is refused ---------------------------------------------------------------------------------------


def test_wrong_digest(registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    digest = registry.put_image(b"x")
    other = json.dumps(registry.manifest(b"y")).encode()
    registry.manifests[digest] = (MANIFEST, other)
    refused(pull, job, "not what its digest", f"@{digest}")
    registry.put_index({**registry.entry(digest, "amd64"), "size": len(other)})
    refused(pull, job, "not what its digest")


def test_the_announced_digest_must_be_the_bodys(registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    registry.put_image(b"x")
    for announced in (Digest.of(b"other"), "sha256:../../x"):
        registry.reply("/v2/t/manifests/latest", Reply(headers={"Docker-Content-Digest": announced}))
        refused(pull, job, "digest")


@pytest.mark.parametrize("change", [1, -1, 10**12])
def test_a_size_that_differs_from_the_descriptor(change: int, registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    entry = registry.entry(registry.put_image(b"x"), "amd64")
    registry.put_index({**entry, "size": entry["size"] + change})
    refused(pull, job, "bytes")
    document = registry.manifest(b"x")
    document["config"]["size"] += change
    put(registry, document)
    refused(pull, job, "bytes")


def test_wrong_configuration(registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    document = registry.manifest(b"x")
    put(registry, document)
    right = registry.blobs[document["config"]["digest"]]
    registry.blobs[document["config"]["digest"]] = right.replace(b"amd64", b"arm64")
    refused(pull, job, "configuration is not what its digest")


def test_a_broken_connection_is_no_content(registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    registry.put_image(b"x")
    registry.reply("/v2/t/manifests/latest", Reply(cut=20), Reply(stall=20))
    assert pull().image(AMD64, job).manifest.layers


def test_a_manifest_that_never_ends_its_body(registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    registry.put_image(b"x")
    registry.reply("/v2/t/manifests/latest", *[Reply(cut=20) for _ in range(20)])
    with pytest.raises(RegistryError, match="ended too early"):
        pull().image(AMD64, job)
    assert len(registry.seen) == 3


@pytest.mark.parametrize("length", [None, -1, 10**15], ids=["length", "no length", "claimed length"])
def test_huge_documents(length: int | None, registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    registry.put_image(b"x")
    body = b'{"a": "' + b"x" * 4_200_000 + b'"}' if length != 10**15 else b"{}"
    registry.reply("/v2/t/manifests/latest", Reply(body=body, length=length))
    refused(pull, job, "over 4194304 bytes")


DIGEST = Digest.of(b"")
GOOD = {"mediaType": LAYER, "digest": DIGEST, "size": 0}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<html>",
        b"null",
        b"[]",
        b'"x"',
        b"\xff\xfe",
        b'{"schemaVersion": 2, ',
        b"[" * 100_000,
        b'{"schemaVersion": 2, "manifests": ' + b"[" * 100_000,
        b'{"schemaVersion": 2, "layers": ' + b'{"a":' * 100_000,
        b'{"schemaVersion": 2, "layers": 3, "config": {}}',
        b'{"schemaVersion": "2", "layers": []}',
        b'{"schemaVersion": 2, "layers": [], "config": {"mediaType": "x", "digest": "sha256:0", "size": 1}}',
        b'{"schemaVersion": 2, "schemaVersion": 2, "layers": [], "config": {}}',
        b'{"schemaVersion": 2, "layers": [], "Layers": [], "config": {}}',
        json.dumps({"schemaVersion": 2, "layers": [{**GOOD, "size": -1}], "config": GOOD}).encode(),
        json.dumps({"schemaVersion": 2, "layers": [{**GOOD, "size": 10**400}], "config": GOOD}).encode(),
        json.dumps({"schemaVersion": 2, "layers": [{**GOOD, "size": 1.5}], "config": GOOD}).encode(),
        json.dumps({"schemaVersion": 2, "layers": [GOOD], "config": GOOD, "manifests": []}).encode(),
        json.dumps({"schemaVersion": 2, "mediaType": INDEX, "layers": [GOOD], "config": GOOD}).encode(),
        json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "manifests": []}).encode(),
        json.dumps({"schemaVersion": 2, "mediaType": "x/y", "manifests": []}).encode(),
        json.dumps({"schemaVersion": 3, "manifests": []}).encode(),
    ],
    ids=lambda raw: raw[:60].decode("latin1") if isinstance(raw, bytes) else None,
)
def test_malformed_json(raw: bytes, registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    put(registry, raw, "application/json")
    refused(pull, job, "manifest|key|digest")


def test_docker_schema_1_is_named(registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    put(
        registry,
        {"schemaVersion": 1, "name": "t", "fsLayers": []},
        "application/vnd.docker.distribution.manifest.v1+json",
    )
    refused(pull, job, "schema 1")


def test_header_and_body_must_agree(registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    put(registry, registry.manifest(b"x"), INDEX)
    refused(pull, job, "calls")


def test_an_index_entry_must_be_of_its_kind(registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    inner = registry.put_index(registry.entry(registry.put_image(b"x"), "amd64"))
    registry.put_index(registry.entry(inner, "amd64", mediaType=MANIFEST))
    refused(pull, job, "another kind")


@pytest.mark.parametrize("text", ["sha256:../../../../etc/passwd", "sha256:" + "A" * 64, "md5:" + "0" * 32, "x", ""])
def test_a_digest_outside_the_grammar_reaches_no_address(
    text: str, registry: FaultyRegistry, pull: Pull, job: Job
) -> None:
    good = registry.entry(registry.put_image(b"x"), "amd64")
    registry.put_index({**good, "digest": text})
    refused(pull, job, "not a digest")
    document = registry.manifest(b"x")
    document["config"]["digest"] = text
    put(registry, document)
    refused(pull, job, "not a digest")
    assert {path for path in registry.paths() if path.startswith("/v2")} == {"/v2/t/manifests/latest"}


def test_indexes_inside_indexes_end(registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    digest = registry.put_image(b"x")
    for _ in range(2):
        digest = registry.put_index(registry.entry(digest, "amd64"))
    assert pull().image(AMD64, job).manifest.layers
    for _ in range(20):
        digest = registry.put_index(registry.entry(digest, "amd64"))
    refused(pull, job, "index to index")


def test_layers_and_diff_ids_must_be_as_many(registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    document = registry.manifest(b"x", b"y")
    document["layers"].pop()
    put(registry, document)
    refused(pull, job, "1 layers in its manifest, 2 in its configuration")


def test_what_is_no_image_is_named(registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    document = registry.manifest(b"x")
    document["config"]["mediaType"] = "application/vnd.cncf.helm.config.v1+json"
    put(registry, document)
    assert "charts" in refused(pull, job, "not a container image").hint


def test_a_configuration_of_many_bytes(registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    document = registry.manifest(b"x")
    document["config"] = {"mediaType": CONFIG, "digest": DIGEST, "size": 10**9}
    put(registry, document)
    refused(pull, job, "over 4194304 bytes")
    assert not any("blobs" in path for path in registry.paths())


@pytest.mark.parametrize("status", [206, 416])
def test_part_of_a_manifest_is_none(status: int, registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    digest = registry.put_image(b"x")
    registry.reply("/v2/t/manifests/latest", Reply(status, registry.manifests[digest][1]))
    with pytest.raises(RegistryError, match=str(status)):
        pull().image(AMD64, job)


def test_what_a_registry_says_is_made_visible(registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    body = json.dumps({"errors": [{"code": "X\x1b[2J", "message": "m\u202e"}]}).encode()
    registry.reply("/v2/t/manifests/latest", Reply(404, body))
    with pytest.raises(NotInRegistry) as caught:
        pull().image(AMD64, job)
    assert "␛[2J" in caught.value.message
    assert "\x1b" not in caught.value.message + caught.value.hint
