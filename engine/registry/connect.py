"""Putting a session with an endpoint together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
) -> Iterator[Session]:
    """A session that may pull from the endpoint's repository; its connections go with the `with` block.

    `find_login` says who logs in (None: who is logged in on this machine). Without a repository it may do
    nothing but see whether a login is good.
    """
    web = Web(Certificates(hosts.certificate_folders, verify=not endpoint.insecure), patience)
    scope = f"repository:{endpoint.repository}:pull" if endpoint.repository else ""
    find = find_login or (lambda: hosts.credentials.find(endpoint.name))
    try:
        yield Session(endpoint, web, Authorizer(endpoint, scope, web, find), patience)
    finally:
        web.close()
