"""What runc refuses, or surely was not meant, in mounts."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.host import HostFacts
from engine.spec.diagnostics import Severity
from engine.spec.inside import real_path
from engine.spec.reading import Finding, Reading
from engine.spec.vocabulary import WORDS, suggestion
from engine.text import visible

_ERROR, _WARNING = Severity.ERROR, Severity.WARNING

_SIZE = re.compile(r"\d+[kKmMgGtTpPeE]?%?|")
_OCTAL = re.compile(r"[0-7]+")
_NUMBER = re.compile(r"\d+")
_ANY = re.compile(r".*", re.DOTALL)

_DATA: dict[str, dict[str, re.Pattern[str]]] = {
    "tmpfs": {
        "size": _SIZE,
        "nr_blocks": _SIZE,
        "nr_inodes": _SIZE,
        "mode": _OCTAL,
        "uid": _NUMBER,
        "gid": _NUMBER,
        "huge": _ANY,
        "mpol": _ANY,
        "inode32": _ANY,
        "inode64": _ANY,
        "noswap": _ANY,
    },
    "devpts": {
        "uid": _NUMBER,
        "gid": _NUMBER,
        "mode": _OCTAL,
        "ptmxmode": _OCTAL,
        "newinstance": _ANY,
        "max": _NUMBER,
    },
    "proc": {"hidepid": _ANY, "gid": _NUMBER, "subset": _ANY},
    "sysfs": {},
    "mqueue": {},
}
"""What the kernel takes as a filesystem's own options (tmpfs(5), proc(5), Documentation/filesystems/devpts)."""

_COMMON_TYPE_WORDS = (
    "bind cgroup cgroup2 devpts mqueue proc sysfs tmpfs overlay ext4 xfs btrfs nfs nfs4 cifs fuse debugfs tracefs"
    " securityfs bpf hugetlbfs ramfs devtmpfs configfs vfat iso9660 squashfs"
)
_COMMON_TYPES = frozenset(_COMMON_TYPE_WORDS.split())

_PROC_WORDS = "cpuinfo diskstats meminfo stat swaps uptime loadavg slabinfo net/dev sys/kernel/ns_last_pid"
_PROC_FILES = frozenset(f"/proc/{name}" for name in _PROC_WORDS.split())
"""The only places below /proc that runc binds to (they are what lxcfs emulates)."""


def mounts(reading: Reading) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    proc_before = False
    for pointer, mount in reading.elements("/mounts"):
        destination = mount.get("destination", "")
        if any("\0" in mount.get(key, "") for key in ("destination", "source", "type")):
            yield Finding(pointer, _ERROR, "nul", "a mount cannot hold a NUL character")
            continue
        place = _clean(destination)
        if place == "/":
            severity = _ERROR if proc_before else _WARNING
            message = "this mount hides the whole root filesystem, and what was mounted before"
            yield Finding(f"{pointer}/destination", severity, "destination", message)
        elif not destination.startswith("/"):
            message = "a destination should be an absolute path; newer versions of runc refuse this"
            yield Finding(f"{pointer}/destination", _WARNING, "destination", message, f'Write "{visible(place)[:80]}".')
        if place in seen:
            message = f"{visible(place)[:80]} is mounted twice; this one hides the one before"
            yield Finding(f"{pointer}/destination", _WARNING, "duplicate", message)
        seen[place] = pointer
        proc_before = proc_before or place == "/proc"
        yield from _mount(reading, pointer, mount, place)
    if "/proc" not in seen and reading.at("/root/path") not in ("/", None, ""):
        message = "no /proc is mounted: runc needs it to close its own files before the start"
        hint = 'Add {"destination": "/proc", "type": "proc", "source": "proc"}.'
        yield Finding("/mounts", _ERROR, "no-proc", message, hint)


def _clean(destination: str) -> str:
    return posixpath.normpath("/" + destination).replace("//", "/", 1)


def is_bind(mount: dict[str, Any]) -> bool:
    """runc goes by the options, not by the type."""
    return bool({"bind", "rbind"} & set(mount.get("options") or ()))


