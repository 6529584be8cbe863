"""What runc refuses, or surely was not meant, in namespaces, kernel parameters, paths and devices."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from engine.host import CgroupMode
from engine.spec.diagnostics import Severity
from engine.spec.reading import Finding, Reading
from engine.spec.seeing import clean, in_root, is_bind, look, too_long, under_file
from engine.spec.vocabulary import NAMESPACES, suggestion
from engine.spec.wordlists import WORDS
from engine.text import visible

_ERROR, _WARNING = Severity.ERROR, Severity.WARNING

_GET_TYPE = 0xB703  # NS_GET_NSTYPE, ioctl_ns(2)
_CLONE = {
    0x00000080: "time",
    0x00020000: "mount",
    0x02000000: "cgroup",
    0x04000000: "uts",
    0x08000000: "ipc",
    0x10000000: "user",
    0x20000000: "pid",
    0x40000000: "network",
}


def namespaces(reading: Reading) -> Iterator[Finding]:
    seen: set[str] = set()
    known = NAMESPACES if reading.new_runc else NAMESPACES - {"time"}
    for pointer, entry in reading.elements("/linux/namespaces"):
        kind = entry.get("type", "")
        if kind not in known:
            message = f"there is no namespace {visible(kind)[:40]!r}" if kind else "the type is missing"
            hint = suggestion("network" if kind == "net" else kind.lower(), known)
            yield Finding(f"{pointer}/type", _ERROR, "unknown-word", message, hint)
            continue
        if kind in seen:
            yield Finding(f"{pointer}/type", _ERROR, "duplicate", f"the {kind} namespace is named twice")
        seen.add(kind)
        if not (path := entry.get("path")) or reading.facts is None or reading.will_be_made(path):
            continue
        if why := _not_joinable(path, kind):
            yield Finding(f"{pointer}/path", _ERROR, "namespace-path", why, "Without a path a new one is made.")
    if "mount" not in seen:
        for key in ("maskedPaths", "readonlyPaths"):
            if reading.at(f"/linux/{key}"):
                message = "paths can be hidden or made read-only in a mount namespace of its own alone"
                hint = 'Add {"type": "mount"} to linux.namespaces.'
                yield Finding(f"/linux/{key}", _ERROR, "mount-namespace", message, hint)
        if reading.at("/mounts"):
            message = "without a mount namespace all mounts are made on the host itself, and stay there"
            yield Finding("/linux/namespaces", _WARNING, "mount-namespace", message)


def _not_joinable(path: str, kind: str) -> str:
    """Why the namespace at a path cannot be joined; "" where it can."""
    if not path.startswith("/"):
        return "a namespace is named by an absolute path"
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return f"{visible(path)[:80]} is no namespace"
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        return f"{visible(path)[:80]} cannot be joined: {getattr(error, 'strerror', None) or error}"
    try:
        found = _CLONE.get(fcntl.ioctl(handle, _GET_TYPE), "")
    except OSError:
        return f"{visible(path)[:80]} is no namespace"
    finally:
        os.close(handle)
    return "" if found == kind else f"{visible(path)[:80]} is a {found} namespace, not a {kind} one"


_NEEDED = ("/proc", "/proc/self", "/proc/self/fd", "/dev")
_NEEDED_OF_FIRST = ("/proc/1", "/proc/1/fd")
"""What runc itself needs of the container; the second where it is the first process there."""


def paths(reading: Reading) -> Iterator[Finding]:
    base = reading.file_in_root() if reading.facts is not None else None
    own = reading.namespace("pid")
    first = own is not None and not own.get("path")
    for key in ("maskedPaths", "readonlyPaths"):
        for pointer, path in reading.elements(f"/linux/{key}"):
            if "\0" in path:
                yield Finding(pointer, _ERROR, "nul", "a path cannot hold a NUL character")
            elif too_long(path):
                yield Finding(pointer, _ERROR, "too-long", "a name in this path is too long: 255 bytes are the most")
            elif not path.startswith("/"):
                message = "this is not an absolute path: nothing is protected by it"
                yield Finding(pointer, _WARNING, "path", message)
            elif key == "maskedPaths" and (clean(path) in _NEEDED or (first and clean(path) in _NEEDED_OF_FIRST)):
                message = f"runc itself needs {clean(path)} before the program starts"
                yield Finding(pointer, _ERROR, "path", message)
            elif path.endswith("/") and (there := in_root(reading, clean(path))) is not None and os.path.isfile(there):
                message = "this is a file: with a slash at its end runc cannot find it"
                yield Finding(pointer, _ERROR, "path", message, f"Write {clean(path)[:80]!r}.")
            elif base is not None and under_file(reading, base / path.lstrip("/")):
                yield Finding(pointer, _ERROR, "path", "part of this path is a file")
    propagation = reading.at("/linux/rootfsPropagation")
    if propagation and propagation not in WORDS["propagation"]:
        message = f"there is no propagation {visible(propagation)[:40]!r}"
        hint = suggestion(propagation, WORDS["propagation"])
        yield Finding("/linux/rootfsPropagation", _ERROR, "unknown-word", message, hint)
    elif propagation in ("unbindable", "runbindable"):
        message = "runc binds the root filesystem to itself, and could not bind what is unbindable"
        yield Finding("/linux/rootfsPropagation", _ERROR, "propagation", message, 'For example "private".')


_ALWAYS_MADE = frozenset(f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty"))


def devices(reading: Reading) -> Iterator[Finding]:
    seen: set[str] = set()
    for pointer, device in reading.elements("/linux/devices"):
        kind, path = device.get("type", ""), device.get("path", "")
        if kind not in WORDS["device_type"]:
            message = f"there is no device type {visible(kind)[:20]!r}: c, u, b or p" if kind else "the type is missing"
            yield Finding(f"{pointer}/type", _ERROR, "unknown-word", message)
            continue
        if not path.startswith("/"):
            message = "the device file's absolute path in the container is missing"
            yield Finding(f"{pointer}/path", _WARNING, "path", message)
        elif path in seen:
            yield Finding(f"{pointer}/path", _WARNING, "duplicate", f"{visible(path)[:80]} is made twice")
        if "\0" in path:
            yield Finding(f"{pointer}/path", _ERROR, "nul", "a path cannot hold a NUL character")
        elif too_long(path):
            yield Finding(f"{pointer}/path", _ERROR, "too-long", "a name in this path is too long: 255 bytes at most")
        elif (place := in_root(reading, clean(path))) is not None and under_file(reading, place):
            yield Finding(f"{pointer}/path", _ERROR, "path", "part of this path is a file")
        elif (where := _not_for_devices(reading, clean(path))) is not None:
            yield Finding(f"{pointer}/path", _ERROR, "path", f"no device can be made in {where}")
        seen.add(path)
        major, minor = device.get("major", 0), device.get("minor", 0)
        if -1 in (major, minor) or (kind != "p" and min(major, minor) < 0):
            yield Finding(pointer, _ERROR, "range", "a device's numbers are not negative")
        elif path in _ALWAYS_MADE and not _allowed(reading, major, minor):
            severity = _ERROR if path == "/dev/null" else _WARNING
            message = f"runc allows {path} by itself only while it is not listed here; now no rule allows it"
            hint = f'Leave it out, or add {{"allow": true, "type": "c", "major": {major}, "minor": {minor},'
            yield Finding(
                f"{pointer}/path", severity, "device-denied", message, hint + ' "access": "rwm"} to the rules.'
            )


def _not_for_devices(reading: Reading, place: str) -> str | None:
    """The filesystem that a place lies on, if it takes no device; one that is there already is left as it is."""
    found = look(reading, place)
    kind = str((found.mount or {}).get("type"))
    if found.mount is not None and is_bind(found.mount):
        if not found.known or found.path is None or "ro" not in found.flags or os.path.lexists(found.path):
            return None
        return f"{visible(str(found.mount.get('destination')))[:80]}, which is mounted read-only"
    if found.mount is None or kind not in ("devpts", "mqueue", "proc", "sysfs"):
        return None
    if place == clean(found.mount.get("destination", "")) or place.endswith("/pts/ptmx"):
        return None
    there = found.path is not None and os.path.lexists(found.path)
    return None if there else f"{kind}: the kernel alone makes what is there"


def _allowed(reading: Reading, major: int, minor: int) -> bool:
    """Whether the devices rules let a character device be read and written; without rules everything is allowed."""
    allowed = not reading.elements("/linux/resources/devices")
    for _, rule in reading.elements("/linux/resources/devices"):
        kind = rule.get("type") or "a"
        numbers = (rule.get("major", -1), rule.get("minor", -1))
        if kind == "a" or (kind == "c" and numbers[0] in (-1, major) and numbers[1] in (-1, minor)):
            allowed = bool(rule.get("allow", False)) and {"r", "w"} <= set(rule.get("access", ""))
    return allowed


def device_rules(reading: Reading) -> Iterator[Finding]:
    for pointer, rule in reading.elements("/linux/resources/devices"):
        kind, access = rule.get("type") or "a", rule.get("access", "")
        if not access:
            yield Finding(f"{pointer}/access", _ERROR, "access", "access is missing", 'For example "access": "rwm".')
        elif set(access) - set("rwm"):
            yield Finding(f"{pointer}/access", _WARNING, "access", "access is made of r, w and m")
        if kind not in WORDS["device_rule"]:
            yield Finding(
                f"{pointer}/type", _ERROR, "unknown-word", f"there is no rule for {visible(kind)[:20]!r}: a, b or c"
            )
        elif kind != "a" and min(rule.get("major", -1), rule.get("minor", -1)) < -1:
            yield Finding(pointer, _ERROR, "range", "a device's numbers are not negative; -1 is any")
        elif kind != "a" and max(rule.get("major", -1), rule.get("minor", -1)) >= 2**32:
            yield Finding(pointer, _ERROR, "range", "a device's numbers have 32 bits at most")
        elif kind == "a" and (rule.get("major", -1) >= 0 or rule.get("minor", -1) >= 0):
            message = "a rule of type a is about all devices: its numbers have no effect"
            yield Finding(pointer, _WARNING, "access", message)


_RUNCS_OWN = (
    *(("b", -1, -1, "m"), ("c", -1, -1, "m")),
    *(("c", *numbers, "rwm") for numbers in ((1, 3), (1, 8), (1, 7), (5, 0), (1, 5), (1, 9), (136, -1), (5, 2))),
    ("c", 10, 200, "rwm"),
)
"""What runc allows of itself, after all rules (specconv.AllowedDevices)."""


def order_of_rules(reading: Reading) -> Iterator[Finding]:
    """runc keeps one list of exceptions from allowing or denying all, and cannot take a part out of an entry that is
    about many devices (libcontainer/cgroups/devices)."""
    made = {(d.get("type"), d.get("major", 0), d.get("minor", 0)) for _, d in reading.elements("/linux/devices")}
    rules = [
        (at, bool(r.get("allow")), r.get("type") or "a", r.get("major", -1), r.get("minor", -1), r.get("access", ""))
        for at, r in reading.elements("/linux/resources/devices")
    ]
    own = [("", True, *rule) for rule in _RUNCS_OWN if rule[:3] not in made or -1 in rule]
    allowing, exceptions = False, dict[tuple[str, int, int], set[str]]()
    places = dict[tuple[str, int, int], str]()
    for pointer, allow, kind, major, minor, access in rules + own:
        if kind == "a":
            allowing, exceptions = allow, {}
            continue
        key = (kind, major, minor)
        if allow != allowing:
            exceptions.setdefault(key, set()).update(access)
            places.setdefault(key, pointer)
            continue
        for wide in ((kind, -1, minor), (kind, major, -1), (kind, -1, -1)):
            if wide != key and exceptions.get(wide, set()) & set(access):
                what = f"{kind} {major}:{minor}".replace("-1", "*")
                does = "allows" if allowing else "denies"
                message = f"runc cannot take {what} out of a rule about more devices"
                if pointer:
                    hint = "Put it before that rule, or name the devices one by one."
                else:
                    message = f"{message}; it {does} {what} itself"
                    hint = "Name single devices in this rule."
                yield Finding(pointer or places[wide], _ERROR, "device-order", message, hint)
                return
        exceptions.get(key, set()).difference_update(access)


def _in_first_group() -> bool:
    """Whether this process is in no cgroup v1 control group of its own (cgroups(7))."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return False
    return any(line.split(":", 2)[1:] == ["cpuset", "/"] for line in lines)


