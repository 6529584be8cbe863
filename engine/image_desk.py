"""The façade's part about what is done with images that are here: looking inside, making new ones, giving them away."""

from __future__ import annotations

from functools import cached_property

from engine.container_desk import ContainerDesk
from engine.errors import UsageError
from engine.jobs import Job
from engine.pushing import Format, push, sources
from engine.reference import Transport, split_transport
from engine.store import Store


class ImageDesk(ContainerDesk):
    """The images of one data directory on this host; made as a ContainerDesk is."""

    @cached_property
    def _store(self) -> Store:
        return Store(self.root)

    def push(
        self,
        name: str,
        job: Job,
        *,
        to: str | None = None,
        tls_verify: bool = True,
        kind: str | None = None,
    ) -> str:
        """Bring an image to a registry, `[docker://]REF` (None: by its own name); returns its digest there.

        `kind` is `oci` or `v2s2` for a manifest of that kind, None for the one it has. Reports LayerProgress.
        Raises ImageUnknown, UsageError, RegistryError, StoreError, Cancelled.
        """
        from engine.registry import RegistryHosts, RegistryTarget

        image = self._store.find(name)
        transport, rest = split_transport(to or image.name)
        if transport is not Transport.DOCKER:
            raise UsageError(f"cannot push to {transport.value}", hint="A push goes to a registry; see `cutaway save`.")
        hosts = RegistryHosts.load()
        destination = hosts.candidates(rest)[0]
        with self._store.holding(job.token):
            read_from = sources(self._store, image, destination)
            target = RegistryTarget(destination, job, read_from=read_from, tls_verify=tls_verify, hosts=hosts)
            try:
                return push(self._store, image, target, destination, job, kind=Format(kind) if kind else None)
            finally:
                target.close()
