"""Which hosts answer for a name: the configuration of registries on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.reference import DOCKER_HUB, Reference

_HUB_HOST = "registry-1.docker.io"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A place where a repository can be had.

    `host` (with port) is what is connected to, `domain` the name that credentials are kept under; they
    differ for Docker Hub. `insecure` allows unverified certificates and plain http.
    """

    domain: str
    host: str
    repository: str
    insecure: bool


@dataclass(frozen=True, slots=True)
class RegistryHosts:
    """What this machine's configuration says of registries."""

    certificate_folders: tuple[Path, ...] = ()

    @classmethod
    def load(cls) -> RegistryHosts:
        """Read the configuration of this machine and user."""
        return cls((Path("/etc/containers/certs.d"), Path("/etc/docker/certs.d")))

    def endpoints(self, reference: Reference, *, tls_verify: bool = True) -> list[Endpoint]:
        """Where to ask for `reference`, in this order."""
        host = _HUB_HOST if reference.domain == DOCKER_HUB else reference.domain
        return [Endpoint(reference.domain, host, reference.repository, not tls_verify)]
