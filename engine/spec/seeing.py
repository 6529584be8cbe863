"""What a path of a container will lead to: a place in the root filesystem, or on a mount whose source can be seen.

Everything is looked at from this host, before there is a container; where that cannot be known it is not guessed.
"""

from __future__ import annotations

import os
import posixpath
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.spec.inside import real_path
from engine.spec.reading import Reading

NAME_MAX, PATH_MAX = 255, 4096
"""Bytes of a name and of a path, with its end (limits.h)."""

_LEADS_AWAY = re.compile(r"/(?:self|thread-self|\d+)/(?:task/\d+/)?(?:root|cwd|exe|fd|map_files|ns)(?:/|$)")
"""Links of proc(5) that lead where the process is, not where they say."""

MADE_IN_DEV = frozenset(f"/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty"))
"""What runc makes in /dev itself."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Where a path of the container is on this host. Not `known`: that cannot be said. `path` is None where nothing is
    there, `mount` the element of `mounts` that it lies on, or None for the root filesystem."""

    known: bool
    path: Path | None = None
    mount: dict[str, Any] | None = None

    @property
    def flags(self) -> frozenset[str]:
        """The options of the mount."""
        return frozenset((self.mount or {}).get("options") or ())


def clean(destination: str) -> str:
    """A path in the container as runc takes it: absolute, without dots."""
    return posixpath.normpath("/" + destination).replace("//", "/", 1)


def is_bind(mount: dict[str, Any]) -> bool:
    """runc goes by the options, not by the type."""
    return bool({"bind", "rbind"} & set(mount.get("options") or ()))


def too_long(path: str) -> bool:
    """Whether the kernel refuses a path for its length."""
    raw = path.encode("utf-8", "replace")
    return len(raw) >= PATH_MAX or any(len(part) > NAME_MAX for part in raw.split(b"/"))


def bind_source(reading: Reading, mount: dict[str, Any]) -> Path | None:
    """The source of a bind mount on this host, or None where that cannot be known."""
    source: str = mount.get("source", "")
    if not source.startswith("/") and reading.bundle is None:
        return None
    return (reading.bundle or Path("/")) / source


def in_root(reading: Reading, place: str, *, until: str = "") -> Path | None:
    """A path of the container in the root directory; None where that cannot be seen, or a mount (of those before the
    one at `until`) lies over the path.
    """
    found = look(reading, place, until=until)
    return found.path if found.known and found.mount is None else None


def look(reading: Reading, place: str, *, until: str = "") -> Seen:
    """Where a path of the container will be, once the mounts before the one at `until` (all of them) are made."""
    base = reading.root_directory
    if base is None or "\0" in place or too_long(place):
        return Seen(False)
    real = resolved(reading, place)
    cover: tuple[dict[str, Any], str] | None = None
    for pointer, mount in reading.elements("/mounts"):
        if pointer == until:
            break
        destination = clean(mount.get("destination", ""))
        if "\0" in destination or too_long(destination):
            return Seen(False)
        for over in (resolved(reading, destination), destination):
            for path in (real, place):
                if path == over or path.startswith(over.rstrip("/") + "/"):
                    cover = mount, path[len(over.rstrip("/")) :]
    if cover is None:
        return Seen(True, base / real.lstrip("/"))
    return _on_mount(reading, *cover)


def resolved(reading: Reading, place: str) -> str:
    """A path of the container without links, as far as it can be seen in the root directory."""
    if reading.root_directory is None:
        return place
    if place not in reading.real_paths:
        reading.real_paths[place] = real_path(reading.root_directory, place)
    return reading.real_paths[place]


def under_file(reading: Reading, path: Path) -> bool:
    """Whether one of the directories that a path of this host leads through is a file."""
    passed: list[str] = []
    above = os.path.dirname(path)
    found: bool | None = None
    while found is None:
        found = reading.under_files.get(above)
        if found is None:
            passed.append(above)
            upper = os.path.dirname(above)
            found = True if os.path.isfile(above) else False if upper in ("", above) else None
            above = upper
    reading.under_files |= dict.fromkeys(passed, found)
    return found


def _on_mount(reading: Reading, mount: dict[str, Any], rest: str) -> Seen:
    kind = mount.get("type")
    if is_bind(mount):
        source = bind_source(reading, mount)
        if source is None or _has_link(source, rest):
            return Seen(False, None, mount)
        return Seen(True, source / rest.lstrip("/"), mount)
    if kind == "tmpfs" and clean(mount.get("destination", "")) == "/dev":
        return Seen(True, Path("/dev") / rest[1:], mount) if rest in MADE_IN_DEV else Seen(False, None, mount)
    if kind == "tmpfs" and rest and "tmpcopyup" not in (mount.get("options") or ()):
        return Seen(True, None, mount)
    if kind in ("proc", "sysfs") and reading.facts is not None:
        if kind == "proc" and _LEADS_AWAY.match(rest):
            return Seen(False, None, mount)
        first = rest.split("/")[1] if rest else ""
        if first.isdecimal() and reading.namespace("pid") is not None:
            rest = rest.replace(first, "1", 1) if first == "1" else "/nobody"
        return Seen(True, Path("/proc" if kind == "proc" else "/sys") / rest.lstrip("/"), mount)
    return Seen(False, None, mount)


def _has_link(source: Path, rest: str) -> bool:
    """Whether a link is on the way: it would lead on in the container, not here."""
    parts = [part for part in rest.split("/") if part]
    return any(os.path.islink(source.joinpath(*parts[:end])) for end in range(1, len(parts) + 1))
