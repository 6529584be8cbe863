"""podman's containers, by podman's own answers: it alone knows where its storage is."""

from __future__ import annotations

from pathlib import Path

from engine.errors import ContainerState, HostError
from engine.neighbours.container import (
    Neighbour,
    OtherContainer,
    checked,
    config_text,
    member,
    objects,
    published,
    said,
    unknown,
)

_FRESH = ("created", "configured")
_NOT_YET = "podman writes its config.json when it starts it first"


def listed(podman: Path) -> list[Neighbour]:
    """All of this user's. Raises HostError."""
    found = []
    there = objects(said(podman, "ps", "--all", "--format=json"), "podman ps")
    fresh = [member(each, "Id") for each in there if member(each, "State") in _FRESH]
    without = _without_config(podman, fresh) if fresh else set()
    for each in there:
        names = each.get("Names")
        name = names[0] if isinstance(names, list) and names and isinstance(names[0], str) else ""
        number = member(each, "Id")
        why_not = _NOT_YET if number in without else ""
        found.append(Neighbour("podman", number, name, member(each, "Image"), member(each, "State"), why_not))
    return found


def _without_config(podman: Path, numbers: list[str]) -> set[str]:
    """Which of these have no config.json: one whose first start failed has one, and is called created all the same."""
    try:
        answer = said(podman, "inspect", "--type=container", "--", *map(checked, numbers))
    except HostError:  # one of them has gone meanwhile
        return set(numbers)
    return {member(each, "Id") for each in objects(answer, "podman inspect") if not member(each, "OCIConfigPath")}


def found(podman: Path, name: str) -> OtherContainer:
    """One by name or id. Raises ContainerUnknown, ContainerState where it has no config.json, HostError."""
    try:
        answer = said(podman, "inspect", "--type=container", "--", checked(name))
    except HostError as error:
        if "no such" in error.message:
            raise unknown("podman", name) from error
        raise
    each = next(iter(objects(answer, "podman inspect")), {})
    path = member(each, "OCIConfigPath")
    if not path:
        raise ContainerState(
            f"podman's container {name} has no config.json yet: {_NOT_YET}",
            hint=f"podman init {name} makes it write one.",
        )
    config, host = each.get("Config"), each.get("HostConfig")
    return OtherContainer(
        kind="podman",
        name=member(each, "Name") or name,
        text=config_text(Path(path), f"podman's container {name}"),
        image=member(each, "ImageName"),
        image_id=member(each, "Image").removeprefix("sha256:"),
        # <storage>/overlay-containers/<id>/userdata
        storage=Path(member(each, "StaticDir")).parent.parent.parent,
        rootfs=Path(root) if (root := member(each, "Rootfs")) else None,
        interactive=isinstance(config, dict) and config.get("OpenStdin") is True,
        bridged=member(host, "NetworkMode").partition(":")[0] == "bridge",
        ports=published(host.get("PortBindings")) if isinstance(host, dict) else (),
    )
