"""What runc or the kernel refuses in linux.sysctl."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from engine.spec.diagnostics import Severity
from engine.spec.provenance import escape
from engine.spec.reading import Finding, Reading
from engine.text import visible

_ERROR, _WARNING = Severity.ERROR, Severity.WARNING

_IPC_PARAMETERS = frozenset(
    f"kernel.{name}" for name in ("msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced")
)
_INT = 2**31 - 1
_RANGES = {
    "kernel.msgmax": (0, _INT),
    "kernel.msgmnb": (0, _INT),
    "kernel.msgmni": (0, 32768),
    "kernel.shmmni": (0, 32768),
    "kernel.shmall": (0, 2**64 - 1),
    "kernel.shmmax": (0, 2**64 - 1),
    "kernel.shm_rmid_forced": (0, 1),
    "fs.mqueue.msg_max": (1, 65536),
    "fs.mqueue.msg_default": (1, 65536),
    "fs.mqueue.msgsize_max": (128, 16 * 1024 * 1024),
    "fs.mqueue.msgsize_default": (128, 16 * 1024 * 1024),
    "net.ipv4.ip_default_ttl": (1, 255),
    "net.ipv4.ip_unprivileged_port_start": (0, 65535),
    "net.ipv4.tcp_rmem": (1, _INT),
    "net.ipv4.tcp_wmem": (1, _INT),
    "net.core.somaxconn": (0, _INT),
}
"""What the kernel takes (ipc/ipc_sysctl.c, mq_overview(7), Documentation/networking/ip-sysctl.rst)."""

_CORE_WORDS = """
    bpf_jit_enable bpf_jit_harden bpf_jit_kallsyms bpf_jit_limit busy_poll busy_read default_qdisc dev_weight
    dev_weight_rx_bias dev_weight_tx_bias devconf_inherit_init_net fb_tunnels_only_for_init_net
    flow_limit_cpu_bitmap flow_limit_table_len gro_normal_batch high_order_alloc_disable max_skb_frags
    message_burst message_cost netdev_budget netdev_budget_usecs netdev_max_backlog netdev_tstamp_prequeue
    rmem_default rmem_max rps_sock_flow_entries skb_defer_max warnings wmem_default wmem_max
