"""The façade's part about what is done with images that are here: looking inside, making new ones, giving them away."""

from __future__ import annotations

import os
import shlex
from functools import cached_property

from engine import trace
from engine.committing import CommitOptions, commit, mount_points
from engine.container_desk import ContainerDesk
from engine.describe import image_summary
from engine.digest import Digest
from engine.errors import UsageError
from engine.events import ImagesChanged
from engine.jobs import Job
from engine.layers.capture import Capture
from engine.oci import ManifestKind
from engine.pulling import bring
from engine.pushing import push, sources
from engine.reference import DOCKER_HUB, Reference, Transport, split_transport
from engine.store import LayoutSource, Store
from engine.views import ImageSummary


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
                return push(self._store, image, target, destination, job, kind=ManifestKind(kind) if kind else None)
            finally:
                target.close()

    def commit(self, name: str, image: str, job: Job, options: CommitOptions | None = None) -> ImageSummary:
        """Make what a container has changed a layer on top of its image, and call the result `image`.

        Empty files and directories that runc made for mounts to stand on are not taken. With SOURCE_DATE_EPOCH the
        same changes make the same image. Raises ContainerUnknown, UsageError, LayerError, StoreError, Cancelled.
        """
        options = options or CommitOptions()
        record = self._find(name)
        reference = _own_name(image)
        self.facts.need_root("read a container's files")
        with self._store.holding(job.token), self._launcher.still(record, job, pause=options.pause) as merged:
            home = self._containers.path(record.id)
            leave_out = {os.fsencode(path.strip("/")) for path in options.leave_out}
            capture = Capture(
                merged if options.squash else home / "upper",
                overlay=not options.squash,
                merged=merged,
                leave_out=frozenset(leave_out | mount_points(home / "config.json", home / "upper")),
            )
            made_by = shlex.join(record.command) or "cutaway commit"
            base = self._store.of_digest(Digest.parse(record.image_digest))
            made = commit(self._store, base, capture, reference, made_by, options, job)
            bring(LayoutSource(self.root.images, made.name), self._store, self.facts.platform, job)
            trace.append(self.root.traces / f"{made.descriptor.digest.hex}.jsonl", job.steps)
        job.emit(ImagesChanged())
        return image_summary(made)


def _own_name(text: str) -> str:
    """The full reference for an image made here: without a registry in the name it is localhost's, as podman has it.

    Raises UsageError.
    """
    reference = Reference.parse(text)
    if reference.domain == DOCKER_HUB and not text.startswith((f"{DOCKER_HUB}/", "index.docker.io/")):
        reference = Reference.parse(f"localhost/{text}")
    if reference.digest is not None:
        raise UsageError(f"{text} names a digest, and what is made has one of its own", hint="Give it a tag.")
    return str(reference)
