"""Containers in the network of another: `--network container:NAME`. This host's own network stays untouched."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from elsewhere import DEMO, Elsewhere, elsewhere

from engine.disk import DataRoot
from engine.network import namespace

pytestmark = [
    pytest.mark.root,
    pytest.mark.interop("iptables", "netavark"),
]

SHARING = ("--network=container:owner",)


@pytest.fixture
def cutaway(data_root: DataRoot, tmp_path: Path) -> Iterator[Elsewhere]:
    with elsewhere(data_root, tmp_path / "network") as made:
        yield made


def networks_of(cutaway: Elsewhere) -> dict[str, int]:
    """The network namespaces of the containers that run, by their names."""
    return {each["name"]: os.stat(f"/proc/{each['pid']}/ns/net").st_ino for each in cutaway.json("ps", "--json")}


@pytest.fixture
def pair(cutaway: Elsewhere) -> None:
    """`joiner` shares the network of `owner`, a bridge."""
    names = ("--hostname=hh", "--dns=192.0.2.9", "--add-host=foo:192.0.2.1")
    cutaway("run", "-d", "--name=owner", "--network=bridge", *names, DEMO, "sleep", "60")
    cutaway("run", "-d", "--name=joiner", "--network=container:owner", DEMO, "sleep", "60")


def test_who_shares_a_network_has_its_names(cutaway: Elsewhere, pair: None) -> None:
    address = cutaway.json("inspect", "owner")[0]["address"]
    hosts = cutaway.out("exec", "joiner", "cat", "/etc/hosts").splitlines()
    assert {"192.0.2.1\tfoo", f"{address}\thh owner"} < set(hosts)
    assert hosts[-1].endswith(" joiner")
    resolving = cutaway.out("exec", "joiner", "cat", "/etc/resolv.conf")
    assert resolving == cutaway.out("exec", "owner", "cat", "/etc/resolv.conf")
    assert "nameserver 192.0.2.9" in resolving
    with_id = cutaway.out("exec", "joiner", "cat", "/etc/hostname")
    line = f"127.0.0.1\t{with_id} joiner"
    assert hosts[-1] == line
    cutaway("exec", "joiner", "sh", "-c", "echo 192.0.2.7 later >> /etc/hosts")
    cutaway("exec", "owner", "sh", "-c", "echo search later.example >> /etc/resolv.conf")
    assert "192.0.2.7 later" in cutaway.out("exec", "owner", "cat", "/etc/hosts")
    assert "search later.example" in cutaway.out("exec", "joiner", "cat", "/etc/resolv.conf")
    third = cutaway.out("run", "--rm", "--hostname=three", "--name=third", *SHARING, DEMO, "cat", "/etc/hosts")
    assert third.splitlines() == [*hosts, "192.0.2.7 later", "127.0.0.1\tthree third"]
    cutaway("run", "--rm", "--no-hosts", *SHARING, DEMO, "sh", "-c", "test ! -e /etc/hosts")
    before = cutaway.out("exec", "owner", "cat", "/etc/hosts").splitlines()
    assert before == [*hosts, "192.0.2.7 later"], "who has ended has no line"
    cutaway("rename", "joiner", "renamed")
    renamed = [each for each in before if each != line] + [f"127.0.0.1\t{with_id} renamed"]
    assert cutaway.out("exec", "owner", "cat", "/etc/hosts").splitlines() == renamed
    cutaway("rename", "renamed", "joiner")
    cutaway("stop", "-t0", "joiner")
    assert cutaway.out("exec", "owner", "cat", "/etc/hosts").splitlines() == [each for each in before if each != line]
    cutaway("start", "joiner")
    assert cutaway.out("exec", "owner", "cat", "/etc/hosts").splitlines()[-1] == line
    for flag in ("--dns=192.0.2.2", "--add-host=bar:192.0.2.2"):
        said = cutaway("run", "--rm", flag, "--network=container:owner", DEMO, "true", code=2).stderr
        assert "container:owner" in said


def test_a_container_whose_network_others_share_goes_after_them(cutaway: Elsewhere, pair: None) -> None:
    cutaway("create", "--name=third", "--network=container:joiner", DEMO, "true")
    assert "cutaway stop owner" in cutaway("rm", "owner", code=2).stderr
    for flags in (("-f",), ("-f", "-t5")):
        said = cutaway("rm", *flags, "owner", code=125).stderr
        assert "joiner, third" in said
        assert "--depend" in said
    assert set(networks_of(cutaway)) == {"owner", "joiner"}, "who is refused goes on"
    assert cutaway.out("rm", "-f", "--depend", "joiner").splitlines() == ["third", "joiner"]
    cutaway("create", "--name=joiner", "--network=container:owner", DEMO, "true")
    assert cutaway.out("rm", "-f", "--all").splitlines() == ["joiner", "owner"]


def test_whose_network_is_shared_is_started_first(cutaway: Elsewhere) -> None:
    cutaway("create", "--name=owner", "--network=none", DEMO, "sleep", "60")
    cutaway("create", "--name=joiner", "--network=container:owner", DEMO, "sleep", "60")
    cutaway("create", "--name=third", "--network=container:joiner", DEMO, "sleep", "60")
    cutaway("start", "third")
    found = networks_of(cutaway)
    assert set(found) == {"owner", "joiner", "third"}
    assert len(set(found.values())) == 1
    owner = cutaway.json("inspect", "owner")[0]["id"]
    assert owner in cutaway.out("trace", "owner")
    assert owner not in cutaway.out("trace", "third"), "what is done to another is in that one's trace"
    cutaway("stop", "-t0", "--all")
    assert "owner" in cutaway("restart", "joiner", code=125).stderr, (
        "as podman, which starts it for start and run alone"
    )
    cutaway("run", "--rm", "--network=container:joiner", DEMO, "sh", "-c", "exit 3", code=3)
    assert set(networks_of(cutaway)) == {"owner", "joiner"}
    cutaway("rm", "-f", "--all")

    cutaway("create", "--name=owner", "--network=none", DEMO, "no-such-program")
    said = cutaway("run", "--rm", "--network=container:owner", DEMO, "true", code=127).stderr
    assert "no-such-program" in said
    assert [each["name"] for each in cutaway.json("ps", "-a", "--json")] == ["owner"]


def test_one_with_rm_stays_until_nobody_shares_its_network(cutaway: Elsewhere) -> None:
    cutaway("run", "-d", "--rm", "--name=owner", "--network=bridge", DEMO, "sleep", "60")
    cutaway("create", "--name=joiner", "--network=container:owner", DEMO, "true")
    cutaway("stop", "-t0", "owner")
    for _ in range(2):
        told = cutaway("ps", "-a", "--json")
        assert "cleared" not in told.stderr
        assert [each["name"] for each in json.loads(told.stdout)] == ["owner", "joiner"]
    cutaway("rm", "joiner")
    assert cutaway.json("ps", "-a", "--json") == []


def test_who_shares_a_network_loses_it_and_is_told(cutaway: Elsewhere, pair: None) -> None:
    first = networks_of(cutaway)
    said = cutaway("restart", "-t0", "owner").stderr
    assert "joiner shares the network of owner, and loses it" in said
    assert "cutaway restart joiner" in said
    second = networks_of(cutaway)
    assert second["joiner"] == first["joiner"] != second["owner"]
    assert cutaway("restart", "-t0", "joiner").stderr == ""
    third = networks_of(cutaway)
    assert third["joiner"] == third["owner"] == second["owner"]
    assert "joiner" in cutaway("stop", "-t0", "owner").stderr
    cutaway("start", "owner")
    cutaway("restart", "-t0", "joiner")
    assert cutaway("stop", "-t0", "--all").stderr == "", "the joiner is stopped first"


def test_no_more_network_to_share(cutaway: Elsewhere, pair: None) -> None:
    """Its owner's directory is gone: a damaged disk, or somebody's rm."""
    home = Path(cutaway.json("inspect", "owner")[0]["path"])
    cutaway("stop", "-t0", "joiner", "owner")
    shutil.rmtree(home)
    said = cutaway("restart", "joiner", code=125).stderr
    assert "the network of owner" in said
    assert home.name not in said


def test_a_network_without_a_bridge_is_shared_too(cutaway: Elsewhere, tmp_path: Path) -> None:
    """One that goes with its owner, one that somebody else keeps, and the host's."""
    namespace.make(tmp_path / "kept")
    try:
        for network, told in (("none", True), (f"ns:{tmp_path / 'kept'}", False), ("host", False)):
            cutaway("run", "-d", "--name=owner", f"--network={network}", DEMO, "sleep", "60")
            cutaway("run", "-d", "--name=joiner", "--network=container:owner", DEMO, "sleep", "60")
            files = [cutaway.ended("exec", name, "cat", "/etc/resolv.conf").stdout for name in ("owner", "joiner")]
            assert files[0] == files[1]
            assert ("joiner" in cutaway("restart", "-t0", "owner").stderr) is told
            cutaway("rm", "-f", "--all")
    finally:
        namespace.remove(tmp_path / "kept")
