"""What is known of a container of another engine, and how its engine is asked."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.disk import read_regular
from engine.errors import ContainerState, ContainerUnknown, HostError, UsageError
from engine.text import visible

CONFIG_LIMIT = 16 * 1024 * 1024
_PATIENCE = 30  # seconds that another engine may take for an answer
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A container of another engine. `engine` is podman, docker or runc; `status` is in that engine's own words."""

    engine: str
    id: str
    name: str
    image: str
    status: str
    why_not: str = ""
    """Why there is no config.json to adopt; "" where there is one."""


@dataclass(frozen=True, slots=True)
class OtherContainer:
    """A config.json to adopt, and what its root filesystem is made of.

    `kind` is podman, docker, runc or file. `storage` is the engine's data directory and `image_id` the digits of the
    image's id in it; where there is no image `rootfs` is the root directory itself, or None.
    """

    kind: str
    name: str
    text: str
    image: str = ""
    image_id: str = ""
    storage: Path | None = None
    rootfs: Path | None = None
    interactive: bool = False
    bridged: bool = False
    """Whether its engine has it on a bridge; not to be told from its config.json."""
    ports: tuple[str, ...] = ()
    """What its engine publishes, in words: "8080->80/tcp"."""
    words: tuple[str, ...] | None = None
    """The options of `run` that make its config.json anew, where its engine has none now and `text` is empty."""
    command: tuple[str, ...] = ()
    """The words of its command beside these."""
    network: str = ""
    """With `words`: bridge, host or none."""
    untold: tuple[str, ...] = ()
    """What `words` cannot say."""


def published(bindings: Any) -> tuple[str, ...]:
    """Ports as podman and docker both have them: {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}."""
    found = []
    for inside, places in bindings.items() if isinstance(bindings, dict) else ():
        for place in places if isinstance(places, list) else ():
            found.append(visible(f"{member(place, 'HostPort') or 'any'}->{inside}")[:60])
    return tuple(found)


def checked(name: str) -> str:
    """A name or id as an engine may have given it; it cannot be taken for an option or a path. Raises UsageError."""
    if not _NAME.fullmatch(name) or len(name) > 1024:
        raise UsageError(f"not a container's name or id: {visible(name)[:80]!r}")
    return name


def unknown(engine: str, name: str) -> ContainerUnknown:
    """The error for a name that an engine has no container by."""
    return ContainerUnknown(
        f"{engine} has no container {visible(name)[:80]!r}", hint="cutaway adopt lists what is here."
    )


def said(*command: str | Path) -> str:
    """What an engine's own program answers. Raises HostError with its complaint."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=_PATIENCE,
            env={**os.environ, "LC_ALL": "C"},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HostError(f"{words[0]} does not answer: {error}") from error
    if done.returncode != 0:
        why = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise HostError(f"{' '.join(words[:2])}: {visible(why)[:500]}")
    return done.stdout


def objects(text: str | bytes, what: str) -> list[dict[str, Any]]:
    """The objects of a JSON array. Raises HostError for what is not JSON."""
    try:
        found = json.loads(text or "[]")
    except (ValueError, RecursionError) as error:
        raise HostError(f"{what} is not JSON: {error}") from error
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def member(value: Any, *path: str) -> str:
    """The string at a path of an object, or ""."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def config_text(path: Path, whose: str) -> str:
    """A config.json as text. Raises StoreError, ContainerState where there is none."""
    if not path.exists():
        raise ContainerState(f"{whose} has no config.json: there is no {path}")
    raw = read_regular(path, CONFIG_LIMIT + 1)
    if len(raw) > CONFIG_LIMIT:
        raise ContainerState(f"{path} is larger than {CONFIG_LIMIT >> 20} MiB: that is no config.json")
    return raw.decode("utf-8", "surrogateescape")
