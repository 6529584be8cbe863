"""Networks of containers, in a network namespace made for the test: this host's own stays untouched."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address, ip_network
from pathlib import Path

import cni
import msgspec
import pytest
from command_line import Cutaway
from demo_image import put_demo
from elsewhere import DEMO, Elsewhere, elsewhere, served
from waiting import until

from engine import Job, RunOptions, Workbench
from engine.disk import DataRoot
from engine.errors import ToolMissing
from engine.events import ignore
from engine.host import HostFacts, Tool, probe
from engine.network import Networks, namespace, turns

pytestmark = [
    pytest.mark.root,
    pytest.mark.interop("iptables", "netavark"),
]
AS_NETAVARK = """
import fcntl, os, sys
with open({said!r}, "a") as said:
    print(sys.argv[3], file=said)
    for place, lock in zip({locks!r}, (fcntl.flock, fcntl.lockf)):
        handle = os.open(place, os.O_RDWR)
        try:
            lock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            print("free", file=said)
        except BlockingIOError:
            print("held", file=said)
"""


class WithoutNetavark(Elsewhere):
    """The same on a host that has none."""

    lacking = ("netavark",)


class WithoutEither(WithoutNetavark):
    """And without the CNI plugins."""

    lacking = ("netavark", "cni")


@pytest.fixture
def cutaway(data_root: DataRoot, tmp_path: Path) -> Iterator[Elsewhere]:
    with elsewhere(data_root, tmp_path / "network") as made:
        yield made


@pytest.fixture(scope="session")
def cni_plugins() -> Path:
    return cni.plugins()


@pytest.fixture
def server(cutaway: Elsewhere) -> Iterator[None]:
    """The container `web` with a web server in it, reachable by the port 8080."""
    cutaway("run", "-d", "--name=web", "-p", "8080:80", DEMO, "sleep", "60")
    with served(f"/proc/{cutaway.json('ps', '--json')[0]['pid']}/ns/net"):
        yield


def until_a_page(cutaway: Elsewhere, url: str) -> None:
    def is_served() -> bool:
        with suppress(OSError):
            return cutaway.fetch(url) == "a page"
        return False

    until(is_served, lambda: f"nothing at {url}")


def test_networks_of_all_data_directories_and_of_podman_are_changed_in_turn(
    data_root: DataRoot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """iptables has no transactions: of two at once one fails with "Chain already exists"."""
    podmans, script, said = tmp_path / "netavark.lock", tmp_path / "netavark", tmp_path / "said"
    podmans.touch()
    script.write_text(f"#!{sys.executable}" + AS_NETAVARK.format(locks=[str(turns.LOCK), str(podmans)], said=str(said)))
    script.chmod(0o755)
    monkeypatch.setattr(turns, "PODMANS", podmans)
    monkeypatch.setattr(HostFacts, "netavark", Tool("netavark", script))
    networks = Networks(data_root, probe())
    with networks.up("0123456789ab", "web", networks.address(()), (), Job("test", ignore)):
        pass
    networks.down("0123456789ab")
    assert said.read_text().split() == ["setup", "held", "held", "teardown", "held", "held"]


@pytest.mark.parametrize("profile", ["podman", "docker"])
def test_the_usual_network_is_the_bridge(cutaway: Elsewhere, profile: str, tmp_path: Path) -> None:
    flags = ["--profile", profile]
    assert "eth0" in cutaway.out("run", "--rm", *flags, DEMO, "cat", "/proc/net/dev")
    rows = cutaway.json("config", "--explain", "--json", *flags, DEMO)
    (path,) = (
        row for row in rows if row["pointer"].startswith("/linux/namespaces/") and "/netns/" in str(row["value"])
    )
    assert (path["source"], "netavark" in path["detail"]) == ("default", True)
    cutaway("create", "--name=made", *flags, DEMO, "true")
    assert cutaway.json("inspect", "made")[0]["network"] == "bridge"
    assert "network bridge (profile" in cutaway.out("trace", "made")
    hosts = cutaway.out("run", "--rm", "--network=host", *flags, DEMO, "cat", "/proc/net/dev")
    assert "eth0" not in hosts


def test_a_user_namespace_on_the_bridge(cutaway: Elsewhere) -> None:
    line = "cat /proc/self/uid_map; cat /proc/net/fib_trie; ls -d /sys/class/net"
    # Other users of this host can pass through to it, as to /var/lib and not to pytest's directories.
    home = Path(tempfile.mkdtemp(prefix="cutaway-", dir="/tmp"))
    home.chmod(0o711)
    open_to_all = Elsewhere(home / "data", home / "run", cutaway.network)
    try:
        put_demo(open_to_all.root)
        said = open_to_all.out("run", "--name=mapped", "--uidmap=0:100000:65536", DEMO, "sh", "-c", line)
        assert said.split()[:3] == ["0", "100000", "65536"]
        assert open_to_all.json("inspect", "mapped")[0]["address"] in said
        open_to_all.remove_everything()
        assert open_to_all.is_clean()
    finally:
        shutil.rmtree(home)


def test_a_config_json_of_one_container_makes_the_network_of_another(cutaway: Elsewhere, tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(cutaway("config", DEMO, "sleep", "60").stdout)
    cutaway("check", str(file))  # the namespace that it names is made at the start
    for number in (1, 2):
        cutaway("run", "-d", f"--name=c{number}", "-p", f"808{number}:80", "--config", str(file), DEMO)
    first, second = (cutaway.json("inspect", name)[0] for name in ("c1", "c2"))
    assert first["address"] != second["address"]
    assert second["address"] in cutaway.out("exec", "c2", "cat", "/proc/net/fib_trie", "/etc/hosts")
    alone = cutaway.out("config", "--network=none", DEMO)
    file.write_text(alone)
    said = cutaway("run", "-p", "8083:80", "--config", str(file), DEMO, code=2).stderr
    assert "-p" in said


def test_a_config_json_whose_network_was_changed_by_hand_starts(cutaway: Elsewhere, tmp_path: Path) -> None:
    """It binds a file that a container without a network does not have by itself."""
    made = json.loads(cutaway.out("config", "--network=bridge", DEMO, "wc", "-c", "/etc/resolv.conf"))
    (entry,) = (each for each in made["linux"]["namespaces"] if each["type"] == "network")
    del entry["path"]
    (tmp_path / "config.json").write_text(json.dumps(made))
    assert cutaway.out("run", "--rm", "--config", str(tmp_path / "config.json"), DEMO).split()[0] == "0"


def test_where_no_bridge_can_be_made_it_is_the_hosts_and_told(cutaway: Elsewhere) -> None:
    bare = WithoutEither(cutaway.root, cutaway.run, cutaway.network)
    done = bare("run", "--name=web", DEMO, "cat", "/proc/net/dev")
    assert "eth0" not in done.stdout
    (line,) = (line for line in done.stderr.splitlines() if "netavark" in line)
    assert "host's own network" in line
    assert "install netavark" in line
    assert "network host (default: this host has no netavark" in bare.out("trace", "web")
    shown = bare.out("config", "--explain", DEMO)
    assert "default: this host has no netavark" in shown
    assert "netavark" not in bare("run", "--rm", "--network=none", DEMO, "true").stderr
    assert "published" in bare("run", "-p", "80", DEMO, "true", code=125).stderr


def test_the_network_that_is_wished_for(cutaway: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    wishing = Cutaway(cutaway.root, cutaway.run)
    monkeypatch.setenv("CUTAWAY_NETWORK", "none")
    rows = wishing.json("config", "--explain", "--json", DEMO)
    assert "CUTAWAY_NETWORK is none" in {row["detail"] for row in rows if "/namespaces/" in row["pointer"]}
    monkeypatch.setenv("CUTAWAY_NETWORK", "container:x")
    assert "CUTAWAY_NETWORK container:x" in wishing("config", DEMO, code=2).stderr


def test_the_script_of_a_container_on_a_bridge(cutaway: Elsewhere, tmp_path: Path) -> None:
    """The same namespaces, address, files and published ports; and nothing stays."""
    look = "cat /etc/hosts /etc/resolv.conf /proc/net/fib_trie; grep -c : /proc/net/dev"
    told = cutaway.out("run", "--name=web", "-p", "8080:80", DEMO, "sh", "-c", look)
    script = tmp_path / "replay.sh"
    script.write_text(cutaway.out("trace", "--script", "web"))
    again = subprocess.run(
        cutaway.inside("sh", str(script), str(tmp_path / "again")), capture_output=True, text=True, check=False
    )
    assert (again.returncode, again.stdout.removesuffix("\n")) == (0, told), again.stderr
    home = Path(cutaway.json("inspect", "web")[0]["path"])
    config, copy = (json.loads((place / "config.json").read_text()) for place in (home, tmp_path / "again" / "bundle"))
    for each in (config, copy):
        del each["linux"]["cgroupsPath"]
        (network,) = (entry for entry in each["linux"]["namespaces"] if entry["type"] == "network")
        assert network.pop("path")
    assert copy == config
    name = "replay-" + cutaway.json("inspect", "web")[0]["id"]  # others of this host are not ours
    assert "replay" not in cutaway.said("nft", "list", "tables")
    assert name not in cutaway.said("ip", "netns", "list")


def test_ports_that_the_script_publishes(cutaway: Elsewhere, tmp_path: Path) -> None:
    cutaway("create", "--name=web", "-p", "8080:80", "-p", "127.0.0.1:9000-9001:80-81", DEMO, "sleep", "60")
    (tmp_path / "replay.sh").write_text(cutaway.out("trace", "--script", "web"))
    name = "replay-" + cutaway.json("inspect", "web")[0]["id"]
    again = tmp_path / "again"
    line = cutaway.inside("sh", str(tmp_path / "replay.sh"), str(again))
    replay = subprocess.Popen(line, stderr=subprocess.PIPE, text=True)
    netns = Path("/run/netns") / name

    def is_made() -> bool:
        return netns.exists() and f"table ip {name.replace('-', '_')}" in cutaway.said("nft", "list", "tables")

    def runs() -> bool:
        line = ["runc", "--root", again / "runc", "state", name]
        return '"status": "running"' in subprocess.run(line, capture_output=True, text=True, check=False).stdout

    until(lambda: (is_made() and runs()) or replay.poll() is not None)
    assert replay.poll() is None
    try:
        address = cutaway.json("inspect", "web")[0]["address"]
        with served(str(netns)):
            for url in (f"http://{address}/", "http://127.0.0.1:8080/", "http://127.0.0.1:9000/"):
                until_a_page(cutaway, url)
    finally:
        subprocess.run(["runc", "--root", again / "runc", "kill", name, "KILL"], check=False)
        said = replay.communicate(timeout=30)[1]
    assert (replay.returncode, netns.exists()) == (137, False), said
    assert "replay" not in cutaway.said("nft", "list", "tables")


def test_a_page_by_the_published_port(cutaway: Elsewhere, server: None) -> None:
    assert cutaway.fetch("http://127.0.0.1:8080/") == "a page"
    (shown,) = cutaway.json("ps", "--json")
    assert shown["ports"] == ["0.0.0.0:8080->80/tcp"]
    address = cutaway.json("inspect", "web")[0]["address"]
    assert cutaway.fetch(f"http://{address}/") == "a page"
    hosts = cutaway.out("exec", "web", "cat", "/etc/hosts")
    assert f"{address}\t" in hosts
    assert "eth0" in cutaway.out("exec", "web", "cat", "/proc/net/dev")
    shared = cutaway.out("run", "--rm", "--network=container:web", DEMO, "cat", "/proc/net/fib_trie")
    assert address in shared
    assert cutaway.fetch("http://127.0.0.1:8080/") == "a page", "it went with the container that shared it"


def test_what_the_image_exposes_is_published(cutaway: Elsewhere) -> None:
    cutaway("create", "--name=made", "--network=none", DEMO, "sleep", "60")
    cutaway("commit", "--change", "EXPOSE 80 53/udp 8443", "made", "exposing:1")
    cutaway("run", "-d", "--name=web", "-P", "-p", "9443:8443", "--expose=80-81", "exposing:1", "sleep", "60")
    (shown,) = cutaway.json("ps", "--json")
    hosts = {inside: host for host, _, inside in (port.partition("->") for port in shown["ports"])}
    assert set(hosts) == {"53/udp", "80/tcp", "81/tcp", "8443/tcp"}
    assert (hosts["8443/tcp"], cutaway.json("inspect", "web")[0]["exposed"]) == ("0.0.0.0:9443", ["80-81"])
    assert all(int(host.rpartition(":")[2]) > 1023 for host in hosts.values()), "free ports of the host"
    assert "-P" in cutaway("run", "-P", "--network=host", "exposing:1", code=2).stderr


def test_an_address_stays_and_is_nobody_elses(cutaway: Elsewhere) -> None:
    addresses = []
    for number in range(3):
        cutaway("run", "-d", f"--name=c{number}", "--network=bridge", DEMO, "sleep", "60")
        addresses.append(cutaway.json("inspect", f"c{number}")[0]["address"])
    assert len(set(addresses)) == 3
    cutaway("restart", "-t0", "c0")
    assert addresses[0] in cutaway.out("exec", "c0", "cat", "/proc/net/fib_trie")


def test_an_address_and_a_card_that_are_asked_for(cutaway: Elsewhere, tmp_path: Path) -> None:
    cutaway("create", "--name=any", "--network=bridge", DEMO, "true")
    taken = ip_address(cutaway.json("inspect", "any")[0]["address"])
    (subnet,) = (net for net in ip_network("10.96.0.0/11").subnets(new_prefix=20) if taken in net)
    free = next(address for address in (subnet[77], subnet[78]) if address != taken)
    asked = (f"--ip={free}", "--mac-address=02-11-22-33-44-AA", "--network=bridge")
    said = cutaway.out("run", "--name=web", *asked, DEMO, "cat", "/sys/class/net/eth0/address", "/proc/net/fib_trie")
    assert said.startswith("02:11:22:33:44:aa\n")
    assert f"|-- {free}\n" in said
    script = tmp_path / "replay.sh"
    script.write_text(cutaway.out("trace", "--script", "web"))
    again = subprocess.run(cutaway.inside("sh", str(script), str(tmp_path / "again")), capture_output=True, text=True)
    assert again.stdout.removesuffix("\n") == said, again.stderr
    assert "the container web has it" in cutaway("run", *asked, DEMO, "true", code=125).stderr
    for wrong in (subnet[0], subnet[1], subnet[-1]):
        assert str(wrong) in cutaway("create", f"--ip={wrong}", DEMO, "true", code=2).stderr


def test_a_port_that_is_taken(cutaway: Elsewhere, server: None) -> None:
    said = cutaway("run", "-d", "--name=second", "-p", "8080:81", DEMO, "sleep", "60", code=125).stderr
    assert "8080/tcp" in said
    assert cutaway.fetch("http://127.0.0.1:8080/") == "a page"


def test_what_cannot_be(cutaway: Elsewhere) -> None:
    cutaway("run", "-p", "80:80", "--network=none", DEMO, "true", code=2)
    said = cutaway("run", "--rm", "-p", "192.0.2.1:80:80", DEMO, "true", code=125).stderr
    assert "192.0.2.1 is no address of this host" in said
    cutaway("run", "--network=container:nobody", DEMO, "true", code=125)
    for wrong in ("--ip=192.0.2.1", "--ip=fd00::2", "--mac-address=03:11:22:33:44:55", "--mac-address=nonsense"):
        assert wrong.partition("=")[0] in cutaway("run", wrong, DEMO, "true", code=2).stderr
    assert "--ip" in cutaway("run", "--network=none", "--ip=10.96.0.9", DEMO, "true", code=2).stderr
    assert cutaway.is_clean()


@pytest.mark.parametrize("moment", ["running", "half", "namespace lost"])
def test_whoever_was_killed_leaves_nothing(cutaway: Elsewhere, moment: str) -> None:
    """conmon and the container, so that nobody clears up until the next command."""
    cutaway("run", "-d", "--name=web", "-p", "8080:80", DEMO, "sleep", "60")
    (shown,) = cutaway.json("ps", "--json")
    (conmon,) = cutaway.run.glob("*/containers/*/conmon.pid")
    os.kill(int(conmon.read_text()), 9)
    os.kill(shown["pid"], 9)
    (path,) = (p for p in cutaway.run.glob("*/netns/*") if p.suffix != ".json")
    if moment == "namespace lost":
        namespace.remove(path)
    if moment == "half":
        subprocess.run(["nsenter", f"--net={path}", "ip", "link", "delete", "eth0"], check=True)
    until(lambda: not Path(f"/proc/{shown['pid']}").exists())
    assert cutaway.json("ps", "-a", "--json")[0]["status"] == "exited"
    assert cutaway.left() == []


@pytest.mark.parametrize("ports", [("-p", "8080:80"), ()])
def test_by_the_cni_plugins(
    cutaway: Elsewhere, cni_plugins: Path, monkeypatch: pytest.MonkeyPatch, ports: tuple[str, ...]
) -> None:
    """Where a host has them, and no netavark. What they leave of iptables' chains is theirs, and empty."""
    monkeypatch.setenv("CNI_PATH", str(cni_plugins))
    WithoutNetavark(cutaway.root, cutaway.run, cutaway.network)(
        *("run", "-d", "--name=web", "--network=bridge", "--mac-address=02:11:22:33:44:55", *ports),
        *(DEMO, "sleep", "60"),
    )
    assert cutaway.out("exec", "web", "cat", "/sys/class/net/eth0/address") == "02:11:22:33:44:55"
    (shown,) = cutaway.json("ps", "--json")
    address = cutaway.json("inspect", "web")[0]["address"]
    with served(f"/proc/{shown['pid']}/ns/net"):
        assert cutaway.fetch(f"http://{address}/") == "a page"
        if ports:
            assert cutaway.fetch("http://127.0.0.1:8080/") == "a page"
    assert "CNI plugins" in cutaway.out("trace", "web")
    cutaway("stop", "-t0", "web")
    assert address not in cutaway.said("iptables-save")


def test_without_netavark_there_is_a_clear_line(data_root: DataRoot, tmp_path: Path) -> None:
    facts = msgspec.structs.replace(probe())
    vars(facts).update(netavark=None, cni=None)
    bench = Workbench(data_root.path)
    vars(bench)["facts"] = facts
    job = Job("test", ignore)
    bench.demo(job)
    with pytest.raises(ToolMissing, match="netavark") as caught:
        bench.draft(DEMO, RunOptions(network="bridge"), job)
    assert "host" in caught.value.hint
    for network in ("host", "none"):
        made = bench.create(bench.draft(DEMO, RunOptions(network=network, args=("true",)), job), job)
        bench.start(made.id, job)
        bench.remove(made.id, job, force=True)
