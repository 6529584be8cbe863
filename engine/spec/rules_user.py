"""What runc or the kernel refuses about user namespaces: their mappings, and who is not mapped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from engine.spec.diagnostics import Severity
from engine.spec.reading import Finding, Reading
from engine.spec.seeing import clean, in_root
from engine.text import visible

_ERROR, _WARNING = Severity.ERROR, Severity.WARNING
_IDS = 2**32
_MOST_RANGES = 340  # UID_GID_MAP_MAX_EXTENTS, user_namespaces(7)


def user_namespace(reading: Reading) -> Iterator[Finding]:
    entry = reading.namespace("user")
    mapped = {key: [e for _, e in reading.elements(f"/linux/{key}")] for key in ("uidMappings", "gidMappings")}
    for key, ranges in mapped.items():
        if entry is None and ranges:
            message = "without a user namespace these mappings have no effect"
            yield Finding(f"/linux/{key}", _WARNING, "mapping", message)
        elif entry is not None and not (entry.get("path") and reading.new_runc):
            yield from _ranges(f"/linux/{key}", key, ranges)
    if entry is None:
        return
    yield from _mounts(reading)
    if entry.get("path"):
        return
    if reading.facts is not None and all(
        ranges and _overlap(ranges, "containerID") is False for ranges in mapped.values()
    ):
        yield from _places(reading, mapped)
    process = "/process/user"
    for pointer, number, key in [
        (f"{process}/uid", reading.at(f"{process}/uid"), "uidMappings"),
        (f"{process}/gid", reading.at(f"{process}/gid"), "gidMappings"),
        *((pointer, number, "gidMappings") for pointer, number in reading.elements(f"{process}/additionalGids")),
    ]:
        if mapped[key] and number and not any(_holds(each, number) for each in mapped[key]):
            message = f"linux.{key} does not map {number}, so nobody can be that in this user namespace"
            yield Finding(pointer, _ERROR, "not-mapped", message)
    for pointer, mount in reading.elements("/mounts"):
        for number, option in enumerate(mount.get("options") or ()):
            name, _, value = option.partition("=")
            key = {"uid": "uidMappings", "gid": "gidMappings"}.get(name, "")
            if mount.get("type") not in ("tmpfs", "devpts") or not value.isdecimal() or not mapped.get(key):
                continue
            if not any(_holds(each, int(value)) for each in mapped[key]):
                message = f"linux.{key} does not map {visible(value)[:20]}, so no file can be that one's here"
                yield Finding(f"{pointer}/options/{number}", _ERROR, "not-mapped", message)
    if reading.facts is not None:
        for pointer, device in reading.elements("/linux/devices"):
            path = device.get("path", "")
            if path.startswith("/") and not os.path.exists(path):
                message = f"in a user namespace devices are the host's own, and it has no {visible(path)[:80]}"
                yield Finding(f"{pointer}/path", _ERROR, "device", message)


def _places(reading: Reading, mapped: dict[str, list[dict[str, Any]]]) -> Iterator[Finding]:
    """The container's root has no more rights on the host than whom it is mapped to: can it reach the root filesystem,
    and make there what mounts need?"""
    base = reading.file_in_root()
    if base is None or not os.path.isdir(base):
        return
    first = [
        next((r.get("hostID", 0) - r.get("containerID", 0) for r in mapped[key] if _holds(r, 0)), None)
        for key in ("uidMappings", "gidMappings")
    ]
    if None in first:
        return

    def may(path: Path | str, right: int) -> bool:
        found = os.stat(path)
        ours = [
            any(r.get("hostID", 0) <= number < r.get("hostID", 0) + r.get("size", 0) for r in mapped[key])
            for key, number in (("uidMappings", found.st_uid), ("gidMappings", found.st_gid))
        ]
        if all(ours):
            return True  # a capability over all that is mapped (user_namespaces(7))
        shift = 6 if found.st_uid == first[0] else 3 if found.st_gid == first[1] else 0
        return bool(found.st_mode >> shift & right)

    real = Path(os.path.realpath(base))
    for parent in reversed(real.parents):
        if not may(parent, 1):
            message = f"the container's root is {first[0]} on the host, who may not enter {visible(str(parent))[:80]}"
            yield Finding("/root/path", _ERROR, "not-mapped", message, "Let others enter it: chmod o+x.")
            return
    for pointer, mount in reading.elements("/mounts"):
        target = in_root(reading, clean(mount.get("destination", "")), until=pointer)
        if target is None or os.path.lexists(target):
            continue
        nearest = next((parent for parent in target.parents if os.path.isdir(parent)), None)
        if nearest is not None and not may(nearest, 2):
            where = visible("/" + os.path.relpath(nearest, base).strip("."))[:80]
            message = f"this is not there, and the container's root, {first[0]} on the host, may not make it in {where}"
            yield Finding(f"{pointer}/destination", _ERROR, "not-mapped", message)


def _holds(each: dict[str, Any], number: int) -> bool:
    first = int(each.get("containerID", 0))
    return first <= number < first + int(each.get("size", 0))


def _ranges(pointer: str, key: str, ranges: list[dict[str, Any]]) -> Iterator[Finding]:
    if not any(_holds(each, 0) for each in ranges):
        message = "a user namespace needs a mapping for the container's number 0"
        hint = f'For example "{key}": [{{"containerID": 0, "hostID": 100000, "size": 65536}}].'
        yield Finding(pointer, _ERROR, "mapping", message, hint)
    elif _overlap(ranges, "containerID") or _overlap(ranges, "hostID"):
        yield Finding(pointer, _ERROR, "mapping", "two of these ranges overlap: the kernel refuses them")
    elif any(each.get(side, 0) + each.get("size", 0) > _IDS for each in ranges for side in ("containerID", "hostID")):
        yield Finding(pointer, _ERROR, "mapping", "a range goes past the last number, 4294967294")
    elif len(ranges) > _MOST_RANGES:
        yield Finding(pointer, _ERROR, "mapping", f"the kernel takes {_MOST_RANGES} ranges at most")


def _overlap(ranges: list[dict[str, Any]], key: str) -> bool:
    ordered = sorted((r.get(key, 0), r.get("size", 0)) for r in ranges)
    return any(first + size > second for (first, size), (second, _) in pairwise(ordered))


def _mounts(reading: Reading) -> Iterator[Finding]:
    seen = {entry.get("type") for _, entry in reading.elements("/linux/namespaces")}
    for kind, needs in (("sysfs", "network"), ("mqueue", "ipc"), ("proc", "pid")):
        for pointer, mount in reading.elements("/mounts"):
            if mount.get("type") == kind and needs not in seen:
                message = f"in a user namespace {kind} can be mounted only with a {needs} namespace of its own"
                yield Finding(f"{pointer}/type", _ERROR, "mapping", message)
