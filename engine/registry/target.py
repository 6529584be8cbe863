"""A repository of a registry, as somewhere to push an image to."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from engine.digest import Digest
from engine.errors import RegistryError
from engine.jobs import Job
from engine.oci import Descriptor
from engine.reference import Reference
from engine.registry.connect import connect
from engine.registry.hosts import RegistryHosts
from engine.registry.patience import Patience
from engine.registry.session import Ask
from engine.registry.upload import PIECE, Sent, Uploader
from engine.text import visible


class RegistryTarget:
    """Takes one image. May be used from several threads.

    What is pushed goes to the registry itself, never to a mirror. All requests are steps of `job`. `read_from` are the
    repositories of the same registry that blobs may be mounted from. `tls_verify`, `hosts` and `patience` are as for
    RegistrySource. Of a blob `piece` bytes go in one request, more where the registry wants that. `layout` is where the
    image is read from, and `name` what it is called there ("": as the reference), for the journal.
    """

    def __init__(
        self,
        reference: Reference,
        job: Job,
        *,
        read_from: Iterable[str] = (),
        tls_verify: bool = True,
        hosts: RegistryHosts | None = None,
        patience: Patience | None = None,
        piece: int = PIECE,
        layout: Path = Path("images"),
        name: str = "",
    ) -> None:
        hosts = hosts or RegistryHosts.load()
        patience = patience or Patience()
        endpoint = hosts.endpoints(reference, tls_verify=tls_verify)[-1]
        self._reference = reference
        self._job = job
        self._open = ExitStack()
        self._session = self._open.enter_context(
            connect(endpoint, hosts, patience, actions="pull,push", read_from=read_from)
        )
        flag = " --dest-tls-verify=false" if endpoint.insecure else ""
        self._layout = layout
        source = shlex.quote(f"oci:{layout}:{name or reference}")
        tag = f":{reference.tag}" if reference.tag else ""
        self._peer = f"skopeo copy{flag} {source} docker://{endpoint.domain}/{endpoint.repository}{tag}"
        self._uploader = Uploader(self._session, patience, job, peer=self._peer, piece=piece)
        self._first = threading.Lock()
        self._spoken = False

    def blob(
        self, descriptor: Descriptor, path: Path, tell: Callable[[int], None], mount_from: Sequence[str] = ()
    ) -> bool:
        """See that the registry has a blob (see Uploader.blob); whether it was there already.

        Raises RegistryError, StoreError, Cancelled.
        """
        with self._first:  # one finds out how the registry wants to be spoken to, and logs in; then all may
            if not self._spoken:
                sent = self._uploader.blob(descriptor, path, tell, mount_from)
                self._spoken = True
                return sent is Sent.THERE
        return self._uploader.blob(descriptor, path, tell, mount_from) is Sent.THERE

    def manifest(self, raw: bytes, media_type: str) -> Digest:
        """Put the manifest under the reference's tag, or its digest; from then on the image is there.

        Raises RegistryError, also where the registry calls it by another digest; Cancelled.
        """
        digest = Digest.of(raw)
        name = self._reference.tag or digest
        place = self._layout / "blobs" / digest.algorithm / digest.hex
        ask = Ask(
            f"{self._session.endpoint.repository}/manifests/{name}",
            f"the manifest of {self._reference.familiar}",
            method="PUT",
            usable=frozenset({200, 201, 202}),
            headers={"Content-Type": media_type},
            body=raw,
            curl=f"-H 'Content-Type: {media_type}' --data-binary {shlex.quote(f'@{place}')}",
            peer=self._peer,
        )
        with self._session.open(ask, self._job) as answer:
            said = answer.headers.get("Docker-Content-Digest", digest)
            answer.step.detail = visible(said)[:100]
        if said != digest:
            raise RegistryError(
                f"{self._session.endpoint.host} took the manifest {digest} for {visible(said)[:100]}",
                hint="What it holds now may not be what was sent. Pull it and compare.",
            )
        return digest

    def close(self) -> None:
        """Let go of connections."""
        self._open.close()
