"""What runc refuses, or surely was not meant, in mounts."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from engine.spec.diagnostics import Severity
from engine.spec.filesystems import COMMON_TYPES, DATA, ON_DEVICES
from engine.spec.reading import Finding, Reading
from engine.spec.seeing import bind_source, clean, in_root, is_bind, look, resolved, too_long, under_file
from engine.spec.vocabulary import suggestion
from engine.spec.wordlists import WORDS
from engine.text import visible

_ERROR, _WARNING = Severity.ERROR, Severity.WARNING

_PROC_WORDS = "cpuinfo diskstats meminfo stat swaps uptime loadavg slabinfo sys/kernel/ns_last_pid"
_PROC_FILES = frozenset(f"/proc/{name}" for name in _PROC_WORDS.split())
"""The only places below /proc that runc binds to (they are what lxcfs emulates). It has net/dev, too, but looks for it
where the link leads: in /proc/PID/net."""


_OWN_PROC = ("/proc", "/proc/self", "/proc/self/fd", "/proc/thread-self")


def mounts(reading: Reading) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    proc_before = False
    for pointer, mount in reading.elements("/mounts"):
        destination = mount.get("destination", "")
        if any("\0" in mount.get(key, "") for key in ("destination", "source", "type")):
            yield Finding(pointer, _ERROR, "nul", "a mount cannot hold a NUL character")
            continue
        if too_long(destination):
            message = "a name in this path is too long: 255 bytes are the most"
            yield Finding(f"{pointer}/destination", _ERROR, "too-long", message)
            continue
        place = clean(destination)
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


def _mount(reading: Reading, pointer: str, mount: dict[str, Any], place: str) -> Iterator[Finding]:
    kind = "bind" if is_bind(mount) else mount.get("type", "")
    if kind == "bind" and not is_bind(mount):
        message = "a bind mount is told by its options: without bind or rbind the kernel looks for a filesystem 'bind'"
        yield Finding(f"{pointer}/type", _ERROR, "mount-type", message, 'Add "rbind" to its options.')
        return
    if kind == "bind":
        yield from _bind(reading, pointer, mount, place)
    elif not kind or not _offered(kind, reading):
        severity = _ERROR if reading.facts is not None or not kind else _WARNING
        message = f"this host knows no filesystem {visible(kind)[:40]!r}" if kind else "the type is missing"
        yield Finding(f"{pointer}/type", severity, "mount-type", message, suggestion(kind, COMMON_TYPES))
    real = resolved(reading, place)
    if kind not in ("proc", "sysfs", "mqueue", "tmpfs", "cgroup") and real.startswith("/proc/"):
        if real not in _PROC_FILES:
            yield Finding(f"{pointer}/destination", _ERROR, "proc", "runc mounts nothing of this kind inside /proc")
    elif kind in ("tmpfs", "cgroup", "sysfs", "mqueue") and place in _OWN_PROC and not _proc_after(reading, pointer):
        message = f"this hides {place}, which runc needs before the program starts"
        yield Finding(f"{pointer}/destination", _ERROR, "proc", message)
    elif kind not in ("proc", "tmpfs", "cgroup", "sysfs", "mqueue") and place == "/proc":
        source = mount.get("source", "")
        if source and not (source.startswith("/") and os.path.exists(f"{source}/self/fd")):
            message = "only a proc filesystem may be mounted on /proc"
            yield Finding(f"{pointer}/destination", _ERROR, "proc", message)
    yield from _options(pointer, mount, kind)
    yield from _together(reading, pointer, mount, kind, place)
    if reading.facts is not None:
        yield from _source(reading, pointer, mount, kind)
        yield from _target(reading, pointer, kind, place)


def _together(reading: Reading, pointer: str, mount: dict[str, Any], kind: str, place: str) -> Iterator[Finding]:
    """What options of one mount rule each other out."""
    options = set(mount.get("options") or ())
    place_of = f"{pointer}/options"
    if {"rnoatime", "rstrictatime"} <= options:
        yield Finding(place_of, _ERROR, "mount-option", "rnoatime and rstrictatime contradict each other")
    before = (clean(m.get("destination", "")) for _, m in reading.elements("/mounts")[: _number(pointer)])
    if "remount" in options and place not in before:
        message = "remount changes a mount that is there, and nothing is mounted here before"
        yield Finding(place_of, _ERROR, "mount-option", message, 'Leave "remount" out.')
    if place == "/dev" and kind != "bind" and "nodev" in options and "dev" not in options:
        message = "on a /dev that is mounted nodev runc cannot open the devices that it makes"
        yield Finding(place_of, _ERROR, "mount-option", message, 'Leave "nodev" out.')
    values = {name: value for name, _, value in (option.partition("=") for option in mount.get("options") or ())}
    names = set(values)
    if kind in ("fuse", "fuseblk") and "fd" not in names:
        message = f"{kind} is mounted by the program that serves its files, which hands over a descriptor"
        yield Finding(f"{pointer}/type", _ERROR, "mount-type", message, "Mount it on the host, and bind that.")
    if kind == "overlay" and not {"lowerdir", "lowerdir+"} & names:
        yield Finding(
            place_of, _ERROR, "mount-option", "overlay needs lowerdir=", 'For example "lowerdir=/upper:/lower".'
        )
    elif kind == "overlay" and "lowerdir" in names and not {"upperdir", "lowerdir+"} & names:
        if len(re.split(r"(?<!\\):", values["lowerdir"])) < 2:
            message = "overlay needs two directories: another one in lowerdir=, or upperdir= and workdir="
            yield Finding(place_of, _ERROR, "mount-option", message)
    elif kind == "overlay" and ("upperdir" in names) != ("workdir" in names):
        yield Finding(place_of, _ERROR, "mount-option", "overlay needs upperdir= and workdir= together")
    elif kind == "overlay" and "upperdir" in names and values["upperdir"] == values["workdir"]:
        yield Finding(place_of, _ERROR, "mount-option", "upperdir and workdir have to be two directories")


def _proc_after(reading: Reading, pointer: str) -> bool:
    """Whether proc is mounted on /proc after the mount at a pointer."""
    later = (mount for at, mount in reading.elements("/mounts") if _number(at) > _number(pointer))
    return any(m.get("type") == "proc" and clean(m.get("destination", "")) == "/proc" for m in later)


def _number(pointer: str) -> int:
    return int(pointer.rpartition("/")[2])


def _source(reading: Reading, pointer: str, mount: dict[str, Any], kind: str) -> Iterator[Finding]:
    """A device, or an overlay's directories, that have to be there."""
    source = mount.get("source", "")
    base = reading.file_in_root()  # where runc is while it mounts
    if kind in ON_DEVICES and (source.startswith("/") or base is not None):
        path = (base or Path("/")) / source
        if not source or not os.path.exists(path):
            yield Finding(f"{pointer}/source", _ERROR, "source", f"{visible(source)[:80]} is not there on this host")
        elif not stat.S_ISBLK(os.stat(path).st_mode):
            yield Finding(f"{pointer}/source", _ERROR, "source", f"{kind} needs a block device, and this is none")
    if kind != "overlay":
        return
    for number, option in enumerate(mount.get("options") or ()):
        name, _, value = option.partition("=")
        paths = re.split(r"(?<!\\):", value) if name == "lowerdir" else [value]
        if name in ("lowerdir", "upperdir", "workdir"):
            for path in paths:
                if "\\" in path or not (path.startswith("/") or base is not None):
                    continue
                if not path or not os.path.isdir((base or Path("/")) / path):
                    where = "on this host" if path.startswith("/") else "in the root filesystem, where runc is by then"
                    message = f"there is no directory {visible(path)[:80]} {where}"
                    yield Finding(f"{pointer}/options/{number}", _ERROR, "source", message)


