"""Makes a config.json from elsewhere fit one container: its root and its control group, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.errors import SpecError
from engine.spec.generate import ROOT_PATH, ContainerIdentity, cgroups_path
from engine.spec.mounts import FILES, MARKER
from engine.spec.provenance import Origin, Provenance, SourceKind, host, leaves

Range = tuple[int, int, int]

GIVEN = Origin(SourceKind.USER, "the config.json that was given")


def id_mappings(config: Any) -> tuple[tuple[Range, ...], tuple[Range, ...]]:
    """The ranges (in the container, on the host, how many) of users and of groups that a config.json maps.

    Both are empty without a new user namespace. Raises ValueError for what is no configuration.
    """
    linux = config.get("linux") if isinstance(config, dict) else None
    if not isinstance(linux, dict):
        return (), ()
    namespaces = linux.get("namespaces")
    if not isinstance(namespaces, list) or not any(
        isinstance(each, dict) and each.get("type") == "user" and not each.get("path") for each in namespaces
    ):
        return (), ()
    return _ranges(linux.get("uidMappings")), _ranges(linux.get("gidMappings"))


def _ranges(value: Any) -> tuple[Range, ...]:
    found: list[Range] = []
    for each in value if isinstance(value, list) else ():
        members = each if isinstance(each, dict) else {}
        inside, outside, size = (members.get(key, 0) for key in ("containerID", "hostID", "size"))
        if not all(isinstance(number, int) and 0 <= number < 2**32 for number in (inside, outside, size)) or not size:
            raise ValueError("a mapping of numbers is not what it should be")
        found.append((inside, outside, size))
    return tuple(found)


def own_files(text: str) -> frozenset[str]:
    """The names of those files of the engine's own, in files/ of the bundle, that a config.json binds."""
    try:
        mounts = json.loads(text)["mounts"]
        sources = {mount.get("source") for mount in mounts if isinstance(mount, dict)}
    except (ValueError, RecursionError, LookupError, TypeError):
        return frozenset()
    return frozenset(name for name in (*FILES, MARKER) if f"files/{name}" in sources)


def root_in(text: str) -> str:
    """The root.path of a whole config.json; "" where there is none that can be read."""
    try:
        path = json.loads(text)["root"]["path"]
    except (ValueError, RecursionError, LookupError, TypeError):
        return ""
    return path if isinstance(path, str) else ""


def adapt(
    text: str, container: ContainerIdentity, *, origin: Origin = GIVEN, netns: Path | None = None
) -> tuple[str, Provenance]:
    """The text with root.path and linux.cgroupsPath as this container needs them, and with `netns` as the network
    namespace that it names; and where its values come from: what was in it from `origin`, these from this host.
    Formatting and unknown keys survive.

    Raises SpecError if it is not a JSON object.
    """
    from engine.spec.document import Document  # with its parser, which nothing else here needs

    document = Document(text)
    value = document.value
    if not isinstance(value, dict):
        raise SpecError("a config.json has to be a JSON object", hint="cutaway check FILE says where it is not.")
    for pointer in ("/root", "/linux"):
        parent = document.get(pointer)
        if parent is None:  # null is as if it were not there
            document = document.set(pointer, {})
        elif not isinstance(parent, dict):
            raise SpecError(
                f"{pointer[1:]} is no object in that config.json", hint="cutaway check FILE says what is wrong in it."
            )
    changes = {
        "/root/path": (ROOT_PATH, host("the container's own mount, beside this file")),
        "/linux/cgroupsPath": (cgroups_path(container), host("this container's own control group")),
    }
    if netns is not None:
        for number, entry in enumerate(document.get("/linux/namespaces")):
            if isinstance(entry, dict) and entry.get("type") == "network":
                why = host("this container's own network namespace, made at its start")
                changes[f"/linux/namespaces/{number}/path"] = str(netns), why
    origins: dict[str, Origin] = {}
    for pointer, (wanted, why) in changes.items():
        if document.get(pointer) != wanted:
            document = document.set(pointer, wanted)
            origins[pointer] = why
    known = {pointer: origins.get(pointer, origin) for pointer, _ in leaves(document.value)}
    return document.text, Provenance(known)
