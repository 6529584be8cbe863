"""Which network a container gets: the one that is asked for, the one that a config.json names, or the usual one."""

from __future__ import annotations

import json
from collections.abc import Callable

import msgspec

from engine.host import HostFacts
from engine.spec import values
from engine.spec.options import RunOptions
from engine.spec.provenance import Origin, default, host, option

_LACKING = (
    "this host has neither netavark nor the CNI plugins: the container gets the host's own network",
    "Install netavark for a bridge (apt install netavark; dnf install netavark), or say which: --network host or none.",
)


class Network(msgspec.Struct, frozen=True):
    """A container's network, as --network has it, and who decided that."""

    said: str
    origin: Origin
    lacking: tuple[str, ...] = ()
    """What to tell a person where the usual network is not to be had: a sentence, and what to do."""

    @property
    def kind(self) -> str:
        """host, none, bridge, container or ns."""
        return self.said.partition(":")[0]


def chosen_network(options: RunOptions, facts: HostFacts) -> Network:
    """The network that `options` give a container on this host. Raises UsageError (CUTAWAY_NETWORK names none)."""
    if options.network is not None:
        return Network(values.network(options.network, "--network"), option(f"--network {options.network}"))
    if options.publish:
        return Network("bridge", option(f"-p {options.publish[0]}, which needs a bridge"))
    if options.ip or options.mac_address:
        return Network("bridge", option(f"{options.needing_bridge()}, which needs a bridge"))
    if facts.wished_network:
        return Network(_wished(facts.wished_network), host(f"CUTAWAY_NETWORK is {facts.wished_network}"))
    if facts.bridge is None:
        return Network("host", host("default: this host has no netavark, which makes bridges"), _LACKING)
    maker = "netavark" if facts.bridge == facts.netavark else "the CNI plugins"
    return Network("bridge", default(f"profile {options.profile}: a bridge, made by {maker}"))


def _wished(text: str) -> str:
    said = values.network(text, "CUTAWAY_NETWORK")
    if said not in ("bridge", "host", "none"):
        values.refuse("CUTAWAY_NETWORK", text, "not for every container", "bridge, host or none.")
    return said


def network_in(text: str, is_ours: Callable[[str], bool]) -> str:
    """What --network would say for the network that a whole config.json names; `is_ours` knows the namespaces that
    Cutaway makes for a bridge. One that cannot be read has the host's."""
    try:
        entries = json.loads(text)["linux"]["namespaces"]
        entry = next(each for each in entries if each.get("type") == "network")
        path = entry.get("path")
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError, StopIteration):
        return "host"
    if not isinstance(path, str) or not path:
        return "none"
    if is_ours(path):
        return "bridge"
    return f"ns:{path}" if path.startswith("/") else "none"