def _mount(reading: Reading, pointer: str, mount: dict[str, Any], place: str) -> Iterator[Finding]:
    kind = "bind" if is_bind(mount) else mount.get("type", "")
    if kind == "bind" and not is_bind(mount):
        message = "a bind mount is told by its options: without bind or rbind the kernel looks for a filesystem 'bind'"
        yield Finding(f"{pointer}/type", _ERROR, "mount-type", message, 'Add "rbind" to its options.')
        return
    if kind == "bind":
        yield from _bind(reading, pointer, mount, place)
    elif not kind or not _offered(kind, reading.facts):
        severity = _ERROR if reading.facts is not None or not kind else _WARNING
        message = f"this host knows no filesystem {visible(kind)[:40]!r}" if kind else "the type is missing"
        yield Finding(f"{pointer}/type", severity, "mount-type", message, suggestion(kind, _COMMON_TYPES))
    if kind not in ("proc", "sysfs", "mqueue", "tmpfs", "cgroup") and place.startswith("/proc/"):
        if place not in _PROC_FILES:
            yield Finding(f"{pointer}/destination", _ERROR, "proc", "runc mounts nothing of this kind inside /proc")
    elif kind not in ("proc", "tmpfs", "cgroup", "sysfs", "mqueue") and place == "/proc":
        source = mount.get("source", "")
        if source and not (source.startswith("/") and os.path.exists(f"{source}/self/fd")):
            message = "only a proc filesystem may be mounted on /proc"
            yield Finding(f"{pointer}/destination", _ERROR, "proc", message)
    yield from _options(pointer, mount, kind)


def _offered(kind: str, facts: HostFacts | None) -> bool:
    if facts is None:
        return kind in _COMMON_TYPES
    try:
        known = {line.split()[-1] for line in Path("/proc/filesystems").read_text().splitlines()}
    except OSError:
        return True
    if kind in known or kind in ("cgroup", "cgroup2"):
        return True
    # mount(2) loads a module for a filesystem on demand.
    folder = Path(f"/lib/modules/{facts.kernel}/kernel/fs")
    return bool(re.fullmatch(r"[a-z0-9_.]+", kind)) and any(folder.glob(f"*/{kind}.ko*"))


def _bind(reading: Reading, pointer: str, mount: dict[str, Any], place: str) -> Iterator[Finding]:
    source = mount.get("source", "")
    if not source:
        yield Finding(f"{pointer}/source", _WARNING, "source", "without a source the bundle itself is mounted")
        return
    if reading.facts is None or (not source.startswith("/") and reading.bundle is None):
        return
    path = Path(source) if source.startswith("/") else (reading.bundle or Path("/")) / source
    if not path.exists():
        message = f"{visible(source)[:80]} is not there on this host"
        yield Finding(f"{pointer}/source", _ERROR, "source", message)
        return
    target = in_root(reading, place, until=pointer)
    if target is None:
        return
    if target.is_dir() and not path.is_dir():
        yield Finding(f"{pointer}/destination", _ERROR, "destination", "a file cannot be mounted on a directory")
    elif target.exists() and path.is_dir() and not target.is_dir():
        yield Finding(f"{pointer}/destination", _ERROR, "destination", "a directory cannot be mounted on a file")
    elif any(parent.is_file() for parent in target.parents):
        yield Finding(f"{pointer}/destination", _ERROR, "destination", "part of this path is a file")


def in_root(reading: Reading, place: str, *, until: str = "") -> Path | None:
    """A path of the container in the root directory; None where that cannot be seen, or a mount (of those before the
    one at `until`) lies over the path.
    """
    base = reading.file_in_root()
    if base is None or not base.is_dir():
        return None
    resolved = real_path(base, place)
    for earlier, mount in reading.elements("/mounts"):
        if earlier == until:
            break
        over = _clean(mount.get("destination", "")).rstrip("/")
        if any(path == over or path.startswith(over + "/") for path in (place, resolved)):
            return None
    return base / resolved.lstrip("/")


def _options(pointer: str, mount: dict[str, Any], kind: str) -> Iterator[Finding]:
    known = WORDS["mount_option"]
    own = _DATA.get(kind)
    for number, option in enumerate(mount.get("options") or ()):
        place = f"{pointer}/options/{number}"
        name, _, value = option.partition("=")
        if option in known or not option:
            continue
        if kind == "bind":
            message = f"a bind mount has no option {visible(option)[:40]!r}; it has no effect"
            yield Finding(place, _WARNING, "mount-option", message, suggestion(option, known))
        elif own is not None and name not in own:
            message = f"{kind} has no option {visible(option)[:40]!r}: the kernel refuses it"
            yield Finding(place, _ERROR, "mount-option", message, suggestion(name.lower(), {*known, *own}))
        elif own is not None and not own[name].fullmatch(value):
            yield Finding(place, _ERROR, "mount-option", f"{kind} cannot read {visible(option)[:40]!r}")
        elif own is None and kind != "cgroup" and (near := suggestion(option, known)):
            yield Finding(place, _WARNING, "mount-option", f"{visible(option)[:40]!r} is no common mount option", near)
