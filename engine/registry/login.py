"""Logging in to a registry and out of it, in the files that podman, buildah and skopeo read too."""

from __future__ import annotations

from engine.errors import AccessDenied, UsageError
from engine.jobs import Job
from engine.reference import DOCKER_HUB, Reference
from engine.registry.connect import connect
from engine.registry.credentials import Login
from engine.registry.hosts import Endpoint, RegistryHosts
from engine.registry.patience import Patience
from engine.registry.session import Ask
from engine.text import visible

_LIMIT = 1024 * 1024


def login(
    name: str,
    user: str,
    password: str,
    job: Job,
    *,
    tls_verify: bool = True,
    hosts: RegistryHosts | None = None,
    patience: Patience | None = None,
) -> str:
    """Try a login at a registry and, if it is good, keep it; returns where it is kept, in words.

    `name` is a registry, or a registry with the beginning of repositories' names (quay.io/org) that it is for.
    Raises UsageError, AccessDenied (not kept), RegistryUnreachable, RegistryError, ToolMissing, Cancelled.
    """
    name = _checked(name)
    hosts = hosts or RegistryHosts.load()
    made = Login(user, password)
    if not user or ":" in user or not (user + password).isprintable():
        raise UsageError("a user name has at least one character and no colon, and control characters stand nowhere")
    # Any repository's endpoint is the registry's; the check itself is about none.
    place = hosts.endpoints(Reference.parse(f"{name}/x"), tls_verify=tls_verify)[-1]
    endpoint = Endpoint(place.domain, place.host, "", place.insecure)
    with connect(endpoint, hosts, patience or Patience(), find_login=lambda: made) as session:
        flag = " --tls-verify=false" if endpoint.insecure else ""
        peer = f'skopeo login{flag} --username "$REGISTRY_USER" {name}'
        try:
            session.document(Ask("", "an answer to the login", peer=peer), _LIMIT, job)
        except AccessDenied as error:
            raise AccessDenied(
                f"{endpoint.host} does not take this user name and password",
                hint="Some registries want an access token in place of the password.",
            ) from error
    return hosts.credentials.keep(name, made)


def logout(name: str, *, hosts: RegistryHosts | None = None) -> str:
    """Forget a login; returns where it was kept, in words. Raises UsageError, RegistryError, ToolMissing."""
    return (hosts or RegistryHosts.load()).credentials.forget(_checked(name))


def _checked(name: str) -> str:
    """A registry's name as logins are kept under it. Raises UsageError."""
    plain = name.removeprefix("https://").removeprefix("http://").rstrip("/")
    reference = Reference.parse(f"{plain}/x")
    if plain in (DOCKER_HUB, "index.docker.io"):
        return DOCKER_HUB
    if reference.domain != plain.partition("/")[0]:
        raise UsageError(f"not the name of a registry: {visible(name)[:80]!r}", hint="Write it like quay.io.")
    return reference.name.removesuffix("/x")
