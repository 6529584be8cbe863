"""Putting a session with an endpoint together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from engine.registry.auth import Authorizer
from engine.registry.certificates import Certificates
from engine.registry.credentials import Login
from engine.registry.hosts import Endpoint, RegistryHosts
from engine.registry.patience import Patience
from engine.registry.session import Session
from engine.registry.web import Web


@contextmanager
def connect(
    endpoint: Endpoint,
    hosts: RegistryHosts,
    patience: Patience,
    *,
    find_login: Callable[[], Login | None] | None = None,
    actions: str = "pull",
    read_from: Iterable[str] = (),
) -> Iterator[Session]:
    """A session that may do `actions` ("pull", "pull,push") with the endpoint's repository, and pull from the
    repositories `read_from` of the same registry; its connections go with the `with` block.

    `find_login` says who logs in (None: who is logged in on this machine). Without a repository it may do
    nothing but see whether a login is good.
    """
    web = Web(Certificates(hosts.certificate_folders, verify=not endpoint.insecure), patience)
    scopes = [f"repository:{endpoint.repository}:{actions}"] if endpoint.repository else []
    scopes += [f"repository:{repository}:pull" for repository in read_from]
    find = find_login or (lambda: hosts.credentials.find(endpoint.name))
    try:
        yield Session(endpoint, web, Authorizer(endpoint, " ".join(scopes), web, find), patience)
    finally:
        web.close()
