"""The files that tell a container its name and its name servers: /etc/hosts, /etc/hostname, /etc/resolv.conf."""

from __future__ import annotations

from pathlib import Path

from engine.errors import SpecError
from engine.spec import values
from engine.spec.options import RunOptions

_LIMIT = 1024 * 1024


def network_files(options: RunOptions, *, hostname: str, name: str, host_network: bool) -> dict[str, bytes]:
    """Their contents, by the name they have in the bundle's files/ directory.

    Without a network the image's own resolv.conf stays, as with podman.
    """
    files = {"hosts": _hosts(options, hostname, name, host_network), "hostname": f"{hostname}\n".encode()}
    if host_network or options.dns or options.dns_search or options.dns_option:
        files["resolv.conf"] = _resolv_conf(options)
    return files


def _hosts(options: RunOptions, hostname: str, name: str, host_network: bool) -> bytes:
    added = [values.host_entry(entry, "--add-host") for entry in options.add_hosts]
    lines = [f"{address}\t{names}" for names, address in added]
    base = _read(Path("/etc/hosts")) if host_network else b""
    if not base.strip():
        base = b"127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
    known = {word for line in base.decode("utf-8", "replace").splitlines() for word in line.partition("#")[0].split()}
    own = [word for word in dict.fromkeys((hostname, name)) if word and word not in known]
    if own:
        lines.append(f"{'127.0.1.1' if host_network else '127.0.0.1'}\t{' '.join(own)}")
    return base.rstrip(b"\n") + b"\n" + "".join(line + "\n" for line in lines).encode()


def _resolv_conf(options: RunOptions) -> bytes:
    if not (options.dns or options.dns_search or options.dns_option):
        return _read(Path("/etc/resolv.conf"))
    theirs = _read(Path("/etc/resolv.conf")).decode("utf-8", "replace").splitlines()
    kept = {key: [line for line in theirs if line.split()[:1] == [key]] for key in ("search", "nameserver", "options")}
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
