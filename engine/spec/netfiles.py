"""The files that tell a container its name and its name servers: /etc/hosts, /etc/hostname, /etc/resolv.conf."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from engine.errors import SpecError
from engine.spec import values
from engine.spec.options import RunOptions

_LIMIT = 1024 * 1024


def network_files(
    options: RunOptions,
    *,
    hostname: str,
    name: str,
    host_network: bool,
    address: str = "",
    shared: Mapping[str, bytes] | None = None,
) -> dict[str, bytes]:
    """Their contents, by the name they have in the bundle's files/ directory.

    `address` is the container's own in a bridge network. Without a network the image's own resolv.conf stays, as with
    podman. `shared` are the files of the container whose network it has: its hosts and name servers are those, and a
    line of its own; its host's name is its own, as with podman.
    """
    base = _read(Path("/etc/hosts")) if host_network else b""
    if shared is not None:
        base = shared.get("hosts", b"")
    files = {
        "hosts": _hosts(options, hostname, name, base, address or ("127.0.1.1" if host_network else "127.0.0.1")),
        "hostname": f"{hostname}\n".encode(),
    }
    if options.no_hosts:
        del files["hosts"]
    if shared is not None:
        return {**{key: data for key, data in shared.items() if key == "resolv.conf"}, **files}
    if host_network or address or options.dns or options.dns_search or options.dns_option:
        files["resolv.conf"] = _resolv_conf(options, host_network)
    return files


def _hosts(options: RunOptions, hostname: str, name: str, base: bytes, address: str) -> bytes:
    added = [values.host_entry(entry, "--add-host") for entry in options.add_hosts]
    lines = [f"{theirs}\t{names}" for names, theirs in added]
    if not base.strip():
        base = b"127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
    known = {word for line in base.decode("utf-8", "replace").splitlines() for word in line.partition("#")[0].split()}
    own = [word for word in dict.fromkeys((hostname, name)) if word and word not in known]
    if own:
        lines.append(f"{address}\t{' '.join(own)}")
    return base.rstrip(b"\n") + b"\n" + "".join(line + "\n" for line in lines).encode()


def renamed_hosts(hosts: bytes, before: str, after: str) -> bytes:
    """A hosts file of `network_files` where the container has another name: the last word of the last line."""
    return re.sub(rb"(?<=[ \t])" + re.escape(before.encode()) + rb"\n\Z", after.encode() + b"\n", hosts)


def _resolv_conf(options: RunOptions, host_network: bool) -> bytes:
    """The host's, with what the options say. A name server on the host's loopback is out of reach from elsewhere."""
    if host_network and not (options.dns or options.dns_search or options.dns_option):
        return _read(Path("/etc/resolv.conf"))
    theirs = _read(Path("/etc/resolv.conf")).decode("utf-8", "replace").splitlines()
    kept = {key: [line for line in theirs if line.split()[:1] == [key]] for key in ("search", "nameserver", "options")}
    if not host_network:
        kept["nameserver"] = [line for line in kept["nameserver"] if not re.match(r"nameserver\s+(127\.|::1\b)", line)]
    if options.dns:
        kept["nameserver"] = [f"nameserver {server}" for server in options.dns]
    if options.dns_search:
        domains = [domain for domain in options.dns_search if domain != "."]  # as podman: a dot alone is no search
        kept["search"] = [f"search {' '.join(domains)}"] if domains else []
    if options.dns_option:
        kept["options"] = [f"options {' '.join(options.dns_option)}"]
    lines = [line for key in ("search", "nameserver", "options") for line in kept[key]]
    if any("\n" in line or "\r" in line for line in lines):
        raise SpecError("a --dns option holds a line break")
    return "".join(line + "\n" for line in lines).encode()


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LIMIT)
    except OSError:
        return b""