def _target(reading: Reading, pointer: str, kind: str, place: str) -> Iterator[Finding]:
    """Where something other than a bind is to be mounted."""
    base = reading.file_in_root()
    if kind == "bind" or base is None:
        return
    seen = look(reading, place, until=pointer)
    if seen.mount is not None and seen.mount.get("type") == "proc" and place != clean(seen.mount["destination"]):
        if seen.known and (seen.path is None or not os.path.isdir(seen.path)):
            message = "there is no such directory in proc, and none can be made"
            yield Finding(f"{pointer}/destination", _ERROR, "proc", message)
        return
    target = seen.path if seen.known and seen.mount is None else None
    if target is None:
        return
    if kind in ("proc", "sysfs") and os.path.islink(base / place.lstrip("/")):
        message = f"runc mounts {kind} on an ordinary directory alone, and this is a link"
        yield Finding(f"{pointer}/destination", _ERROR, "destination", message)
    elif any(os.path.lexists(path) and not os.path.isdir(path) for path in (target, *target.parents)):
        yield Finding(f"{pointer}/destination", _ERROR, "destination", "this is a file in the root filesystem")


def _offered(kind: str, reading: Reading) -> bool:
    if reading.facts is None:
        return kind in COMMON_TYPES
    if reading.filesystems is None or kind in reading.filesystems or kind in ("cgroup", "cgroup2"):
        return True
    # mount(2) loads a module for a filesystem on demand.
    folder = Path(f"/lib/modules/{reading.facts.kernel}/kernel/fs")
    return bool(re.fullmatch(r"[a-z0-9_.]+", kind)) and any(folder.glob(f"*/{kind}.ko*"))


