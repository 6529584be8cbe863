"""What runc takes but what lets a container reach the host: warnings, with the way it goes wrong.

With each goes the CVE of a hole by which it was used, or that there is none: it needs no hole, that is what it is for.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from engine.spec.diagnostics import Severity
from engine.spec.reading import Finding, Reading
from engine.spec.seeing import is_bind
from engine.spec.vocabulary import CAPABILITIES
from engine.text import visible

_WARNING = Severity.WARNING

_SOCKETS = ("docker.sock", "podman.sock", "containerd.sock", "crio.sock")
_TELLING = {
    "/": ("the host's whole file system", "a line in /etc/crontab is run there as root"),
    "/etc": ("the host's configuration", "a line in /etc/crontab is run there as root"),
    "/root": ("root's home on the host", "a key in .ssh/authorized_keys logs in there as root"),
    "/boot": ("the host's kernel", "what is put there runs at the next start"),
    "/usr": ("the host's programs", "root runs there what is put in their place"),
    "/var": ("the data of the host's services", "a file in spool/cron is run there as root"),
    "/dev": ("the host's devices", "by a listed disk every file on it can be changed"),
    "/proc": (
        "the host's kernel parameters",
        "sys/kernel/core_pattern runs a program there as root (as CVE-2022-0811)",
    ),
    "/sys": ("the host's kernel objects", "kernel/uevent_helper runs a program there as root"),
    "/run": ("the sockets of the host's services", "some of them start what they are told to, as root"),
}
"""Directories of the host: what they are, and what a container that may write there can do."""

_NO_HOLE = "No CVE: it takes no hole for that."
_AS_ROOT = f"It can mount the host's disks and load code into its kernel: run only what you trust. {_NO_HOLE}"


def dangers(reading: Reading) -> Iterator[Finding]:
    yield from _binds(reading)
    yield from _disks(reading)
    bounding = set(reading.at("/process/capabilities/bounding") or ()) & CAPABILITIES
    filtered = bool(reading.members("/linux/seccomp").get("defaultAction"))
    if len(bounding) > 30 and not filtered:
        message = "this is as good as root on the host: all capabilities, and no filter on system calls"
        yield Finding("/process/capabilities", _WARNING, "privileged", message, _AS_ROOT)
        return
    shared = [kind for kind in ("pid", "network", "ipc") if reading.namespace(kind) is None]
    if "CAP_SYS_ADMIN" in bounding:
        with_whom = f", and it shares the host's {' and '.join(shared)} namespace" if shared else ""
        message = f"CAP_SYS_ADMIN is nearly all of root's power{with_whom}"
        hint = "It mounts, and by a control group's release_agent runs what it likes on the host (CVE-2022-0492)."
        if "network" in shared:
            hint += " On the host's network it also reaches the sockets of a containerd before 1.4.3 (CVE-2020-15257)."
        yield Finding(_place(reading, "CAP_SYS_ADMIN"), _WARNING, "sys-admin", message, hint)
    if "CAP_SYS_PTRACE" in bounding and "pid" in shared:
        message = "with the host's processes in sight, CAP_SYS_PTRACE can take any of them over"
        yield Finding(_place(reading, "CAP_SYS_PTRACE"), _WARNING, "host-pid", message, _NO_HOLE)
    if "CAP_SYS_MODULE" in bounding:
        message = "CAP_SYS_MODULE loads code into the host's kernel"
        yield Finding(_place(reading, "CAP_SYS_MODULE"), _WARNING, "sys-module", message, _NO_HOLE)
    if "CAP_SYS_RAWIO" in bounding:
        message = "CAP_SYS_RAWIO reaches the machine's own memory and ports"
        yield Finding(_place(reading, "CAP_SYS_RAWIO"), _WARNING, "kernel-memory", message, _NO_HOLE)
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
            hint = f'Let it read alone: "access": "r". {_NO_HOLE}'
            yield Finding(f"{pointer}/path", _WARNING, "host-disk", message, hint)


def _binds(reading: Reading) -> Iterator[Finding]:
    for pointer, mount in reading.elements("/mounts"):
        source = mount.get("source", "")
        if not is_bind(mount) or not source.startswith("/"):
            continue
        said = posixpath.normpath(source).replace("//", "/", 1)
        source = _without_links(reading, said)
        for name in (posixpath.basename(path) for path in (said, source)):
            if name in _SOCKETS:
                message = f"whoever may use {name} is root on the host: it starts what it likes there"
                hint = f"Leave it out: read-only does not help, a socket can be written to all the same. {_NO_HOLE}"
                yield Finding(f"{pointer}/source", _WARNING, "engine-socket", message, hint)
                break
        else:
            if source in _TELLING:
                yield from _writable(reading, pointer, source, list(mount.get("options") or ()))


def _without_links(reading: Reading, path: str) -> str:
    """Where a path of the host leads; without a look at the host, by the one link that all of them have."""
    if reading.facts is not None and "\0" not in path:
        return os.path.realpath(path)
    return re.sub(r"^/var/run(?=/|$)", "/run", path)


def _writable(reading: Reading, pointer: str, source: str, options: list[str]) -> Iterator[Finding]:
    """`ro` reaches one mount alone, and the last of `ro` and `rw` counts; `rro` reaches those below it, too."""
    what, so = _TELLING[source]
    if source == "/run":
        message = f"the container can use {what}, read-only or not: {so}"
        hint = f"Bind what it needs of it alone. {_NO_HOLE}"
        yield Finding(f"{pointer}/source", _WARNING, "writable-host", message, hint)
        return
    if "rro" in options:
        return
    rights = [word for word in options if word in ("ro", "rw")]
    if rights[-1:] != ["ro"]:
        message = f"the container can write to {what}: {so}"
        hint = 'Add "rro" to its options.' if "rbind" in options else 'Add "ro" to its options.'
        if "ro" in rights:
            hint = 'Take "rw" out: the last of "ro" and "rw" counts.'
        if "CVE" not in message:
            hint = f"{hint} {_NO_HOLE}"
        yield Finding(f"{pointer}/source", _WARNING, "writable-host", message, hint)
    elif "rbind" in options and (below := _writable_below(reading, source)) is not None:
        where = f", such as {visible(below)[:80]}" if below else ""
        message = f'"ro" does not reach what is mounted below {source} on the host{where}: it can be written to'
        hint = f'Write "rro" in place of "ro", or "bind" in place of "rbind". {_NO_HOLE}'
        yield Finding(f"{pointer}/options", _WARNING, "writable-host", message, hint)


def _writable_below(reading: Reading, source: str) -> str | None:
    """A writable mount of this host below a directory, None where there is none; "" for one that every host has, where
    this one is not looked at."""
    if reading.facts is None:
        return "" if source in ("/", "/dev", "/sys") else None
    try:
        lines = Path("/proc/self/mountinfo").read_bytes().decode("utf-8", "replace").split("\n")[:-1]
    except OSError:
        return ""
    for line in lines:
        place, rights = line.split(" ")[4:6]
        if place != source and place.startswith(f"{source.rstrip('/')}/") and "rw" in rights.split(","):
            return place
    return None
