"""Names in layers: cleaned of what could lead astray, and those that mean a whiteout (image-spec layer.md)."""

from __future__ import annotations

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


def check_depth(path: bytes) -> None:
    """Raise LayerError for a clean path that goes through too many directories."""
    if path.count(b"/") >= DEPTH:
        raise LayerError(f"more than {DEPTH} directories within each other: {shown(path)}")


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


def hidden(base: bytes, name: bytes) -> bytes:
    """What the whiteout `base` hides. Raises LayerError for the ones that would hide `.`, `..` or nothing."""
    target = base[len(WHITEOUT) :]
    if target in (b"", b".", b".."):
        raise LayerError(f"a whiteout of a directory itself or of its parent: {shown(name)}")
    return target


def shown(name: bytes) -> str:
    """A raw name for a message: quoted, visible, of bounded length."""
    return f"'{visible(name[:200].decode('utf-8', 'surrogateescape'))}'"
