"""Bridge networks by the CNI plugins, where a host has those and no netavark.

Each plugin is a program: its orders are in variables and on its input, its answer on its output (CNI specification,
SPEC.md). They are called one after the other, for an end in the opposite order.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from engine.errors import HostError
from engine.text import visible

_VERSION = "0.4.0"
"""Of the specification: the plugins of every distribution know it."""
_SIOCSIFFLAGS, _SIOCBRDELBR = 0x8914, 0x89A1  # linux/sockios.h


def setup(plugins: Path, path: Path, order: dict[str, Any], held: int) -> None:
    """Connect the namespace that `path` keeps, as netavark would by the same order. The plugins inherit the descriptor
    `held`. Raises HostError."""
    result: Any = None
    for name, interface, conf in _chain(plugins, order):
        conf = {**conf, "prevResult": result} if result else conf
        answer = _call(plugins, "ADD", name, interface, path, order, conf, held)
        if name == "bridge":
            result = answer


def teardown(plugins: Path, path: Path, order: dict[str, Any], held: int) -> None:
    """Undo it, also where only half of it was done; the bridge stays (see `remove_bridge`). Raises HostError."""
    previous = _result(path, order)
    for name, interface, conf in reversed(list(_chain(plugins, order))):
        if name != "loopback":
            _call(plugins, "DEL", name, interface, path, order, {**conf, "prevResult": previous}, held)


def _chain(plugins: Path, order: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Plugin, interface in the namespace, and configuration of each step."""
    network = _network(order)
    common = {"cniVersion": _VERSION, "name": network["name"]}
    address, gateway = _address(order)
    yield "loopback", "lo", {**common, "type": "loopback"}
    yield (
        "bridge",
        "eth0",
        {
            **common,
            "type": "bridge",
            "bridge": network["network_interface"],
            "isGateway": True,
            "ipMasq": True,
            "hairpinMode": True,
            **_card(order),
            "ipam": {
                "type": "static",
                "addresses": [{"address": address, "gateway": gateway}],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        },
    )
    if ports := order["port_mappings"]:
        yield (
            "portmap",
            "eth0",
            {
                **common,
                "type": "portmap",
                "capabilities": {"portMappings": True},
                "snat": True,
                "runtimeConfig": {
                    "portMappings": [
                        {
                            "hostPort": port["host_port"] + offset,
                            "containerPort": port["container_port"] + offset,
                            "protocol": port["protocol"],
                            "hostIP": port["host_ip"],
                        }
                        for port in ports
                        for offset in range(port["range"])
                    ]
                },
            },
        )
    if (plugins / "firewall").exists():
        yield "firewall", "eth0", {**common, "type": "firewall"}


def _network(order: dict[str, Any]) -> dict[str, Any]:
    (network,) = order["network_info"].values()
    assert isinstance(network, dict)
    return network


def _address(order: dict[str, Any]) -> tuple[str, str]:
    """The container's address with the length of the network's, and the gateway."""
    (wanted,) = order["networks"].values()
    (subnet,) = _network(order)["subnets"]
    return f"{wanted['static_ips'][0]}/{subnet['subnet'].rpartition('/')[2]}", subnet["gateway"]


def _card(order: dict[str, Any]) -> dict[str, Any]:
    """What gives the container's card a hardware address that was asked for."""
    (wanted,) = order["networks"].values()
    mac = wanted.get("static_mac")
    return {"capabilities": {"mac": True}, "runtimeConfig": {"mac": mac}} if mac else {}


def _result(path: Path, order: dict[str, Any]) -> dict[str, Any]:
    """What the bridge plugin answered, as far as the others ask for it at the end."""
    address, gateway = _address(order)
    return {
        "cniVersion": _VERSION,
        "interfaces": [{"name": "eth0", "sandbox": str(path)}],
        "ips": [{"version": "4", "interface": 0, "address": address, "gateway": gateway}],
    }


def _call(
    plugins: Path,
    verb: str,
    name: str,
    interface: str,
    path: Path,
    order: dict[str, Any],
    conf: dict[str, Any],
    held: int,
) -> Any:
    try:
        done = subprocess.run(
            [plugins / name],
            input=json.dumps(conf),
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            pass_fds=[held],
            env={
                "PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin",
                "CNI_COMMAND": verb,
                "CNI_CONTAINERID": order["container_id"],
                "CNI_NETNS": str(path),
                "CNI_IFNAME": interface,
                "CNI_PATH": str(plugins),
            },
        )
    except OSError as error:
        raise HostError(f"cannot start {plugins / name}: {error.strerror}") from error
    if done.returncode:
        said = done.stdout.strip() or done.stderr.strip()
        with suppress(ValueError, KeyError, TypeError):
            said = str(json.loads(said)["msg"])
        raise HostError(
            f"the CNI plugin {name} cannot {verb} the container's network: {visible(said)[:1000]}",
            hint="--network host and --network none work without it (CUTAWAY_NETWORK=host makes that the default)."
            " It needs iptables, and the kernel's bridge and veth.",
        )
    return json.loads(done.stdout) if verb == "ADD" and done.stdout.strip() else None


def remove_bridge(name: str) -> None:
    """Take the bridge away: the plugins leave it behind their last container. None there is no error."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        fcntl.ioctl(handle, _SIOCSIFFLAGS, struct.pack("16sH14x", name.encode(), 0))
        fcntl.ioctl(handle, _SIOCBRDELBR, name.encode().ljust(16, b"\0"))
