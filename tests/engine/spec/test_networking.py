"""Which network a container gets, and why; what a config.json says of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.errors import UsageError
from engine.host import HostFacts, Tool
from engine.spec import RunOptions, chosen_network, network_in

OURS = "/run/cutaway/ab/netns/0123456789ab"


def on(facts: HostFacts, *, netavark: bool = False, cni: bool = False, wished: str = "") -> HostFacts:
    """The machine with what makes bridges, and with a wish."""
    made = msgspec.structs.replace(facts)
    vars(made).update(
        netavark=Tool("netavark", Path("/usr/lib/podman/netavark")) if netavark else None,
        cni=Path("/usr/lib/cni") if cni else None,
        wished_network=wished,
    )
    return made


@pytest.mark.parametrize(
    ("options", "machine", "said", "source", "detail"),
    [
        ({}, {"netavark": True}, "bridge", "default", "profile podman: a bridge, made by netavark"),
        ({"profile": "docker"}, {"netavark": True}, "bridge", "default", "profile docker: a bridge"),
        ({}, {"cni": True}, "bridge", "default", "made by the CNI plugins"),
        ({}, {}, "host", "host", "default: this host has no netavark"),
        ({"profile": "docker"}, {}, "host", "host", "default: this host has no netavark"),
        ({"network": "none"}, {}, "none", "user", "option --network none"),
        ({"network": "private"}, {"netavark": True}, "bridge", "user", "option --network private"),
        ({"network": "container:x"}, {}, "container:x", "user", "option --network container:x"),
        ({"publish": ("80",)}, {}, "bridge", "user", "-p 80"),
        ({}, {"netavark": True, "wished": "host"}, "host", "host", "CUTAWAY_NETWORK is host"),
        ({}, {"wished": "bridge"}, "bridge", "host", "CUTAWAY_NETWORK is bridge"),
        ({"network": "bridge"}, {"netavark": True, "wished": "host"}, "bridge", "user", "--network bridge"),
        ({"publish": ("80",)}, {"netavark": True, "wished": "host"}, "bridge", "user", "-p 80"),
    ],
)
def test_the_network_and_why(
    facts: HostFacts, options: dict[str, Any], machine: dict[str, Any], said: str, source: str, detail: str
) -> None:
    chosen = chosen_network(RunOptions(**options), on(facts, **machine))
    assert (chosen.said, chosen.origin.source.value) == (said, source)
    assert detail in chosen.origin.detail
    assert bool(chosen.lacking) is (chosen.said == "host" and not machine)


@pytest.mark.parametrize("wish", ["container:x", "ns:/x", "slirp4netns", "\x1b[31m"])
def test_a_wish_that_cannot_be(facts: HostFacts, wish: str) -> None:
    with pytest.raises(UsageError, match="CUTAWAY_NETWORK") as caught:
        chosen_network(RunOptions(), on(facts, wished=wish))
    assert "\x1b" not in caught.value.message


@pytest.mark.parametrize(
    ("namespaces", "expected"),
    [
        ([{"type": "network", "path": OURS}], "bridge"),
        ([{"type": "network", "path": "/run/netns/other"}], "ns:/run/netns/other"),
        ([{"type": "network"}], "none"),
        ([{"type": "network", "path": ""}], "none"),
        ([{"type": "network", "path": 7}], "none"),
        ([{"type": "network", "path": "relative"}], "none"),
        ([{"type": "pid"}], "host"),
        ([], "host"),
        ([7, {"type": "network"}], "host"),
        ("x", "host"),
        (None, "host"),
    ],
)
def test_what_a_config_json_says_of_it(namespaces: Any, expected: str) -> None:
    text = json.dumps({"linux": {"namespaces": namespaces}})
    assert network_in(text, lambda path: path == OURS) == expected


@pytest.mark.parametrize("text", ["", "[]", "{", '{"linux": 7}', "[" * 5000])
def test_what_is_no_config_json(text: str) -> None:
    assert network_in(text, lambda path: True) == "host"
