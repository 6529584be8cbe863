"""The options by which docker made a container, from its own record of it, as words of `run`.

docker keeps no config.json of a container that does not run; by these one can be made as it would make it anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.neighbours.container import member

_TEXTS = {
    "CpusetCpus": "cpuset-cpus",
    "CpusetMems": "cpuset-mems",
}
_NUMBERS = {
    "CpuShares": "cpu-shares",
    "CpuPeriod": "cpu-period",
    "CpuQuota": "cpu-quota",
    "Memory": "memory",
    "MemoryReservation": "memory-reservation",
    "MemorySwap": "memory-swap",
    "BlkioWeight": "blkio-weight",
    "PidsLimit": "pids-limit",
    "OomScoreAdj": "oom-score-adj",
}
_LISTS = {
    "CapAdd": "cap-add",
    "CapDrop": "cap-drop",
    "Dns": "dns",
    "DnsOptions": "dns-option",
    "DnsSearch": "dns-search",
    "ExtraHosts": "add-host",
    "GroupAdd": "group-add",
}
_MODES = {"PidMode": "pid", "IpcMode": "ipc", "UTSMode": "uts", "UsernsMode": "userns", "CgroupnsMode": "cgroupns"}
_SWITCHES = {"Privileged": "privileged", "ReadonlyRootfs": "read-only", "Init": "init"}
_SHM = 64 << 20  # bytes; docker's default


def words_of(record: dict[str, Any], host: dict[str, Any], data: Path) -> tuple[list[str], list[str]]:
    """The words, and in sentences what they cannot say. `record` is docker's config.v2.json, `host` its
    hostconfig.json, `data` its data directory."""
    config = found if isinstance(found := record.get("Config"), dict) else {}
    untold: list[str] = []
    words = ["--profile=docker", *_of_process(record, config), *_of_host(host, untold)]
    words += _mounts(record, host, data)
    return words, untold


def command_of(record: dict[str, Any]) -> list[str]:
    """The command's words; the entry point is an option."""
    return _texts(record.get("Config"), "Cmd")


def _of_process(record: dict[str, Any], config: dict[str, Any]) -> Iterator[str]:
    yield f"--entrypoint={json.dumps(entry) if (entry := _texts(config, 'Entrypoint')) else ''}"
    yield from (f"--env={each}" for each in _texts(config, "Env"))
    for key, option in (("User", "user"), ("WorkingDir", "workdir"), ("StopSignal", "stop-signal")):
        if value := member(config, key):
            yield f"--{option}={value}"
    hostname = member(config, "Hostname")
    if hostname and not member(record, "ID").startswith(hostname) and member(record, "HostConfig", "UTSMode") != "host":
        yield f"--hostname={hostname}"
    yield from (f"--{word}" for key, word in (("Tty", "tty"), ("OpenStdin", "interactive")) if config.get(key) is True)


def _of_host(host: dict[str, Any], untold: list[str]) -> Iterator[str]:
    for key, option in _TEXTS.items():
        if value := member(host, key):
            yield f"--{option}={value}"
    for key, option in _NUMBERS.items():
        number = host.get(key)
        if isinstance(number, int) and not isinstance(number, bool) and number:
            yield f"--{option}={number}{'b' if option.startswith('memory') and number > 0 else ''}"
    if isinstance(cpus := host.get("NanoCpus"), int) and cpus > 0:
        yield f"--cpus={cpus / 1e9:g}"
    if isinstance(shm := host.get("ShmSize"), int) and shm > 0 and shm != _SHM:
        yield f"--shm-size={shm}b"
    for key, option in _LISTS.items():
        yield from (f"--{option}={each}" for each in _texts(host, key))
    yield from (f"--{word}" for key, word in _SWITCHES.items() if host.get(key) is True)
    for key, option in _MODES.items():
        match member(host, key).partition(":")[0]:
            case "host" | "private" | "none" | "shareable" as mode if (key, mode) != ("UsernsMode", "private"):
                yield f"--{option}={mode}"
            case "":
                pass
            case _:
                untold.append(f"{key} {member(host, key)}: a namespace of its own in place of another container's")
    for each in _objects(host, "Ulimits"):
        yield f"--ulimit={member(each, 'Name')}={each.get('Soft')}:{each.get('Hard')}"
    for each in _objects(host, "Devices"):
        yield "--device=" + ":".join(
            member(each, key) for key in ("PathOnHost", "PathInContainer", "CgroupPermissions")
        )
    sysctls = host.get("Sysctls")
    yield from (f"--sysctl={key}={value}" for key, value in (sysctls if isinstance(sysctls, dict) else {}).items())
    for word in _texts(host, "SecurityOpt"):
        if word.startswith("seccomp=") and word.removeprefix("seccomp=").lstrip().startswith("{"):
            untold.append("its own filter of system calls: docker keeps its text, not its file; the usual one is taken")
        else:
            yield f"--security-opt={word if '=' in word else word.replace(':', '=', 1)}"


def _mounts(record: dict[str, Any], host: dict[str, Any], data: Path) -> Iterator[str]:
    points = record.get("MountPoints")
    for place, point in (points if isinstance(points, dict) else {}).items():
        if member(point, "Type") not in ("bind", "volume"):
            continue
        source = member(point, "Source") or str(data / "volumes" / member(point, "Name") / "_data")
        rights = "" if point.get("RW") is not False else ",ro"
        spread = f",bind-propagation={way}" if (way := member(point, "Propagation")) else ""
        yield f"--mount=type=bind,src={source},dst={place}{rights}{spread}"
    memory = host.get("Tmpfs")
    for place, options in (memory if isinstance(memory, dict) else {}).items():
        yield f"--tmpfs={place}{f':{options}' if options else ''}"
    for each in _objects(host, "Mounts"):
        if member(each, "Type") == "tmpfs":
            yield f"--mount=type=tmpfs,dst={member(each, 'Target')}"


def _texts(value: Any, key: str) -> list[str]:
    found = value.get(key) if isinstance(value, dict) else None
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def _objects(value: dict[str, Any], key: str) -> list[dict[str, Any]]:
    found = value.get(key)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
