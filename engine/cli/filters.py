"""podman's filters of `ps`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from engine import ContainerDamaged, ContainerSummary, ContainerUnknown, Status, UsageError, visible

_KEYS = ("id", "name", "status", "exited", "ancestor", "label", "volume", "network")


def parse_filters(texts: Sequence[str]) -> dict[str, list[str]]:
    """The values that are wanted, by key. Raises UsageError."""
    found: dict[str, list[str]] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or key not in _KEYS:
            raise UsageError(f"not a filter: {visible(text)[:60]!r}", hint=f"One of {', '.join(_KEYS)}, and =VALUE.")
        if key == "status" and value not in {status.value for status in Status}:
            raise UsageError(
                f"not a status: {visible(value)[:60]!r}", hint=", ".join(status.value for status in Status)
            )
        if key == "exited" and not re.fullmatch(r"[0-9]{1,3}", value):
            raise UsageError(f"not an exit code: {visible(value)[:60]!r}")
        if key in ("id", "name"):
            try:
                re.compile(value)
            except re.error as error:
                raise UsageError(f"not a regular expression: {visible(value)[:60]!r}: {error}") from error
        found.setdefault(key, []).append(value)
    return found


def matches(
    container: ContainerSummary, wanted: dict[str, list[str]], inspect: Callable[[str], dict[str, Any]]
) -> bool:
    """Whether a container is among those: of one key any value will do, of labels all of them, and every key must.

    `inspect` gives what is known of one by its id; it is asked where no other key has decided.
    """
    return all(
        (all if key == "label" else any)(_matches(container, key, value, inspect) for value in wanted[key])
        for key in sorted(wanted, key=_KEYS.index)
    )


def _matches(container: ContainerSummary, key: str, value: str, inspect: Callable[[str], dict[str, Any]]) -> bool:
    if key in ("label", "volume", "network"):
        document = known(inspect, container.id)
        if key == "label":
            name, equals, text = value.partition("=")
            found = labels(document)
            return found.get(name) == text if equals else name in found
        return value in (_networks(document) if key == "network" else _volumes(document))
    if key == "id":
        return re.match(value, container.id) is not None
    if key == "name":
        return re.search(value, container.name) is not None
    if key == "status":
        return value == container.status.value
    if key == "exited":
        return container.status is Status.EXITED and container.exit_code == int(value)
    # ancestor: `alpine`, `alpine:3` and the whole reference name the same image
    names = (value, f"{value}:latest")
    return any(container.image == name or container.image.endswith("/" + name) for name in names)


def known(inspect: Callable[[str], dict[str, Any]], id: str) -> dict[str, Any]:
    """What `inspect` gives of a container; nothing of one that has just been removed, or is damaged."""
    try:
        document = inspect(id)
    except (ContainerUnknown, ContainerDamaged, ValueError, RecursionError):
        return {}
    return document if isinstance(document.get("config"), dict) else {**document, "config": {}}


def labels(document: dict[str, Any]) -> dict[str, str]:
    """A container's labels: the annotations of its config.json."""
    found = document.get("config", {}).get("annotations")
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def mounted(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What of this host a container binds: the name of a volume, or a path, and where that is in it."""
    entries = document.get("config", {}).get("mounts")
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict) or entry.get("type") != "bind":
            continue
        source, destination = Path(str(entry.get("source", ""))), str(entry.get("destination", ""))
        if source.parent.parent == Path(document["path"]).parents[1] / "volumes":
            yield source.parent.name, destination
        elif source.is_absolute():
            yield str(source), destination


def _volumes(document: dict[str, Any]) -> Iterator[str]:
    for source, destination in mounted(document):
        yield from (source, f"{source}:{destination}")


def _networks(document: dict[str, Any]) -> list[str]:
    """bridge, container (also with the other's id), none or host: as --network has it."""
    if network := document.get("network"):
        return [network, network.partition(":")[0]]
    linux = document.get("config", {}).get("linux")
    entries = linux.get("namespaces") if isinstance(linux, dict) else None
    found = [each for each in entries or () if isinstance(each, dict) and each.get("type") == "network"]
    if not found:
        return ["host"] if document else []
    return [f"ns:{found[0]['path']}"] if found[0].get("path") else ["none"]
