"""Images in a registry, as something to pull from."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from engine.errors import RegistryError
from engine.jobs import Job
from engine.oci import Descriptor, Platform
from engine.reference import Reference
from engine.registry import transfer
from engine.registry.connect import connect
from engine.registry.hosts import Endpoint, RegistryHosts
from engine.registry.patience import Patience
from engine.registry.resolve import Resolver, skopeo
from engine.registry.session import Session
from engine.source import FetchedImage, Held, nothing_held


class RegistrySource:
    """Pulls one image. May be used from several threads.

    `reference` may be a list of what a short name can mean (RegistryHosts.candidates); the first that a
    registry has is taken. Without `tls_verify` certificates are not checked, and plain http is tried where
    https does not answer. `hosts` is the machine's configuration (None: read it now).
    `held` gives documents that need not be fetched again; `layout` is where the reader puts it all, for the journal.
    """

    def __init__(
        self,
        reference: Reference | list[Reference],
        *,
        tls_verify: bool = True,
        hosts: RegistryHosts | None = None,
        patience: Patience | None = None,
        held: Held = nothing_held,
        layout: Path = Path("images"),
    ) -> None:
        self._layout = layout
        self._held = held
        self._hosts = hosts or RegistryHosts.load()
        self._patience = patience or Patience()
        self._tls_verify = tls_verify
        self._open = ExitStack()
        self._lock = threading.Lock()
        self._candidates = reference if isinstance(reference, list) else [reference]
        self._reference = self._candidates[0]
        self._session: Session | None = None

    @property
    def name(self) -> str:
        """The full canonical name, whichever mirror serves it. Of several candidates, the one that was found."""
        return str(self._reference)

    def image(self, platform: Platform, job: Job) -> FetchedImage:
        """Resolve the reference to one platform's image: index, manifest, configuration, each verified.

        Mirrors and candidates are asked in their order until one has it.
        Raises NotInRegistry, AccessDenied, RegistryUnreachable, RegistryError, ContentError, Cancelled.
        """
        routes = [(reference, endpoint) for reference in self._candidates for endpoint in self._endpoints(reference)]
        failures: list[RegistryError] = []
        for reference, endpoint in routes:
            session = self._connect(endpoint)
            try:
                image = Resolver(session, reference, job, self._held).image(platform)
            except RegistryError as error:
                failures.append(error)
                continue
            with self._lock:
                self._reference, self._session = reference, session
            return image
        last = failures[-1]
        if len(failures) > 1:  # say of each place why, and let the last decide on the kind
            raise type(last)("; ".join(error.message for error in failures), hint=last.hint) from last
        raise last

    def blob(self, descriptor: Descriptor, offset: int, job: Job) -> Iterator[bytes]:
        """The bytes of a blob from `offset` to the descriptor's size, in chunks of 256 KiB at most.

        Raises RegistryError, ContentError (another size than promised), Cancelled.
        """
        with self._lock:
            if self._session is None:  # asked for without `image`: the registry itself has every blob
                self._session = self._connect(self._endpoints(self._reference)[-1])
            session = self._session
        peer = skopeo("copy", session.endpoint, self._reference) + " " + shlex.quote(f"oci:{self._layout}:{self.name}")
        return transfer.fetch(session, descriptor, offset, self._patience, job, layout=self._layout, peer=peer)

    def close(self) -> None:
        """Let go of connections."""
        self._open.close()

    def _endpoints(self, reference: Reference) -> list[Endpoint]:
        return self._hosts.endpoints(reference, tls_verify=self._tls_verify)

    def _connect(self, endpoint: Endpoint) -> Session:
        return self._open.enter_context(connect(endpoint, self._hosts, self._patience))
