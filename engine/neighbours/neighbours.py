"""All other engines at once: what they have, and one container of theirs by `ENGINE:NAME` or its config.json."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.errors import CutawayError, ToolMissing, UsageError
from engine.host import HostFacts, find_tool
from engine.neighbours import podman, runc
from engine.neighbours.container import Neighbour, OtherContainer, config_text
from engine.neighbours.docker import Docker
from engine.text import visible


class Neighbours:
    """The other engines of this host. Nothing of theirs is changed."""

    def __init__(self, facts: HostFacts, docker: Docker | None = None) -> None:
        self._facts = facts
        self._docker = docker

    def listed(self) -> tuple[list[Neighbour], list[str]]:
        """Every engine's containers, and in words what kept an engine from telling."""
        found: list[Neighbour] = []
        silent: list[str] = []
        asked: list[Callable[[], list[Neighbour]]] = [(self._docker or Docker()).listed]
        if (tool := find_tool("podman")) is not None:
            path = tool.path
            asked.insert(0, lambda: podman.listed(path))
        if self._facts.runc is not None:
            runtime = self._facts.runc.path
            asked.append(lambda: runc.listed(runtime))
        for ask in asked:
            try:
                found += ask()
            except CutawayError as error:
                silent.append(error.message)
        return found, silent

    def find(self, what: str) -> OtherContainer:
        """`podman:NAME`, `docker:NAME`, `runc:ID` or a file.

        Raises ContainerUnknown, ContainerState, UsageError, ToolMissing, HostError, StoreError.
        """
        engine, colon, name = what.partition(":")
        if colon and engine in ("podman", "docker", "runc"):
            if engine == "docker":
                return (self._docker or Docker()).found(name)
            if engine == "runc":
                return runc.found(self._facts.need_runc().path, name)
            tool = find_tool("podman")
            if tool is None:
                raise ToolMissing("podman is not installed, and it alone knows its containers")
            return podman.found(tool.path, name)
        path = Path(what)
        if not path.is_file():
            raise UsageError(
                f"there is no file {visible(what)[:200]!r} to adopt",
                hint="podman:NAME, docker:NAME, runc:ID, or a config.json; cutaway adopt lists what is here.",
            )
        text = config_text(path, "it")
        return OtherContainer("file", path.name, text, rootfs=runc.root_of(text, path.absolute().parent))
