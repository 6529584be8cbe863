"""What is kept of a container: `containers/<id>/container.json`. Its state is not kept; see `state`."""

# Annotations are values here, not text: msgspec reads them when it first decodes, and would compile each one.

import os
import re
from datetime import UTC, datetime
from enum import Enum

import msgspec

from engine.errors import UsageError
from engine.ports import Port
from engine.text import visible

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
_ID = re.compile(r"[0-9a-f]{12}")
_NAME_LIMIT = 128  # characters; the name stands in file names, host names and cgroups' labels


class Kind(Enum):
    """What a container is for."""

    CONTAINER = "container"
    """Has a config.json and is run by runc."""
    WORKING = "working"
    """Made by `mount`: a writable root filesystem to look at and change. Nothing runs in it."""


class ContainerRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A container as it was made.

    `id` is 12 random hexadecimal digits; `image` the reference it was made from, `image_digest` that of its manifest;
    `layers` are chain IDs, lowest first; `created` is RFC 3339; `stop_timeout` is in seconds.
    """

    id: str
    name: str
    image: str
    image_digest: str
    layers: list[str]
    created: str
    command: list[str]
    kind: Kind = Kind.CONTAINER
    terminal: bool = False
    interactive: bool = False
    auto_remove: bool = False
    restart: str = ""
    """When it is started again: always, unless-stopped or on-failure[:NUMBER]; "" is never."""
    stop_signal: str = ""
    stop_timeout: float = 10
    log_size: int = 0
    """Bytes of output that are kept; 0 is all."""
    logged: bool = True
    """Whether its output is kept."""
    passes: bool = False
    """Whether it has the streams of who starts it itself (--log-driver passthrough): then it cannot be attached to."""
    in_place: list[str] = []
    """Directories of others that it stands on, lowest first, in place of layers of the store."""
    network: str = ""
    """"" where config.json says all; "bridge"; "container:ID" of the one whose network it shares."""
    address: str = ""
    mac: str = ""
    """Its card's address on the bridge, where one was asked for."""
    ports: list[Port] = []
    numbers: tuple[int, int] | None = None
    """The first of the host's numbers that --userns auto gave it, and how many: nobody else's."""

    @property
    def shares(self) -> str:
        """The id of the container whose network it has; "" where that is nobody else's."""
        kind, _, other = self.network.partition(":")
        return other if kind == "container" else ""


def now() -> str:
    """The present time as `ContainerRecord.created` has it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def new_id() -> str:
    """A fresh container id."""
    return os.urandom(6).hex()


def is_id(text: str) -> bool:
    """Whether `text` has the form of a container id, and so may stand in a path."""
    return _ID.fullmatch(text) is not None


def check_name(name: str) -> str:
    """Return `name` if it can name a container, by podman's grammar. Raises UsageError."""
    if not _NAME.fullmatch(name) or len(name) > _NAME_LIMIT:
        raise UsageError(
            f"not a container name: {visible(name)[:80]!r}",
            hint="A name starts with a letter or digit and goes on with letters, digits, '_', '.' and '-'"
            f" ({_NAME_LIMIT} at most).",
        )
    return name


def name_stem(image: str) -> str:
    """The beginning of a default name, from an image reference: its last path part without tag and digest."""
    last = image.split("@", 1)[0].rsplit("/", 1)[-1].split(":", 1)[0]
    stem = re.sub(r"[^a-zA-Z0-9_.-]", "-", last).lstrip("_.-")
    return stem[: _NAME_LIMIT - 12] or "container"
