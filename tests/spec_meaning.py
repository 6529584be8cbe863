"""What a config.json says, without what docs/engines.md names as meant to differ, and without an order that means
nothing: so that another engine's can be compared with ours."""

from __future__ import annotations

import os
from typing import Any


def meaning(config: dict[str, Any]) -> dict[str, Any]:
    """What a configuration says, without the differences that are meant (above), order where order means nothing."""
    process, linux = config["process"], config["linux"]
    env = dict(entry.split("=", 1) for entry in process["env"])
    if env.get("container") in ("podman", "cutaway"):
        del env["container"]
    resources = _said(linux.get("resources", {}))
    if linux.get("uidMappings"):
        resources.pop("devices", None)
    for device in linux.get("devices", []):
        device["fileMode"] &= 0o7777
    return {
        "args": [init_place(word) for word in process["args"]],
        "env": env,
        "cwd": os.path.normpath(process["cwd"]),
        "terminal": process.get("terminal", False),
        # podman walks a Go map for them, in another order each time; the first group stays the process's own
        "user": {**process["user"], "additionalGids": sorted(process["user"].get("additionalGids", []))},
        "capabilities": {kind: sorted(names) for kind, names in process["capabilities"].items() if names},
        "rlimits": sorted(map(str, map(sorted, (limit.items() for limit in process["rlimits"])))),
        "noNewPrivileges": process.get("noNewPrivileges", False),
        "oomScoreAdj": process.get("oomScoreAdj") or None,
        "apparmorProfile": process.get("apparmorProfile"),
        "readonly": config["root"].get("readonly", False),
        "hostname": config.get("hostname"),
        "mounts": dict(map(mount_meaning, config["mounts"])),
        "annotations": {
            k: v for k, v in config.get("annotations", {}).items() if not k.startswith(("io.", "org.open"))
        },
        "sysctl": linux.get("sysctl", {}),
        "resources": resources,
        "mappings": (linux.get("uidMappings"), linux.get("gidMappings")),
        "namespaces": sorted((entry["type"], entry.get("path", "")) for entry in linux["namespaces"]),
        "maskedPaths": linux.get("maskedPaths", []),
        "readonlyPaths": linux.get("readonlyPaths", []),
        "devices": {device["path"]: device for device in linux.get("devices", [])},
        "seccomp": seccomp_meaning(linux.get("seccomp")),
        "rootfsPropagation": linux.get("rootfsPropagation", ""),
    }


def _said(value: Any) -> Any:
    """What a limit says: 0 and false are nothing."""
    if not isinstance(value, dict):
        return value
    return {key: said for key, each in value.items() if (said := _said(each))}


def init_place(text: str) -> str:
    return text if text not in ("/run/podman-init", "/run/cutaway-init") else "the init"


def mount_meaning(mount: dict[str, Any]) -> tuple[str, Any]:
    destination, source = init_place(mount["destination"]), mount["source"]
    if destination == "/dev/shm" and (source == "shm" or source.endswith("/userdata/shm")):
        return destination, "memory of its own"
    if "/volumes/" in source:
        source = source[source.index("/volumes/") :]
    if source.startswith("files/") or "/userdata/" in source:
        source = source.rpartition("/")[2].lstrip(".")
    return destination, (mount["type"], source, frozenset(mount.get("options", [])))


def seccomp_meaning(profile: dict[str, Any] | None) -> Any:
    """By system call: what happens to it, under which conditions."""
    if profile is None:
        return None
    calls: dict[str, set[str]] = {}
    for rule in profile["syscalls"]:
        conditions = [(arg["index"], arg["value"], arg.get("valueTwo", 0), arg["op"]) for arg in rule.get("args") or ()]
        for name in rule["names"]:
            calls.setdefault(name, set()).add(f"{rule['action']} {rule.get('errnoRet')} {sorted(conditions)}")
    return profile["defaultAction"], profile.get("defaultErrnoRet"), sorted(profile["architectures"]), calls
