"""docker's containers, read from its own files, so that they are found where its daemon does not run, too."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.disk import read_regular
from engine.errors import ContainerState, StoreError, UsageError
from engine.neighbours.container import (
    CONFIG_LIMIT,
    Neighbour,
    OtherContainer,
    checked,
    config_text,
    member,
    published,
    unknown,
)
from engine.neighbours.docker_options import command_of, words_of

_ID = re.compile(r"[0-9a-f]{64}")
_SETTINGS = Path("/etc/docker/daemon.json")
_DATA = Path("/var/lib/docker")
_BUNDLES = (Path("/run/docker/containerd/daemon"), Path("/run/containerd"))
"""Where the containerd of docker's own, and the system's, keep what runs (its `state` directory)."""

_UNREADABLE = "docker's config.json goes when the container ends, and its hostconfig.json cannot be read"


class Docker:
    """One docker daemon's data on this host. Other places than the usual ones are for tests."""

    def __init__(self, data: Path | None = None, bundles: tuple[Path, ...] = _BUNDLES) -> None:
        self.data = data or _data()
        self._bundles = bundles

    def listed(self) -> list[Neighbour]:
        """All of them. Those whose record cannot be read are left out."""
        found = []
        for number, record in self._records():
            status = _status(record)
            why_not = "" if self._config(number) or self._host(number) is not None else _UNREADABLE
            name = member(record, "Name").removeprefix("/")
            found.append(Neighbour("docker", number, name, member(record, "Config", "Image"), status, why_not))
        return sorted(found, key=lambda each: each.name)

    def found(self, name: str) -> OtherContainer:
        """One by name, id or unique beginning of an id.

        Of one that does not run docker has no config.json; it comes with the options that make it. Raises
        ContainerUnknown, UsageError, ContainerState where these cannot be read.
        """
        checked(name)
        records = list(self._records())
        meant = [pair for pair in records if member(pair[1], "Name").removeprefix("/") == name]
        meant = meant or [pair for pair in records if pair[0].startswith(name)]
        if not meant:
            raise unknown("docker", name)
        if len(meant) > 1:
            raise UsageError(f"{name} could be any of {', '.join(number[:12] for number, _ in meant[:5])}")
        number, record = meant[0]
        path = self._config(number)
        host = self._host(number) if path is None else None
        if path is None and host is None:
            raise ContainerState(
                f"docker's container {name} has no config.json now: {_UNREADABLE}",
                hint=f"docker start {name} makes a new one.",
            )
        words, untold = words_of(record, host, self.data) if host is not None else (None, [])
        config, network = record.get("Config"), record.get("NetworkSettings")
        network = network if isinstance(network, dict) else {}
        networks = set(named) if isinstance(named := network.get("Networks"), dict) else set()
        return OtherContainer(
            kind="docker",
            name=member(record, "Name").removeprefix("/") or number[:12],
            text=config_text(path, f"docker's container {name}") if path is not None else "",
            image=member(record, "Config", "Image"),
            image_id=member(record, "Image").removeprefix("sha256:"),
            storage=self.data,
            interactive=isinstance(config, dict) and config.get("OpenStdin") is True,
            bridged=bool(networks - {"host", "none"}),
            ports=published(network.get("Ports")),
            words=None if words is None else tuple(words),
            command=tuple(command_of(record)),
            network=_network(member(host, "NetworkMode")),
            untold=tuple(untold),
        )

    def _records(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for path in sorted(self.data.glob("containers/*/config.v2.json")):
            if not _ID.fullmatch(path.parent.name):
                continue
            try:
                record = json.loads(read_regular(path, CONFIG_LIMIT))
            except (StoreError, ValueError, RecursionError):
                continue
            if isinstance(record, dict):
                yield path.parent.name, record

    def _host(self, number: str) -> dict[str, Any] | None:
        """What docker wrote down of a container's options that are not its image's; None where that is unreadable."""
        try:
            found = json.loads(read_regular(self.data / "containers" / number / "hostconfig.json", CONFIG_LIMIT))
        except (StoreError, ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    def _config(self, number: str) -> Path | None:
        for place in self._bundles:
            for path in place.glob(f"io.containerd.runtime.v*/moby/{number}/config.json"):
                return path
        return None


def _network(mode: str) -> str:
    """The network of a docker container that does not run, in our words."""
    return mode if mode in ("host", "none") else "none" if mode.startswith("container:") else "bridge"


def _status(record: dict[str, Any]) -> str:
    state = record.get("State")
    if not isinstance(state, dict):
        return "unknown"
    for key in ("Paused", "Restarting", "Running", "Dead"):
        if state.get(key) is True:
            return key.lower()
    return "created" if member(state, "StartedAt").startswith("0001-") else "exited"


def _data() -> Path:
    try:
        chosen = json.loads(read_regular(_SETTINGS, CONFIG_LIMIT)).get("data-root")
    except (StoreError, ValueError, AttributeError, RecursionError):
        chosen = None
    return Path(chosen) if isinstance(chosen, str) and chosen.startswith("/") else _DATA