def others(reading: Reading) -> Iterator[Finding]:
    """cgroupsPath, intelRdt and personality."""
    if "\0" in (reading.at("/linux/cgroupsPath") or ""):
        yield Finding("/linux/cgroupsPath", _ERROR, "nul", "a path cannot hold a NUL character")
    elif "\n" in (reading.at("/linux/cgroupsPath") or ""):
        yield Finding("/linux/cgroupsPath", _ERROR, "cgroup", "a control group's name cannot hold a line break")
    elif (path := reading.at("/linux/cgroupsPath")) and clean(path) == "/":
        old = reading.facts is not None and reading.facts.cgroups in (CgroupMode.V1, CgroupMode.HYBRID)
        # A relative path starts at our own group.
        severity = _ERROR if old and (path.startswith("/") or _in_first_group()) else _WARNING
        message = "this is the control group of the whole host: a container needs one of its own"
        yield Finding("/linux/cgroupsPath", severity, "cgroup", message, "For example /containers/NAME.")
    name = reading.at("/linux/intelRdt/closID")
    if name and (name in (".", "..") or "/" in name):
        yield Finding("/linux/intelRdt/closID", _ERROR, "intel-rdt", "the name of a class cannot be a path")
    for key in ("l3CacheSchema", "memBwSchema"):
        if reading.at(f"/linux/intelRdt/{key}") and reading.facts is not None:
            try:
                mounted = " resctrl " in Path("/proc/self/mountinfo").read_text()
            except OSError:
                mounted = True
            if not mounted:
                message = "this host has no resctrl filesystem mounted"
                yield Finding(f"/linux/intelRdt/{key}", _ERROR, "intel-rdt", message)
    domain = reading.at("/linux/personality/domain")
    if domain is not None:
        if not reading.new_runc:
            message = "runc 1.1 does not know personalities and ignores them"
            yield Finding("/linux/personality", _WARNING, "newer", message)
        elif domain not in WORDS["personality"]:
            message = f"there is no personality {visible(domain)[:40]!r}"
            yield Finding("/linux/personality/domain", _ERROR, "unknown-word", message)
