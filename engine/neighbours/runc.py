"""Containers that somebody started by runc itself, with no engine above it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from engine.errors import SpecError
from engine.neighbours.container import Neighbour, OtherContainer, checked, config_text, member, objects, said, unknown

_ENGINES = re.compile(r"/overlay-containers/[0-9a-f]{64}/userdata$|/io\.containerd\.")
"""The bundles of podman, and of containerd with docker or kubernetes above it."""


def listed(runc: Path) -> list[Neighbour]:
    """Those in runc's usual state directory that are no other engine's. Raises HostError."""
    return [
        Neighbour("runc", member(each, "id"), member(each, "id"), "", member(each, "status"))
        for each in objects(said(runc, "list", "--format=json"), "runc list")
        if not _ENGINES.search(member(each, "bundle"))
    ]


def found(runc: Path, name: str) -> OtherContainer:
    """One by its id. Raises ContainerUnknown, ContainerState where its bundle has gone, HostError."""
    checked(name)
    for each in objects(said(runc, "list", "--format=json"), "runc list"):
        if member(each, "id") == name:
            bundle = Path(member(each, "bundle"))
            text = config_text(bundle / "config.json", f"runc's container {name}")
            return OtherContainer("runc", name, text, rootfs=root_of(text, bundle))
    raise unknown("runc", name)


def root_of(text: str, bundle: Path) -> Path | None:
    """The root directory of a bundle, or None where its config.json names none that is here. Raises SpecError."""
    try:
        name = member(json.loads(text), "root", "path")
    except (ValueError, RecursionError) as error:
        raise SpecError(f"that config.json is not JSON: {error}", hint="cutaway check FILE says where.") from error
    try:
        return bundle / name if name and (bundle / name).is_dir() else None
    except (OSError, ValueError):
        return None
