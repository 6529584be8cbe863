"""A container's network, joined from the options, the other containers and the runtime."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from msgspec.structs import replace

from engine.errors import ContainerState
from engine.jobs import Job
from engine.network import Networks
from engine.runtime import ContainerRecord, Containers, NameTaken, Runtime
from engine.spec import renamed_hosts

_HOSTS = "files/hosts"


class Linker:
    """Foresees a container's network when it is drafted, and makes it when it starts."""

    def __init__(self, containers: Containers, runtime: Runtime, networks: Networks) -> None:
        self._containers = containers
        self._runtime = runtime
        self._networks = networks

    def foreseen(self, network: str) -> tuple[str, str]:
        """What of a container's `network` (as --network has it) is made at the start ("" for nothing), and its address
        there.

        Raises ToolMissing, ContainerUnknown.
        """
        kind, _, name = network.partition(":")
        if kind == "bridge":
            taken = [record.address for record in self._containers.all() if record.network == "bridge"]
            return "bridge", self._networks.address(taken)
        if kind == "container":
            other = self._containers.find(name)
            return f"container:{other.id}", other.address
        return "", ""

    def add(self, record: ContainerRecord, files: Mapping[str, bytes], *, made_up: bool) -> ContainerRecord:
        """Put a container on disk (`Containers.add`) and return its record, which may have changed: where somebody was
        faster with a name that was `made_up`, it gets the next free one, in its hosts file too.

        Raises NameTaken where somebody chose the name, and what `Containers.add` raises.
        """
        while True:
            try:
                self._containers.add(record, files)
                return record
            except NameTaken:
                if not made_up:
                    raise
                name = self._containers.free_name(record.name.rpartition("-")[0])
            if (hosts := files.get(_HOSTS)) is not None:
                files = {**files, _HOSTS: renamed_hosts(hosts, record.name, name)}
            record = replace(record, name=name)

    @contextmanager
    def linked(self, record: ContainerRecord, job: Job) -> Iterator[Sequence[int]]:
        """Its network namespace made; gives the descriptors that conmon has to hold.

        Raises HostError, ToolMissing, ContainerState (a port is taken, the other container does not run).
        """
        kind, _, other_id = record.network.partition(":")
        if kind == "bridge":
            with self._networks.up(record.id, record.name, record.address, record.ports, job) as held:
                yield held
            return
        if kind == "container":
            other = self._containers.find(other_id)
            if not (pid := self._runtime.state(other).pid):
                raise ContainerState(
                    f"{record.name} shares the network of {other.name}, and that does not run",
                    hint=f"Start it first: cutaway start {other.name}",
                )
            self._networks.join(record.id, pid)
        yield ()
