"""Digests: the grammar, and what they compute."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.digest import Digest, chain_ids
from engine.errors import ContentError

GOOD = "sha256:" + "0123456789abcdef" * 4


def test_a_digest_is_its_text_and_knows_its_parts() -> None:
    digest = Digest.parse(GOOD)
    assert digest == GOOD
    assert (digest.algorithm, digest.hex, digest.short) == ("sha256", GOOD[7:], GOOD[7:19])


def test_sha512_too() -> None:
    digest = Digest.parse("sha512:" + hashlib.sha512(b"x").hexdigest())
    hasher = digest.hasher()
    hasher.update(b"x")
    assert hasher.hexdigest() == digest.hex


@pytest.mark.parametrize(
    "text",
    [
        "",
        GOOD[7:],
        GOOD[:-1],
        GOOD + "0",
        GOOD.upper(),
        "SHA256:" + GOOD[7:],
        "md5:" + "0" * 32,
        "sha512:" + "0" * 64,
        "sha256:../../../../etc/passwd" + "0" * 42,
        GOOD + "\n",
        " " + GOOD,
        "sha256:" + "٣" * 64,  # digits for str.isdigit, not for us
        None,
        7,
    ],
)
def test_what_is_not_a_digest_is_refused(text: object) -> None:
    with pytest.raises(ContentError):
        Digest.parse(text)  # type: ignore[arg-type]


def test_a_refusal_shows_hostile_text_harmlessly() -> None:
    with pytest.raises(ContentError) as caught:
        Digest.parse("sha256:\x1b]0;owned\x07" + "a" * 500)
    assert "\x1b" not in caught.value.message
    assert len(caught.value.message) < 200


@given(st.binary(max_size=200))
def test_of_names_the_content(data: bytes) -> None:
    assert Digest.of(data) == Digest.parse("sha256:" + hashlib.sha256(data).hexdigest())


def test_chain_ids_follow_the_specification() -> None:
    # image-spec config.md: ChainID(L0) = DiffID(L0); ChainID(L0|…|Ln) = Digest(ChainID(L0|…|Ln-1) + " " + DiffID(Ln))
    diffs = [Digest.of(bytes([number])) for number in range(3)]
    second = "sha256:" + hashlib.sha256(f"{diffs[0]} {diffs[1]}".encode()).hexdigest()
    third = "sha256:" + hashlib.sha256(f"{second} {diffs[2]}".encode()).hexdigest()
    assert chain_ids(diffs) == [diffs[0], second, third]
    assert chain_ids([]) == []
