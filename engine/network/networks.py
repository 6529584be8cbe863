"""The network of one data directory's containers: a bridge of its own, made and taken away by netavark.

netavark reads what is to be on its input and has no memory (its README): so what it was told is kept in the runtime
directory until it has undone it. A container's address stays the same for its life; who has which stands in the
containers' records.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
import shlex
import subprocess
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from engine.digest import sha256
from engine.disk import DataRoot
from engine.errors import ContainerState, HostError, ToolMissing, UsageError
from engine.host import HostFacts
from engine.jobs import Job
from engine.network import namespace
from engine.network.turns import turn
from engine.ports import Port
from engine.text import as_json, visible
from engine.trace import StepKind

_SETTINGS = "network.json"
_NAME = "cutaway"
_ROOM, _PREFIX = "10.96.0.0/11", 20
"""Where the data directories' networks come from, /20 each; podman's and docker's own defaults are elsewhere."""


class Networks:
    """The network namespaces of one data directory's containers."""

    def __init__(self, root: DataRoot, facts: HostFacts) -> None:
        self._root = root
        self._facts = facts

    def path(self, container_id: str) -> Path:
        """The file that keeps the container's network namespace while it runs; what its config.json says."""
        return self._root.run / "netns" / container_id

    def is_ours(self, path: str) -> bool:
        """Whether `path` is that of a container of this data directory, as its config.json has it."""
        place = Path(path)
        return place.parent == self._root.run / "netns" and re.fullmatch(r"[0-9a-f]{12}", place.name) is not None

    def ids(self) -> set[str]:
        """The containers of which a namespace, or netavark's work, is here."""
        found: set[str] = set()
        with suppress(FileNotFoundError):
            found = {name.removesuffix(".json") for name in os.listdir(self._root.run / "netns")}
        return {name for name in found if re.fullmatch(r"[0-9a-f]{12}", name)}

    @property
    def subnet(self) -> ipaddress.IPv4Network:
        """The addresses of this data directory's network; the first is this host's own on the bridge."""
        return ipaddress.IPv4Network(self._settings()["subnet"])

    def address(self, taken: Collection[str]) -> str:
        """A free address of this data directory's network. Raises ToolMissing without netavark, HostError (none)."""
        self._facts.need_bridge()
        subnet = self.subnet
        first, last = int(subnet.network_address) + 2, int(subnet.broadcast_address) - 1
        used = {int(ipaddress.ip_address(address)) for address in taken}
        # Anywhere: two who choose at once should not meet.
        start = first + int.from_bytes(os.urandom(4), "big") % (last + 1 - first)
        for number in (*range(start, last + 1), *range(first, start)):
            if number not in used:
                return str(ipaddress.ip_address(number))
        raise HostError(f"every address of {subnet} is taken", hint="Remove containers that are not needed any more.")

    def fixed(self, address: str, taken: Mapping[str, str]) -> str:
        """This address of the network, for a container; `taken` are those that are, with the containers that have them.

        Raises ToolMissing, UsageError for one that is not the network's, ContainerState for one that is taken.
        """
        self._facts.need_bridge()
        subnet, asked = self.subnet, ipaddress.ip_address(address)
        if asked not in subnet or asked in (subnet.network_address, subnet.broadcast_address):
            raise UsageError(f"--ip {address}: the network's addresses are those of {subnet}")
        if asked == subnet.network_address + 1:
            raise UsageError(f"--ip {address}: that is this host's own on the bridge")
        if (name := taken.get(str(asked))) is not None:
            raise ContainerState(f"--ip {address}: the container {name} has it", hint="Remove that, or choose another.")
        return str(asked)

    def settled(self, ports: Sequence[Port]) -> list[Port]:
        """Ports of the host that are free now, where any would do. Raises ContainerState (one is in use)."""
        if not ports:
            return []
        from engine.network.reserving import reserved

        with reserved(ports) as (_, fixed):
            return fixed

    def join(self, container_id: str, pid: int) -> None:
        """Give a container the namespace of another one's process. Raises HostError."""
        namespace.keep(self.path(container_id), pid)

    @contextmanager
    def up(
        self, container_id: str, name: str, address: str, ports: Sequence[Port], job: Job, *, mac: str = ""
    ) -> Iterator[list[int]]:
        """Make the namespace and connect it, by a card with the hardware address `mac` where that is not ""; gives
        descriptors of sockets that hold the published ports.

        Whoever outlives the block has to inherit them, so that nobody else on this host takes the ports for free.
        What fails is undone. Raises ToolMissing, HostError with netavark's words, ContainerState (a port in use).
        """
        from engine.network.reserving import reserved

        tool = self._facts.need_bridge()
        with reserved(ports) as (handles, fixed):
            path, told = self.path(container_id), self._told(container_id)
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            order = self._request(container_id, name, address, mac, fixed)
            if isinstance(tool, Path):
                order, command = {"cni": order}, f"# the CNI plugins of {shlex.quote(str(tool))}, in turn"
            else:
                line = shlex.join([str(tool.path), *self._options(), "setup", str(path)])
                command = f"{line} < {shlex.quote(str(told))}"
            with job.step(StepKind.NETWORK, command, peer="podman run --network bridge") as step:
                request = as_json(order).decode()
                told.write_text(request)
                try:
                    namespace.make(path)
                    with turn() as held:
                        self._call("setup", path, request, held)
                except BaseException:
                    self.down(container_id)
                    raise
                shown = ", ".join(map(str, fixed))
                step.detail = f"{address}" + (f", published {shown}" if shown else "")
            yield handles

    def down(self, container_id: str) -> None:
        """Undo `up` or `join`; nothing there is no error. Raises HostError with netavark's words."""
        path, told = self.path(container_id), self._told(container_id)
        if told.exists():
            request = told.read_text()
            if request:
                with turn() as held:
                    self._undo(path, request, held)
                    if "cni" in json.loads(request) and not list(path.parent.glob("*.json"))[1:]:
                        from engine.network import cni

                        cni.remove_bridge(self._settings()["interface"])  # that was the last
            told.unlink(missing_ok=True)
        namespace.remove(path)

    def _undo(self, path: Path, request: str, held: int) -> None:
        try:
            self._call("teardown", path, request, held)
        except HostError:
            # Half of it, or none, is there: whoever made it was killed. What is whole can be undone.
            namespace.make(path)
            self._call("setup", path, request, held)
            self._call("teardown", path, request, held)

    def _told(self, container_id: str) -> Path:
        return self._root.run / "netns" / f"{container_id}.json"

    def _options(self) -> list[str]:
        return ["--config", str(self._root.run / "netns")]

    def _call(self, verb: str, path: Path, request: str, held: int) -> None:
        """Have whoever the request is for do it. They inherit the lock `held`: if this process is killed they go on,
        and nobody undoes what they have not yet done. Raises HostError, ToolMissing."""
        if (order := json.loads(request).get("cni")) is not None:
            if self._facts.cni is None:
                raise ToolMissing("the CNI plugins are gone, and they made this network", hint="Install them again.")
            from engine.network import cni

            (cni.setup if verb == "setup" else cni.teardown)(self._facts.cni, path, order, held)
            return
        tool = self._facts.netavark
        if tool is None:
            raise ToolMissing("netavark is gone, and it made this network", hint="Install it again.")
        try:
            done = subprocess.run(
                [tool.path, *self._options(), verb, path],
                input=request,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                pass_fds=[held],
                env={"PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin"},
            )
        except OSError as error:
            raise HostError(f"cannot start {tool.path}: {error.strerror}") from error
        if done.returncode:
            said = done.stdout.strip() or done.stderr.strip()
            with suppress(ValueError, KeyError, TypeError):
                said = str(json.loads(said)["error"])
            raise HostError(
                f"netavark cannot {verb} the container's network: {visible(said)[:1000]}",
                hint="--network host and --network none work without it (CUTAWAY_NETWORK=host makes that the default)."
                " It needs iptables (or nftables) and the kernel's bridge and veth.",
            )

    def _request(self, container_id: str, name: str, address: str, mac: str, ports: Sequence[Port]) -> dict[str, Any]:
        settings = self._settings()
        card = {"static_mac": mac} if mac else {}
        subnet = ipaddress.ip_network(settings["subnet"])
        return {
            "container_id": container_id,
            "container_name": name,
            "port_mappings": [
                {
                    "container_port": port.inside,
                    "host_ip": port.address,
                    "host_port": port.host,
                    "protocol": port.protocol,
                    "range": port.count,
                }
                for port in ports
            ],
            "networks": {_NAME: {"static_ips": [address], "interface_name": "eth0", **card}},
            "network_info": {
                _NAME: {
                    "name": _NAME,
                    "id": settings["id"],
                    "driver": "bridge",
                    "network_interface": settings["interface"],
                    "subnets": [{"subnet": str(subnet), "gateway": str(subnet.network_address + 1)}],
                    "ipv6_enabled": False,
                    "internal": False,
                    "dns_enabled": False,
                    "ipam_options": {"driver": "host-local"},
                }
            },
        }

    def _settings(self) -> dict[str, str]:
        """Name of the bridge and range of addresses: chosen once, and kept as long as the data directory."""
        place = self._root.path / _SETTINGS
        with suppress(FileNotFoundError, ValueError, TypeError):
            found = json.loads(place.read_bytes())
            ipaddress.ip_network(found["subnet"])
            return {key: str(found[key]) for key in ("id", "interface", "subnet")}
        with self._root.lock("network-settings"):
            if not place.exists():
                identity = sha256(os.fsencode(self._root.path.resolve())).hexdigest()
                routes = _routes()
                free = (s for s in _subnets(int(identity[:8], 16)) if not any(s.overlaps(r) for r in routes))
                settings = {"id": identity, "interface": f"cutaway-{identity[:6]}", "subnet": str(next(free))}
                self._root.write(place, as_json(settings, indent=2) + b"\n")
        return dict(json.loads(place.read_bytes()))


def _subnets(start: int) -> Iterator[ipaddress.IPv4Network]:
    """The networks that there is room for, from one of them on; after the last comes the first."""
    room = ipaddress.IPv4Network(_ROOM)
    count, size = 1 << (_PREFIX - room.prefixlen), 1 << (32 - _PREFIX)
    for number in range(start, start + count):
        yield ipaddress.IPv4Network((int(room.network_address) + number % count * size, _PREFIX))


def _routes() -> list[ipaddress.IPv4Network]:
    """The networks that this host knows a way to already (proc_net_route: addresses are in host byte order)."""
    found = []
    with suppress(OSError):
        for line in Path("/proc/net/route").read_text().splitlines()[1:]:
            words = line.split()
            destination, mask = (int.from_bytes(bytes.fromhex(words[n]), "little") for n in (1, 7))
            if mask:
                found.append(ipaddress.IPv4Network((destination, str(ipaddress.IPv4Address(mask)))))
    return found
