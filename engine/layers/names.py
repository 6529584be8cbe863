"""Names in layers: cleaned of what could lead astray, followed through links, and those that mean a whiteout
(image-spec layer.md)."""

from __future__ import annotations

from collections.abc import Callable

from engine.errors import LayerError
from engine.text import visible

WHITEOUT = b".wh."
OPAQUE = b".wh..wh..opq"
AUFS_PRIVATE = b".wh..wh."
"""Names in a layer's root that begin so are notes of an old union filesystem, not content; OPAQUE is the exception."""

PATH_MAX = 4096
"""Bytes with the final NUL (limits.h): no program could open a longer path."""

DEPTH = 255
"""Directories within each other: no honest layer has so many, and whoever walks a tree recursively can walk it."""

LINKS = 40
"""Symbolic links on one path, as the kernel allows (path_resolution(7))."""


def check_depth(path: bytes, hint: str = "") -> None:
    """Raise LayerError for a clean path that goes through too many directories."""
    if path.count(b"/") >= DEPTH:
        raise LayerError(f"more than {DEPTH} directories within each other: {shown(path)}", hint=hint)


def clean(name: bytes) -> bytes:
    """The name as a path below the root, without leading slash, empty parts, `.` and `..`; empty for the root itself.

    `..` takes away the part before it, and stops at the root: as docker, podman and umoci read names.
    Raises LayerError.
    """
    if len(name) >= PATH_MAX:
        raise LayerError(f"a name of {len(name)} bytes, longer than Linux can open: {shown(name)}")
    if name.startswith(b"./"):
        name = name[2:]
    name = name.rstrip(b"/")
    if not (b"//" in name or b"/." in name or name.startswith((b"/", b"."))):
        return name
    parts: list[bytes] = []
    for part in name.split(b"/"):
        if part == b"..":
            if parts:
                parts.pop()
        elif part not in (b"", b"."):
            parts.append(part)
    return b"/".join(parts)


def split(path: bytes) -> tuple[bytes, bytes]:
    """A clean path as its directory ("" is the root) and its last part."""
    parent, _, base = path.rpartition(b"/")
    return parent, base


def join(parent: bytes, base: bytes) -> bytes:
    """The opposite of `split`."""
    return parent + b"/" + base if parent else base


def followed(
    path: bytes, known: Callable[[bytes], bytes | None], link_at: Callable[[bytes, bytes], bytes | None]
) -> bytes:
    """Where a clean path leads below the root when the links in it are followed: a path in which none is one.

    `known` says where a path leads whose way has been gone before, if it has; of the root it always does. `link_at`
    says what a link points to, by its directory (without links) and its name; None where no link is there, be it
    something else or nothing. A link that would lead out of the root ends at it. Raises LayerError.
    """
    ahead, rest = path, list[bytes]()
    while (real := known(ahead)) is None:
        ahead, part = split(ahead)
        rest.append(part)
    links = 0
    while rest:
        part = rest.pop()
        if part in (b"", b"."):
            continue
        if part == b"..":
            real = split(real)[0]
            continue
        target = link_at(real, part)
        if target is None:
            real = join(real, part)
            continue
        links += 1
        if links > LINKS:
            raise LayerError(f"too many symbolic links on the way to {shown(path)}")
        if target.startswith(b"/"):
            real = b""
        rest.extend(reversed(target.split(b"/")))
    return real


def hidden(base: bytes, name: bytes) -> bytes:
    """What the whiteout `base` hides. Raises LayerError for the ones that would hide `.`, `..` or nothing."""
    target = base[len(WHITEOUT) :]
    if target in (b"", b".", b".."):
        raise LayerError(f"a whiteout of a directory itself or of its parent: {shown(name)}")
    return target


def shown(name: bytes) -> str:
    """A raw name for a message: quoted, visible, of bounded length."""
    return f"'{visible(name[:200].decode('utf-8', 'surrogateescape'))}'"