def _bind(reading: Reading, pointer: str, mount: dict[str, Any], place: str) -> Iterator[Finding]:
    source = mount.get("source", "")
    if not source:
        yield Finding(f"{pointer}/source", _WARNING, "source", "without a source the bundle itself is mounted")
        return
    if reading.facts is None or (not source.startswith("/") and reading.bundle is None):
        return
    path = bind_source(reading, mount) or Path(source)
    if re.match(r"/proc/(?:self|thread-self)/", source):
        message = "this is one of runc's own files, not the container's: it is not the same at each start"
        yield Finding(f"{pointer}/source", _WARNING, "source", message)
        return
    if not os.path.exists(path) or (source.endswith("/") and not os.path.isdir(path)):
        message = f"{visible(source)[:80]} is not there on this host"
        yield Finding(f"{pointer}/source", _ERROR, "source", message)
        return
    if place in _PROC_FILES and os.path.isdir(path):
        yield Finding(f"{pointer}/destination", _ERROR, "destination", "a directory cannot be mounted on a file")
        return
    target = in_root(reading, place, until=pointer)
    if target is None:
        return
    if os.path.isdir(target) and not os.path.isdir(path):
        yield Finding(f"{pointer}/destination", _ERROR, "destination", "a file cannot be mounted on a directory")
    elif os.path.exists(target) and os.path.isdir(path) and not os.path.isdir(target):
        yield Finding(f"{pointer}/destination", _ERROR, "destination", "a directory cannot be mounted on a file")
    elif under_file(reading, target):
        yield Finding(f"{pointer}/destination", _ERROR, "destination", "part of this path is a file")


def _options(pointer: str, mount: dict[str, Any], kind: str) -> Iterator[Finding]:
    known = WORDS["mount_option"]
    own = DATA.get(kind)
    for number, option in enumerate(mount.get("options") or ()):
        place = f"{pointer}/options/{number}"
        name, given, value = option.partition("=")
        if "\0" in option:
            yield Finding(place, _ERROR, "nul", "an option cannot hold a NUL character")
            continue
        if option == "defaults" and own is not None:
            message = "runc hands this on to the kernel, which has no such option"
            yield Finding(place, _ERROR, "mount-option", message, "Leave it out.")
            continue
        if option in known or not option:
            continue
        if kind == "bind":
            message = f"a bind mount has no option {visible(option)[:40]!r}; it has no effect"
            yield Finding(place, _WARNING, "mount-option", message, suggestion(option, known))
        elif own is not None and name not in own:
            message = f"{kind} has no option {visible(option)[:40]!r}: the kernel refuses it"
            yield Finding(place, _ERROR, "mount-option", message, suggestion(name.lower(), {*known, *own}))
        elif own is not None and not _readable(own[name], bool(given), value):
            yield Finding(place, _ERROR, "mount-option", f"{kind} cannot read {visible(option)[:40]!r}")
        elif own is None and kind != "cgroup" and (near := suggestion(option, known)):
            yield Finding(place, _WARNING, "mount-option", f"{visible(option)[:40]!r} is no common mount option", near)


def _readable(reads: Callable[[str], object] | None, given: bool, value: str) -> bool:
    return not given if reads is None else given and bool(reads(value))
