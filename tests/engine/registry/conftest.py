"""A registry that can be told to misbehave, and what is needed to talk to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from faulty_registry import FaultyRegistry, faulty_registry

from engine.events import Event
from engine.jobs import Job
from engine.oci import Platform
from engine.reference import Reference
from engine.registry import Patience, RegistryHosts, RegistrySource

PATIENCE = Patience(connect=2, inactivity=0.3, attempts=3, first_wait=0.01, longest_wait=0.2)
AMD64 = Platform("amd64", "linux")


@pytest.fixture
def registry() -> Iterator[FaultyRegistry]:
    with faulty_registry() as server:
        yield server


@pytest.fixture
def elsewhere() -> Iterator[FaultyRegistry]:
    """Another host: one that is redirected to, or that gives tokens."""
    with faulty_registry() as server:
        yield server


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def job(events: list[Event]) -> Job:
    return Job("pull", events.append)


class Puller:
    """A source for `t:latest` (or another selector) of the registry, closed at the end."""

    def __init__(self, registry: FaultyRegistry) -> None:
        self._registry = registry
        self._made: list[RegistrySource] = []

    def __call__(
        self, selector: str = ":latest", hosts: RegistryHosts | None = None, patience: Patience = PATIENCE
    ) -> RegistrySource:
        reference = Reference.parse(f"{self._registry.host}/t{selector}")
        source = RegistrySource(reference, tls_verify=False, hosts=hosts or RegistryHosts(), patience=patience)
        self._made.append(source)
        return source

    def close(self) -> None:
        for source in self._made:
            source.close()


@pytest.fixture
def pull(registry: FaultyRegistry) -> Iterator[Puller]:
    puller = Puller(registry)
    yield puller
    puller.close()
