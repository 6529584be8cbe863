"""podman's filters of `ps`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine import ContainerSummary, Status, UsageError, visible

_KEYS = ("id", "name", "status", "exited", "ancestor")


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


def matches(container: ContainerSummary, wanted: dict[str, list[str]]) -> bool:
    """Whether a container is among those: of one key any value will do, and every key must."""
    return all(any(_matches(container, key, value) for value in values) for key, values in wanted.items())


def _matches(container: ContainerSummary, key: str, value: str) -> bool:
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
