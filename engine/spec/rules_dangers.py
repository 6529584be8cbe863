"""What runc takes but what lets a container reach the host: warnings, with the way it goes wrong."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from engine.spec.diagnostics import Severity
from engine.spec.reading import Finding, Reading
from engine.spec.seeing import is_bind
from engine.spec.vocabulary import CAPABILITIES

_WARNING = Severity.WARNING

_SOCKETS = ("docker.sock", "podman.sock", "containerd.sock", "crio.sock")
_TELLING = {
    "/": "the host's whole file system",
    "/etc": "the host's configuration",
    "/root": "root's home on the host",
    "/boot": "the host's kernel",
    "/usr": "the host's programs",
    "/var": "the data of the host's services",
    "/dev": "the host's devices",
    "/proc": "the host's processes and kernel parameters",
    "/sys": "the host's kernel objects",
    "/run": "the sockets of the host's services",
}


def dangers(reading: Reading) -> Iterator[Finding]:
    yield from _binds(reading)
    yield from _disks(reading)
    bounding = set(reading.at("/process/capabilities/bounding") or ()) & CAPABILITIES
    filtered = bool(reading.members("/linux/seccomp").get("defaultAction"))
    if len(bounding) > 30 and not filtered:
        message = "this is as good as root on the host: all capabilities, and no filter on system calls"
        yield Finding("/process/capabilities", _WARNING, "privileged", message, "Run only what you trust.")
        return
    shared = [kind for kind in ("pid", "network", "ipc") if reading.namespace(kind) is None]
    if "CAP_SYS_ADMIN" in bounding:
        with_whom = f", and it shares the host's {' and '.join(shared)} namespace" if shared else ""
        message = f"CAP_SYS_ADMIN is nearly all of root's power{with_whom}"
        hint = "It mounts, and by a control group's release_agent runs what it likes on the host (CVE-2022-0492)."
        yield Finding(_place(reading, "CAP_SYS_ADMIN"), _WARNING, "sys-admin", message, hint)
    if "CAP_SYS_PTRACE" in bounding and "pid" in shared:
        message = "with the host's processes in sight, CAP_SYS_PTRACE can take any of them over"
        yield Finding(_place(reading, "CAP_SYS_PTRACE"), _WARNING, "host-pid", message)
    if "CAP_SYS_MODULE" in bounding:
        message = "CAP_SYS_MODULE loads code into the host's kernel"
        yield Finding(_place(reading, "CAP_SYS_MODULE"), _WARNING, "sys-module", message)
    if "CAP_SYS_RAWIO" in bounding:
        message = "CAP_SYS_RAWIO reaches the machine's own memory and ports"
        yield Finding(_place(reading, "CAP_SYS_RAWIO"), _WARNING, "kernel-memory", message)
    if "CAP_BPF" in bounding:
        message = "CAP_BPF loads programs into the kernel, past whose verifier some have written (CVE-2021-31440)"
        yield Finding(_place(reading, "CAP_BPF"), _WARNING, "kernel-memory", message)
    if "CAP_DAC_READ_SEARCH" in bounding:
        message = "CAP_DAC_READ_SEARCH opens the host's files by handle, past the container's root (CVE-2014-3519)"
        yield Finding(_place(reading, "CAP_DAC_READ_SEARCH"), _WARNING, "read-search", message)


def _place(reading: Reading, name: str) -> str:
    return next(p for p, found in reading.elements("/process/capabilities/bounding") if found == name)


def _disks(reading: Reading) -> Iterator[Finding]:
    """Block devices of the host that may be written to: with the disk goes every file on it."""
    writable = [
        (rule.get("major"), rule.get("minor"))
        for _, rule in reading.elements("/linux/resources/devices")
        if rule.get("allow") and rule.get("type") == "b" and "w" in rule.get("access", "")
    ]
    for pointer, device in reading.elements("/linux/devices"):
        numbers = (device.get("major"), device.get("minor"))
        if device.get("type") == "b" and any(rule in (numbers, (numbers[0], None), (None, None)) for rule in writable):
            message = f"the container can write to the host's block device {numbers[0]}:{numbers[1]}, past its files"
            yield Finding(f"{pointer}/path", _WARNING, "host-disk", message, 'Let it read alone: "access": "r".')


def _binds(reading: Reading) -> Iterator[Finding]:
    for pointer, mount in reading.elements("/mounts"):
        source = mount.get("source", "")
        if not is_bind(mount) or not source.startswith("/"):
            continue
        source = posixpath.normpath(source).replace("//", "/", 1)
        if posixpath.basename(source) in _SOCKETS:
            message = f"whoever may use {posixpath.basename(source)} is root on the host: it starts what it likes there"
            yield Finding(f"{pointer}/source", _WARNING, "engine-socket", message)
        elif source in _TELLING and "ro" not in (mount.get("options") or ()):
            message = f"the container can write to {_TELLING[source]}"
            yield Finding(f"{pointer}/source", _WARNING, "writable-host", message, 'Add "ro" to its options.')
