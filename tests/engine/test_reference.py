"""References are read as docker and podman read them, and nothing malformed gets through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import UsageError
from engine.reference import Reference, Transport, split_transport

HEX = "a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4"
SHA = f"sha256:{HEX}"


@pytest.mark.parametrize(
    ("text", "full", "familiar"),
    [
        ("debian", "docker.io/library/debian:latest", "debian:latest"),
        ("debian:12", "docker.io/library/debian:12", "debian:12"),
        ("library/debian:12", "docker.io/library/debian:12", "debian:12"),
        ("index.docker.io/debian", "docker.io/library/debian:latest", "debian:latest"),
        ("org/name", "docker.io/org/name:latest", "org/name:latest"),
        ("docker.io/library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest"),
        ("localhost/name", "localhost/name:latest", "localhost/name:latest"),
        ("localhost:5000", "docker.io/library/localhost:5000", "localhost:5000"),
        ("localhost:5000/name", "localhost:5000/name:latest", "localhost:5000/name:latest"),
        ("127.0.0.1:5000/a/b/c:T_1.x-", "127.0.0.1:5000/a/b/c:T_1.x-", "127.0.0.1:5000/a/b/c:T_1.x-"),
        ("[::1]:5000/name:1", "[::1]:5000/name:1", "[::1]:5000/name:1"),
        ("quay.io/org/name@" + SHA, "quay.io/org/name@" + SHA, "quay.io/org/name@" + SHA),
        ("debian:12@" + SHA, "docker.io/library/debian:12@" + SHA, "debian:12@" + SHA),
        ("Host/name", "Host/name:latest", "Host/name:latest"),
        ("a__b.c---d", "docker.io/library/a__b.c---d:latest", "a__b.c---d:latest"),
        # Without the domain these would be read as something else, so they keep it.
        ("docker.io/foo.bar/x", "docker.io/foo.bar/x:latest", "docker.io/foo.bar/x:latest"),
        ("docker.io/localhost/x", "docker.io/localhost/x:latest", "docker.io/localhost/x:latest"),
    ],
)
def test_reads_as_docker_does(text: str, full: str, familiar: str) -> None:
    reference = Reference.parse(text)
    assert str(reference) == full
    assert reference.familiar == familiar
    assert Reference.parse(full) == Reference.parse(familiar) == reference


def test_a_digest_says_what_is_fetched() -> None:
    assert Reference.parse(f"debian:12@{SHA}").selector == SHA
    assert Reference.parse("debian:12").selector == "12"
    assert Reference.parse(f"debian@{SHA}").tag == ""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no name"),
        (":12", "no repository name"),
        ("@" + SHA, "no repository name"),
        ("docker.io/", "no repository name"),
        ("debian:", "not a tag"),
        ("debian:.x", "not a tag"),
        ("debian:" + "x" * 129, "not a tag"),
        ("debian: 12", "not a tag"),
        ("debian@", "not a digest"),
        ("debian@sha256:12", "not a digest"),
        ("debian@" + SHA.upper(), "not a digest"),
        ("debian@sha256:../../../etc/passwd", "not a digest"),
        ("debian@" + SHA + "@" + SHA, "not a digest"),
        ("Debian", "upper-case"),
        ("quay.io/Org/name", "upper-case"),
        ("quay.io/org//name", "empty part"),
        ("quay.io/org/", "empty part"),
        ("/debian", "cannot stand|empty part"),
        ("quay.io/../x", "cannot stand"),
        ("a..b", "cannot stand"),
        ("a___b", "cannot stand"),
        ("-a", "cannot stand"),
        ("deb ian", "cannot stand"),
        ("debian\n", "cannot stand"),
        ("débian", "cannot stand"),
        ("debian?x=1", "cannot stand"),
        ("debian#x", "cannot stand"),
        ("debian%2e", "cannot stand"),
        ("\x1b[31mred", "cannot stand"),
        ("host:0/x", "host name"),
        ("host:65536/x", "host name"),
        ("host:x/y", "host name"),
        ("-host.io/x", "host name"),
        ("user:pw@host.io/x", "not a digest"),
        ("host.io:5000:1/x", "host name"),
        (HEX, "image ID"),
        ("a/" * 130 + "b", "longer than 255"),
    ],
)
def test_says_what_is_wrong_with_a_malformed_one(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        Reference.parse(text)
    assert caught.value.hint
    assert "\x1b" not in caught.value.message


@given(st.text(st.sampled_from("ab0.:/@-_A[]~ \n" + "é"), max_size=20))
def test_what_is_accepted_reads_back_the_same(text: str) -> None:
    try:
        reference = Reference.parse(text)
    except UsageError:
        return
    assert Reference.parse(str(reference)) == reference
    assert Reference.parse(reference.familiar) == reference


@pytest.mark.parametrize(
    ("text", "transport", "rest"),
    [
        ("debian:12", Transport.DOCKER, "debian:12"),
        ("docker://debian:12", Transport.DOCKER, "debian:12"),
        ("localhost:5000/x", Transport.DOCKER, "localhost:5000/x"),
        ("oci:/var/dir:12", Transport.OCI, "/var/dir:12"),
        ("oci:dir", Transport.OCI, "dir"),
        ("oci-archive:a.tar:x", Transport.OCI_ARCHIVE, "a.tar:x"),
        ("docker-archive:a.tar", Transport.DOCKER_ARCHIVE, "a.tar"),
        ("containers-storage:localhost/x:1", Transport.CONTAINERS_STORAGE, "localhost/x:1"),
        (f"host.io:5000/x@{SHA}", Transport.DOCKER, f"host.io:5000/x@{SHA}"),
    ],
)
def test_takes_the_transport_off(text: str, transport: Transport, rest: str) -> None:
    assert split_transport(text) == (transport, rest)


@pytest.mark.parametrize(
    "text",
    ["dir:x", "dir:/tmp/x", "foo:/tmp/x", "foo:a/b", "docker-daemon:x", "http://host/x", "docker:/x", "tarball:x"],
)
def test_refuses_an_unknown_transport(text: str) -> None:
    with pytest.raises(UsageError, match="unknown transport") as caught:
        split_transport(text)
    assert "oci:" in caught.value.hint


@pytest.mark.parametrize("text", ["docker://", "oci:", "containers-storage:"])
def test_refuses_a_transport_without_an_image(text: str) -> None:
    with pytest.raises(UsageError, match="names no image"):
        split_transport(text)
