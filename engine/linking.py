"""A container's network, joined from the options, the other containers and the runtime."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from msgspec.structs import replace

from engine import spec
from engine.cleanup import sharers
from engine.disk import store_error
from engine.errors import ContainerState, ContainerUnknown
from engine.events import Problem
from engine.jobs import Job
from engine.network import Networks
from engine.runtime import ContainerRecord, Containers, NameTaken, Runtime

_HOSTS = "files/hosts"
_LIMIT = 1024 * 1024  # bytes of such a file


class Linker:
    """Foresees a container's network when it is drafted, and makes it when it starts."""

    def __init__(self, containers: Containers, runtime: Runtime, networks: Networks) -> None:
        self._containers = containers
        self._runtime = runtime
        self._networks = networks

    def foreseen(self, network: str, asked: str | None = None) -> tuple[str, str]:
        """What of a container's `network` (as --network has it) is made at the start ("" for nothing), and its address
        there, on a bridge the one that is `asked` for.

        Raises ToolMissing, ContainerUnknown, UsageError and ContainerState for an address that cannot be had.
        """
        kind, _, name = network.partition(":")
        if kind == "bridge":
            taken = {record.address: record.name for record in self._containers.all() if record.network == "bridge"}
            return "bridge", self._networks.fixed(asked, taken) if asked else self._networks.address(taken)
        if kind == "container":
            other = self._containers.find(name)
            return f"container:{other.id}", other.address
        return "", ""

    def shared_files(self, network: str) -> dict[str, bytes] | None:
        """The hosts file and the name servers of the container whose network is had, by their names below its files/;
        None where it is nobody else's. `network` is as `foreseen` has it."""
        kind, _, other_id = network.partition(":")
        if kind != "container":
            return None
        found = {}
        for name in ("hosts", "resolv.conf"):
            with suppress(OSError), (self._containers.path(other_id) / "files" / name).open("rb") as file:
                found[name] = file.read(_LIMIT)  # that container may have written into it
        return found

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
                files = {**files, _HOSTS: spec.renamed_hosts(hosts, record.name, name)}
            record = replace(record, name=name)

    def owner(self, record: ContainerRecord) -> ContainerRecord | None:
        """The container whose network it shares; None where it shares none, or that one is gone."""
        if record.shares:
            with suppress(ContainerUnknown):
                return self._containers.find(record.shares)
        return None

    def need_unshared(self, record: ContainerRecord) -> None:
        """Raise ContainerState, naming them, where other containers share its network: they could not start again."""
        if not (names := [other.name for other in sharers(self._containers.all(), record.id)]):
            return
        verb = "shares" if len(names) == 1 else "share"
        raise ContainerState(
            f"{record.name} cannot be removed before {', '.join(names)}, which {verb} its network",
            hint=f"cutaway rm --depend {record.name} takes them away, too (with --force where they run).",
        )

    def cut_off(self, record: ContainerRecord) -> list[Problem]:
        """What to tell of running containers that share its network, and have an empty one when it has ended."""
        running = [other.name for other in sharers(self._containers.all(), record.id) if self._runtime.state(other).pid]
        if not running or not self._makes_its_own(record):
            return []
        verbs = ("shares", "loses") if len(running) == 1 else ("share", "lose")
        said = f"{', '.join(running)} {verbs[0]} the network of {record.name}, and {verbs[1]} it until restarted"
        return [Problem("network-cut-off", said, f"When {record.name} runs again: cutaway restart {' '.join(running)}")]

    def _makes_its_own(self, record: ContainerRecord) -> bool:
        """Whether its network comes and goes with it: not the host's, another container's, or one by a path."""
        if record.network:
            return record.network == "bridge"
        try:
            text = (self._containers.path(record.id) / "config.json").read_text("utf-8", "surrogateescape")
        except OSError:
            return False
        return spec.network_in(text, self._networks.is_ours) == "none"

    @contextmanager
    def linked(self, record: ContainerRecord, asked: str | None, job: Job) -> Iterator[Sequence[int]]:
        """Its network namespace made; gives the descriptors that conmon has to hold. `asked` is what --network said.

        Raises HostError, ToolMissing, StoreError, ContainerState (a port is taken, the other container does not run or
        is gone).
        """
        if record.network == "bridge":
            with self._networks.up(record.id, record.name, record.address, record.ports, job, mac=record.mac) as held:
                yield held
            return
        if record.shares:
            from engine.network import share_names

            try:
                other = self._containers.find(record.shares)
            except ContainerUnknown as error:
                name = (asked or "").removeprefix("container:") or record.shares
                raise ContainerState(
                    f"{record.name} shares the network of {name}, and that container is gone",
                    hint=f"Remove {record.name}, and make it anew with another --network.",
                ) from error
            if not (pid := self._runtime.state(other).pid):
                raise ContainerState(
                    f"{record.name} shares the network of {other.name}, and that does not run",
                    hint=f"Start it first: cutaway start {other.name}",
                )
            self._networks.join(record.id, pid)
            own, theirs = (self._containers.path(each.id) / "files" for each in (record, other))
            try:
                share_names(own, theirs, record.name)
            except OSError as error:
                raise store_error(error, f"cannot share the names of {other.name}") from error
        yield ()
