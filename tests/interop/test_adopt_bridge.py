"""Containers that podman and docker have on a bridge, adopted onto Cutaway's; in a network made for the test."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import other_engines
import pytest
from elsewhere import Elsewhere, elsewhere
from other_engines import Podman

from engine.disk import DataRoot
from engine.neighbours import Docker

pytestmark = [
    pytest.mark.root,
    pytest.mark.interop("podman", "busybox", "iptables", "netavark"),
]


@pytest.fixture
def podman(monkeypatch: pytest.MonkeyPatch) -> Iterator[Podman]:
    with other_engines.podman() as made:
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        yield made


@pytest.fixture
def cutaway(podman: Podman, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Elsewhere]:
    monkeypatch.setenv("CUTAWAY_RUN", str(tmp_path / "run"))
    root = DataRoot(tmp_path / "data")
    root.prepare()
    with elsewhere(root, tmp_path / "network") as made:
        yield made


def namespaces(cutaway: Elsewhere, name: str) -> dict[str, Any]:
    folder = Path(cutaway.json("inspect", name)[0]["path"])
    config = json.loads((folder / "config.json").read_text())
    return {each["type"]: each.get("path", "") for each in config["linux"]["namespaces"]}


def test_podmans_on_a_bridge_is_on_ours(cutaway: Elsewhere, podman: Podman) -> None:
    words = ["run", "-d", "--name=web", "--network=bridge", "-p", "8081:80", "probe", "sh", "-c"]
    look = "cat /etc/hosts /proc/net/fib_trie; cat /etc/resolv.conf; sleep 60"
    subprocess.run(cutaway.inside("podman", *words, look), check=True, capture_output=True)
    try:
        done = cutaway("adopt", "podman:web", "--name=mine")
        assert "on a bridge of Cutaway's" in done.stderr
        assert "8081->80/tcp not published" in done.stderr
        cutaway("start", "mine")
        (shown,) = cutaway.json("inspect", "mine")
        assert (shown["network"], "/netns/" in namespaces(cutaway, "mine")["network"]) == ("bridge", True)
        inside = cutaway.out("exec", "mine", "cat", "/etc/hosts", "/proc/net/fib_trie")
        assert inside.count(shown["address"]) >= 2

        cutaway("adopt", "podman:web", "--name=alone", "--network=none")
        assert cutaway.json("inspect", "alone")[0]["network"] is None
        assert namespaces(cutaway, "alone")["network"] == ""
        cutaway("adopt", "podman:web", "--name=published", "-p", "8082:80")
        cutaway("start", "published")
        assert cutaway.json("inspect", "published")[0]["ports"] == ["0.0.0.0:8082->80/tcp"]
        cutaway("adopt", "podman:web", "-p", "80", "--network=none", code=2)
        cutaway.remove_everything()
    finally:
        subprocess.run(cutaway.inside("podman", "rm", "--force", "--time=0", "web"), check=True, capture_output=True)
        subprocess.run(cutaway.inside("ip", "link", "delete", "podman0"), check=False, capture_output=True)
        for table in ("nat", "filter"):  # podman's own chains stay behind its last container
            subprocess.run(cutaway.inside("iptables", "-t", table, "-F"), check=True)


def test_podmans_of_the_hosts_network_can_be_put_on_a_bridge(cutaway: Elsewhere, podman: Podman) -> None:
    podman("run", "-d", "--name=open", "--network=host", "probe", "sleep", "60")
    cutaway("adopt", "podman:open", "--name=same")
    assert "network" not in namespaces(cutaway, "same")
    cutaway("adopt", "podman:open", "--name=closed", "--network=bridge")
    cutaway("start", "closed")
    address = cutaway.json("inspect", "closed")[0]["address"]
    assert address in cutaway.out("exec", "closed", "cat", "/proc/net/fib_trie", "/etc/hosts")


@pytest.mark.parametrize(
    ("networks", "expected"),
    [({"bridge": {}}, True), ({"mine": {}}, True), ({"none": {}}, False), ({"host": {}}, False)],
)
def test_docker_says_in_its_record_whether_it_is_on_a_bridge(
    tmp_path: Path, networks: dict[str, Any], expected: bool
) -> None:
    number = "ab" * 32
    home = tmp_path / "data/containers" / number
    home.mkdir(parents=True)
    ports = {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}], "81/tcp": None}
    settings = {"Networks": networks, "Ports": ports if expected else {}}
    (home / "config.v2.json").write_text(json.dumps({"Name": "/web", "Config": {}, "NetworkSettings": settings}))
    bundle = tmp_path / "bundles/io.containerd.runtime.v2.task/moby" / number
    bundle.mkdir(parents=True)
    (bundle / "config.json").write_text("{}")
    found = Docker(tmp_path / "data", (tmp_path / "bundles",)).found("web")
    assert (found.bridged, found.ports) == (expected, ("8080->80/tcp",) if expected else ())