"""
_IPV4_WORDS = "fib_sync_mem inet_peer_maxttl inet_peer_minttl inet_peer_threshold tcp_low_latency tcp_mem udp_mem"
_OF_ALL_NETWORKS = frozenset(
    [*(f"net.core.{name}" for name in _CORE_WORDS.split()), *(f"net.ipv4.{name}" for name in _IPV4_WORDS.split())]
)
"""What cannot be written in another network namespace than the host's first (net/core/sysctl_net_core.c,
net/ipv4/sysctl_net_ipv4.c)."""

_NUMBERS = re.compile(r"\s*-?(0x)?\d[0-9a-f]*([\s,]+-?(0x)?\d[0-9a-f]*)*\s*", re.IGNORECASE)


def sysctl(reading: Reading) -> Iterator[Finding]:
    for key, value in reading.members("/linux/sysctl").items():
        pointer = f"/linux/sysctl/{escape(key)}"
        name = _dotted(key)
        if name in _IPC_PARAMETERS or name.startswith("fs.mqueue."):
            if reading.namespace("ipc") is None:
                yield Finding(pointer, _ERROR, "sysctl", "it needs an IPC namespace of its own")
                continue
        elif name.startswith("net."):
            network = reading.namespace("network")
            if network is None or _is_ours(network.get("path", "")):
                yield Finding(pointer, _ERROR, "sysctl", "it needs a network namespace of its own")
                continue
            if name in _OF_ALL_NETWORKS:
                message = f"{name} is for all networks of the host together: no network namespace has its own"
                yield Finding(pointer, _ERROR, "sysctl", message, "Set it on the host with sysctl(8).")
                continue
        elif name == "kernel.hostname" and reading.namespace("uts") is not None:
            yield Finding(pointer, _ERROR, "sysctl", "runc sets this by hostname alone", "Use hostname.")
            continue
        elif name != "kernel.domainname" or reading.namespace("uts") is None:
            message = f"{visible(key)[:60]!r} belongs to the host as a whole: no container can have its own"
            yield Finding(pointer, _ERROR, "sysctl", message, "Set it on the host with sysctl(8).")
            continue
        yield from _value(reading, pointer, name, value)


def _value(reading: Reading, pointer: str, name: str, value: str) -> Iterator[Finding]:
    if not value:
        yield Finding(pointer, _WARNING, "sysctl", "nothing is written there, so it stays as it is")
        return
    low, high = _RANGES.get(name, (0, 0))
    number = _number(value.split(maxsplit=1)[0]) if value.strip() else None  # the kernel reads no further
    if high and number is not None and not low <= number <= high:
        yield Finding(pointer, _ERROR, "sysctl", f"the kernel takes {low} to {high}")
    elif why := _not_together(reading, name, value):
        yield Finding(pointer, _ERROR, "sysctl", why)
    elif reading.facts is not None:
        yield from _on_this_host(pointer, name, value)


_FIRST_PORT, _FIRST_LOCAL_PORT = 1024, 32768  # of a new network namespace
_NO_GROUP = 2**32 - 1


def _not_together(reading: Reading, name: str, value: str) -> str:
    """Why the kernel refuses numbers that belong together; "" where it does not (net/ipv4/sysctl_net_ipv4.c)."""
    numbers = [number for word in value.split() if (number := _number(word)) is not None]
    if name.startswith("net.") and any(number > _NO_GROUP for number in numbers):
        return "a number is too large: it has 32 bits"
    if name == "net.ipv4.ip_unprivileged_port_start" and numbers[:1] > [_local_ports(reading)]:
        return f"the ports that programs get by themselves begin before that: see {_LOCAL_PORTS}"
    if len(numbers) != 2:
        return ""
    if name == _LOCAL_PORTS and not _port_start(reading) <= numbers[0] <= numbers[1] <= 65535:
        return f"it is a range of ports, from {_port_start(reading)} to 65535"
    if name == "net.ipv4.ping_group_range":
        own = reading.namespace("user")
        mapped = reading.elements("/linux/gidMappings") if own is not None and not own.get("path") else []
        for number in numbers:
            if number == _NO_GROUP:
                return f"there is no group {number}"
            if (
                mapped
                and numbers[0] <= numbers[1]
                and not any(0 <= number - each.get("containerID", 0) < each.get("size", 0) for _, each in mapped)
            ):
                return f"linux.gidMappings does not map the group {number}"
    return ""


_LOCAL_PORTS = "net.ipv4.ip_local_port_range"


def _named(reading: Reading, wanted: str) -> list[int]:
    """The numbers that another parameter is set to."""
    for key, value in reading.members("/linux/sysctl").items():
        if _dotted(key) == wanted:
            return [number for word in str(value).split() if (number := _number(word)) is not None]
    return []


def _port_start(reading: Reading) -> int:
    return next(iter(_named(reading, "net.ipv4.ip_unprivileged_port_start")), _FIRST_PORT)


def _local_ports(reading: Reading) -> int:
    return next(iter(_named(reading, _LOCAL_PORTS)), _FIRST_LOCAL_PORT)


def _number(value: str) -> int | None:
    try:
        return int(value.strip(), 0)
    except ValueError:
        return None


def _on_this_host(pointer: str, name: str, value: str) -> Iterator[Finding]:
    path = Path("/proc/sys") / name.replace(".", "\0").replace("/", ".").replace("\0", "/")
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            yield Finding(pointer, _ERROR, "sysctl", f"{visible(name)[:80]} is a directory of parameters, not one")
            return
        if not mode & 0o222:
            yield Finding(pointer, _ERROR, "sysctl", f"{visible(name)[:80]} can only be read")
            return
        now = path.read_text().strip()
    except FileNotFoundError:
        yield Finding(pointer, _ERROR, "sysctl", f"this kernel has no parameter {visible(name)[:80]}")
        return
    except (OSError, ValueError):
        return
    if name == "net.ipv4.tcp_congestion_control" and (allowed := _allowed_control()) and value.strip() not in allowed:
        yield Finding(pointer, _ERROR, "sysctl", f"this host allows {' and '.join(allowed)} in containers")
    if re.fullmatch(r"-?\d+(\s+-?\d+)*", now) and not _NUMBERS.fullmatch(" ".join(value.split()[: len(now.split())])):
        yield Finding(pointer, _ERROR, "sysctl", f"numbers are wanted; the host's own is {now!r}")


def _allowed_control() -> list[str]:
    try:
        return Path("/proc/sys/net/ipv4/tcp_allowed_congestion_control").read_text().split()
    except OSError:
        return []


def _dotted(key: str) -> str:
    """sysctl.d(5): with a slash as the first separator, slashes and dots change places."""
    first = re.search(r"[./]", key)
    return key.translate(str.maketrans("./", "/.")) if first and first.group() == "/" else key


def _is_ours(path: str) -> bool:
    try:
        theirs, own = os.stat(path), os.stat("/proc/self/ns/net")
    except (OSError, ValueError):
        return False
    return (theirs.st_dev, theirs.st_ino) == (own.st_dev, own.st_ino)
