"""What the mutants of a config.json are made of: each is a map of pointers to what is put there."""

from __future__ import annotations

from typing import Any

Config = dict[str, Any]


class Gone:
    """Marks a member that a mutant takes away."""


GONE = Gone()
BIG = 2**64
ALL_IDS = [{"containerID": 0, "hostID": 0, "size": 65536}]


def bind(**changes: Any) -> Config:
    return {
        "/mounts/-": {"destination": "/mnt", "type": "bind", "source": "/etc", "options": ["rbind", "ro"]} | changes
    }


def mount(kind: str, *options: str, **changes: Any) -> Config:
    return {"/mounts/-": {"destination": "/mnt", "type": kind, "source": kind, "options": list(options)} | changes}


def device(**changes: Any) -> Config:
    return {"/linux/devices": [{"path": "/dev/mine", "type": "c", "major": 1, "minor": 3} | changes]}


def sysctl(name: str, value: str) -> Config:
    """With a network namespace of its own."""
    return {"/linux/sysctl": {name: value}, "/linux/namespaces/-": {"type": "network"}}


def seccomp(*rules: Config, **changes: Any) -> Config:
    return {"/linux/seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": list(rules)} | changes}


def mapped(maps: Any = None, **changes: Any) -> Config:
    """In a user namespace: the mappings, and what is changed by pointer with __ for its slashes."""
    return {
        "/linux/namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount", "network", "user")],
        "/linux/uidMappings": maps or ALL_IDS,
        "/linux/gidMappings": maps or ALL_IDS,
        **{key.replace("__", "/"): value for key, value in changes.items()},
    }
