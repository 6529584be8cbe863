"""OCI documents: what is read, what is refused, which platform is picked."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import oci
from engine.digest import Digest
from engine.errors import ContentError
from engine.oci import Descriptor, Index, Manifest, Platform, pick_platform

DIGEST = Digest.of(b"content")
DESCRIPTOR = {"mediaType": oci.LAYER_GZIP, "digest": DIGEST, "size": 7}
MANIFEST = {"schemaVersion": 2, "mediaType": oci.MANIFEST, "config": DESCRIPTOR, "layers": [DESCRIPTOR]}
INDEX = {"schemaVersion": 2, "manifests": [DESCRIPTOR]}
CONFIG = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [DIGEST]}}
LINUX = Platform("amd64", "linux")


def raw(document: object) -> bytes:
    return json.dumps(document).encode()


def test_a_manifest_is_read_with_what_is_not_known_left_aside() -> None:
    manifest = oci.parse_manifest(raw({**MANIFEST, "artifactType": "x", "annotations": {"a": "b"}}))
    assert manifest.layers == [Descriptor(oci.LAYER_GZIP, DIGEST, 7)]
    assert isinstance(manifest.layers[0].digest, Digest)
    assert manifest.annotations == {"a": "b"}


def test_a_configuration_with_everything_and_with_the_least() -> None:
    full = {
        **CONFIG,
        "created": "2026-01-02T03:04:05Z",
        "config": {
            "User": "1000",
            "Env": ["A=b"],
            "Entrypoint": ["/x"],
            "Cmd": None,
            "ExposedPorts": {"80/tcp": {}},
            "Labels": {"a": "b"},
            "Healthcheck": {"Test": ["NONE"]},
        },
        "history": [{"created_by": "RUN x", "empty_layer": True}],
    }
    config = oci.parse_config(raw(full))
    assert (config.execution.user, config.execution.env, config.execution.cmd) == ("1000", ["A=b"], None)
    assert config.history is not None
    assert config.history[0].empty_layer
    least = oci.parse_config(raw(CONFIG))
    assert least.execution == oci.Execution()
    assert least.rootfs.diff_ids == [DIGEST]


def test_own_documents_are_written_and_read_back() -> None:
    manifest = oci.parse_manifest(raw(MANIFEST))
    assert oci.parse_manifest(oci.encode(manifest)) == manifest
    assert b"annotations" not in oci.encode(manifest)
    index = Index(2, [Descriptor(oci.MANIFEST, DIGEST, 1, platform=LINUX)], oci.INDEX)
    assert oci.parse_index(oci.encode(index)) == index


REFUSED: list[tuple[Callable[[bytes], Any], bytes, str]] = [
    (oci.parse_manifest, b"", "cannot be read"),
    (oci.parse_manifest, b"\xff\xfe", "cannot be read"),
    (oci.parse_manifest, b"[]", "cannot be read"),
    (oci.parse_manifest, b"null", "cannot be read"),
    (oci.parse_manifest, b"[" * 200_000, "cannot be read"),
    (oci.parse_manifest, b'{"a":' * 200_000, "cannot be read"),
    (oci.parse_manifest, b"1" * 10_000, "cannot be read"),
    (oci.parse_manifest, raw(MANIFEST) + b"{}", "cannot be read"),
    (oci.parse_manifest, raw({**MANIFEST, "schemaVersion": 1}), "schemaVersion 1"),
    (oci.parse_manifest, raw({**MANIFEST, "schemaVersion": True}), "cannot be read"),
    (oci.parse_manifest, raw({**MANIFEST, "layers": None}), "cannot be read"),
    (oci.parse_manifest, raw({**MANIFEST, "layers": [{**DESCRIPTOR, "size": -1}]}), "negative size"),
    (oci.parse_manifest, raw({**MANIFEST, "config": {**DESCRIPTOR, "size": -1}}), "negative size"),
    (oci.parse_manifest, raw({**MANIFEST, "layers": [{**DESCRIPTOR, "size": 1.5}]}), "cannot be read"),
    (oci.parse_manifest, raw({**MANIFEST, "layers": [{**DESCRIPTOR, "size": "7"}]}), "cannot be read"),
    (oci.parse_manifest, raw({**MANIFEST, "layers": [{**DESCRIPTOR, "digest": "sha256:../x"}]}), "not a digest"),
    (oci.parse_manifest, raw({**MANIFEST, "layers": [{**DESCRIPTOR, "digest": DIGEST.upper()}]}), "not a digest"),
    (oci.parse_manifest, raw({**MANIFEST, "manifests": []}), "two different things"),
    (oci.parse_index, raw({**INDEX, "layers": []}), "two different things"),
    (oci.parse_manifest, raw(MANIFEST)[:-1] + b',"config":{}}', "stands twice"),
    (oci.parse_manifest, raw(MANIFEST)[:-1] + b',"Layers":[]}', "wrong spelling"),
    (oci.parse_manifest, raw(MANIFEST)[:-1] + b',"layer\\u017f":[]}', "wrong spelling"),  # ſ folds to s
    (oci.parse_config, raw(CONFIG)[:-1] + b',"config":{"Env":[],"env":[]}}', "wrong spelling"),
    (oci.parse_config, raw(CONFIG)[:-1] + b',"Config":{"User":"0"}}', "wrong spelling"),  # Go reads it as config
    (oci.parse_index, raw({**INDEX, "manifests": [{**DESCRIPTOR, "Digest": DIGEST}]}), "wrong spelling"),
    (oci.parse_config, raw(CONFIG)[:-1] + b',"x":{"y":[{"a":1,"a":2}]}}', "stands twice"),
    (oci.parse_config, raw({**CONFIG, "config": {"Env": "A=b"}}), "cannot be read"),
    (oci.parse_config, raw({**CONFIG, "rootfs": {"type": "layers", "diff_ids": ["x"]}}), "not a digest"),
    (oci.parse_config, raw({"some": "artifact"}), "cannot be read"),
    (oci.parse_config, b" " * (oci.DOCUMENT_LIMIT + 1), "is over"),
]


@pytest.mark.parametrize(("parse", "document", "why"), REFUSED)
def test_what_is_malformed_or_ambiguous_is_refused(parse: Callable[[bytes], Any], document: bytes, why: str) -> None:
    with pytest.raises(ContentError, match=why) as caught:
        parse(document)
    assert len(caught.value.message) < 400
    assert caught.value.message.isprintable()


def test_labels_may_differ_in_case_alone() -> None:
    labels = {"maintainer": "a", "Maintainer": "b"}
    config = oci.parse_config(raw({**CONFIG, "config": {"Labels": labels}}))
    assert config.execution.labels == labels


def offers(*names: str) -> list[Descriptor]:
    found = []
    for number, name in enumerate(names):
        system, architecture, variant = [*name.split("/"), ""][:3]
        found.append(
            Descriptor(
                oci.MANIFEST, Digest.of(bytes([number])), number, platform=Platform(architecture, system, variant)
            )
        )
    return found


@pytest.mark.parametrize(
    ("wanted", "on_offer", "number"),
    [
        (LINUX, ["linux/arm64", "linux/amd64"], 1),
        (LINUX, ["linux/amd64", "linux/amd64"], 0),
        (LINUX, ["windows/amd64", "unknown/unknown", "linux/amd64"], 2),
        (LINUX, ["linux/amd64/v3", "linux/amd64/v1"], 1),
        (Platform("amd64", "linux", "v2"), ["linux/amd64/v3", "linux/amd64", "linux/amd64/v2"], 2),
        (Platform("arm64", "linux", "v8"), ["linux/arm/v7", "linux/arm64"], 1),
        (Platform("arm64", "linux"), ["linux/arm/v7", "linux/arm64/v8"], 1),
        (Platform("arm", "linux", "v7"), ["linux/arm/v5", "linux/arm/v6", "linux/arm/v8"], 1),
        (Platform("arm", "linux", "v7"), ["linux/arm/v5", "linux/arm"], 1),
        (Platform("arm", "linux", "v6"), ["linux/arm/v7", "linux/arm/v5"], 1),
        (Platform("riscv64", "linux"), ["linux/amd64", "linux/riscv64"], 1),
    ],
)
def test_the_best_platform_is_picked(wanted: Platform, on_offer: list[str], number: int) -> None:
    assert pick_platform(offers(*on_offer), wanted).size == number


@pytest.mark.parametrize(
    ("wanted", "on_offer"),
    [
        (LINUX, ["linux/arm64", "windows/amd64"]),
        (LINUX, ["linux/amd64/v3"]),
        (Platform("arm", "linux", "v6"), ["linux/arm"]),
    ],
)
def test_no_suiting_platform_lists_what_is_on_offer(wanted: Platform, on_offer: list[str]) -> None:
    with pytest.raises(ContentError, match=f"no image for {wanted}") as caught:
        pick_platform(offers(*on_offer, "unknown/unknown"), wanted)
    assert all(name in caught.value.hint for name in on_offer)
    assert "unknown" not in caught.value.hint


def test_a_manifest_without_a_platform_comes_last() -> None:
    plain = Descriptor(oci.MANIFEST, DIGEST, 99)
    assert pick_platform([plain, *offers("linux/arm64")], LINUX) is plain
    assert pick_platform([plain, *offers("linux/amd64")], LINUX).size == 0
    with pytest.raises(ContentError, match="no image"):
        pick_platform([], LINUX)


def test_layers_and_diff_ids_must_be_as_many() -> None:
    manifest = oci.parse_manifest(raw(MANIFEST))
    config = oci.parse_config(raw(CONFIG))
    oci.check_coherent(manifest, config)
    with pytest.raises(ContentError, match="2 layers in its manifest, 1 in its configuration"):
        oci.check_coherent(Manifest(2, manifest.config, manifest.layers * 2), config)


WORDS = st.text(alphabet='ab:{}",\\\u00e9\n', max_size=4)


def _objects(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """JSON objects and arrays as text, in which a member may stand twice."""
    members = st.tuples(WORDS.map(json.dumps), inner).map(" : ".join)
    return st.lists(members, max_size=4).map(lambda each: f"{{{', '.join(each)}}}") | st.lists(inner, max_size=3).map(
        lambda each: f"[{','.join(each)}]"
    )


@given(st.recursive(WORDS.map(json.dumps) | st.just("1.5"), _objects, max_leaves=12))
def test_a_member_that_stands_twice_is_found_wherever_it_is(value: str) -> None:
    def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        twice.append(len(found) != len(pairs))
        return found

    twice: list[bool] = []
    json.loads(value, object_pairs_hook=distinct)
    document = raw(CONFIG)[:-1] + b',"x":' + value.encode() + b"}"
    if any(twice):
        with pytest.raises(ContentError, match="stands twice"):
            oci.parse_config(document)
    else:
        oci.parse_config(document)
