"""The system call filter: the host's own default profile, compiled for this machine and this set of capabilities.

The source format is the one that containers-common and docker share: the runtime-spec's, with conditions
(`includes`, `excludes`) on architecture and capabilities, and a map of architectures.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.errors import SpecError
from engine.text import visible

HOST_PROFILES = (Path("/etc/containers/seccomp.json"), Path("/usr/share/containers/seccomp.json"))
"""Where containers-common keeps its default; the first that is there counts."""

_LIMIT = 4 * 1024 * 1024

_NATIVE = {
    "amd64": "SCMP_ARCH_X86_64",
    "386": "SCMP_ARCH_X86",
    "arm64": "SCMP_ARCH_AARCH64",
    "arm": "SCMP_ARCH_ARM",
    "ppc64le": "SCMP_ARCH_PPC64LE",
    "s390x": "SCMP_ARCH_S390X",
    "riscv64": "SCMP_ARCH_RISCV64",
}
_ACTIONS = frozenset(
    f"SCMP_ACT_{name}"
    for name in ("KILL", "KILL_PROCESS", "KILL_THREAD", "TRAP", "ERRNO", "TRACE", "ALLOW", "LOG", "NOTIFY")
)


def default_profile(architecture: str, capabilities: frozenset[str]) -> tuple[dict[str, Any], str]:
    """The compiled default filter, and where it comes from."""
    path = next((path for path in HOST_PROFILES if path.is_file()), None)
    if path is not None:
        return compile_profile(_read(path), architecture, capabilities, str(path)), str(path)
    from engine.spec.syscalls import own_profile  # hardly a host has none

    name = "Cutaway's own seccomp profile"
    return compile_profile(own_profile(), architecture, capabilities, name), name


def profile_from(path: Path, architecture: str, capabilities: frozenset[str]) -> dict[str, Any]:
    """The filter in a file of the user's, compiled. Raises SpecError."""
    return compile_profile(_read(path), architecture, capabilities, str(path))


def compile_profile(
    source: Mapping[str, Any], architecture: str, capabilities: frozenset[str], name: str
) -> dict[str, Any]:
    """Turn a profile with conditions into the `linux.seccomp` of a config.json. Raises SpecError if it is none."""
    try:
        return _compiled(source, architecture, capabilities)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise SpecError(f"{visible(name)} is not a seccomp profile: {error!r}") from error


def _compiled(source: Mapping[str, Any], architecture: str, capabilities: frozenset[str]) -> dict[str, Any]:
    if source["defaultAction"] not in _ACTIONS:
        raise ValueError(f"unknown action {source['defaultAction']!r}")
    out: dict[str, Any] = {"defaultAction": source["defaultAction"]}
    if source.get("defaultErrnoRet") is not None:
        out["defaultErrnoRet"] = source["defaultErrnoRet"]
    architectures = list(source.get("architectures") or ())
    for entry in source.get("archMap") or ():
        if entry["architecture"] == _NATIVE.get(architecture):
            architectures = [entry["architecture"], *(entry.get("subArchitectures") or ())]
    if architectures:
        out["architectures"] = architectures
    if source.get("flags"):
        out["flags"] = list(source["flags"])
    out["syscalls"] = [
        _rule(entry) for entry in source.get("syscalls") or () if _applies(entry, architecture, capabilities)
    ]
    return out


def _rule(entry: Mapping[str, Any]) -> dict[str, Any]:
    names = list(entry.get("names") or [entry["name"]])
    rule: dict[str, Any] = {"names": names, "action": entry["action"]}
    if entry.get("errnoRet") is not None:
        rule["errnoRet"] = entry["errnoRet"]
    if entry.get("args"):
        rule["args"] = [
            {
                key: arg[key]
                for key in ("index", "value", "valueTwo", "op")
                if arg.get(key) or key in ("index", "op", "value")
            }
            for arg in entry["args"]
        ]
    return rule


def _applies(entry: Mapping[str, Any], architecture: str, capabilities: frozenset[str]) -> bool:
    includes, excludes = entry.get("includes") or {}, entry.get("excludes") or {}
    if architecture in (excludes.get("arches") or ()) or set(excludes.get("caps") or ()) & capabilities:
        return False
    if includes.get("arches") and architecture not in includes["arches"]:
        return False
    return set(includes.get("caps") or ()) <= capabilities


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            raw = file.read(_LIMIT + 1)
    except OSError as error:
        raise SpecError(f"cannot read the seccomp profile {path}: {error.strerror}") from error
    if len(raw) > _LIMIT:
        raise SpecError(f"the seccomp profile {path} is over {_LIMIT} bytes")
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise SpecError(f"the seccomp profile {path} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise SpecError(f"the seccomp profile {path} is not a JSON object")
    return value
