"""Published ports as docker and podman write them."""

from __future__ import annotations

import pytest

from engine import UsageError
from engine.ports import Port, parse_port


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("80", Port(address="", host=0, inside=80)),
        ("8080:80", Port(address="", host=8080, inside=80)),
        ("8080:80/udp", Port(address="", host=8080, inside=80, protocol="udp")),
        ("127.0.0.1:8080:80", Port(address="127.0.0.1", host=8080, inside=80)),
        ("127.0.0.1::80", Port(address="127.0.0.1", host=0, inside=80)),
        ("0.0.0.0:8080:80", Port(address="", host=8080, inside=80)),
        ("8000-8002:80-82", Port(address="", host=8000, inside=80, count=3)),
    ],
)
def test_what_is_understood(text: str, expected: Port) -> None:
    assert parse_port(text) == expected


@pytest.mark.parametrize(
    "bad",
    ["", ":", "x", "0:80", "80:65536", "99999999999999999999:80", "8000-8001:80", "90-80:90-80", "80-82", "1.2.3:1:2",
     "[::1]:80:80", "80/icmp", "80:80\n", "-1:80", "a:80:80", "1:2:3:4"],
)  # fmt: skip
def test_what_is_not(bad: str) -> None:
    with pytest.raises(UsageError):
        parse_port(bad)


def test_how_it_is_shown() -> None:
    assert str(parse_port("127.0.0.1:53:5353/udp")) == "127.0.0.1:53->5353/udp"
    assert str(parse_port("8000-8001:80-81")) == "0.0.0.0:8000-8001->80-81/tcp"


def test_an_address_of_ipv6_is_refused_with_what_works_instead() -> None:
    """podman 4.3 takes it, and nothing answers there."""
    with pytest.raises(UsageError, match="IPv4 alone") as caught:
        parse_port("[::1]:8080:80")
    assert "--network host" in caught.value.hint
