"""What this machine's configuration says of registries: which hosts answer for a name, whom to trust, who logs in."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import AccessDenied, RegistryError, UsageError
from engine.host.user import user_id
from engine.reference import DOCKER_HUB, Reference
from engine.registry.credentials import Credentials
from engine.registry.registries_conf import AUTH_FILES, Registry, Settings, read_settings

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

    @property
    def name(self) -> str:
        """The repository with its domain, by which logins are looked up."""
        return f"{self.domain}/{self.repository}"

    @property
    def login_hint(self) -> str:
        return f"Log in with: cutaway login {self.domain}"


@dataclass(frozen=True, slots=True)
class RegistryHosts:
    """The configuration, read once. Without arguments it says nothing: no mirrors, no logins."""

    settings: Settings = field(default_factory=Settings)
    certificate_folders: tuple[Path, ...] = ()
    credentials: Credentials = field(default_factory=Credentials)

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None, system: Path = Path("/")) -> RegistryHosts:
        """Read the configuration of this machine and user, from the places where podman looks.

        `environment` (None: this process's) says where the home is, and may name other files; `system` is
        the directory that etc, run and var are in. Raises RegistryError for a file that cannot be understood.
        """
        env = os.environ if environment is None else environment
        home = Path(env.get("HOME") or Path.home())
        config = Path(env.get("XDG_CONFIG_HOME") or home / ".config")
        etc = system / "etc"
        own = home / ".config/containers/registries.conf"
        folders = [etc / "containers/registries.conf.d", home / ".config/containers/registries.conf.d"]
        if chosen := env.get("CONTAINERS_REGISTRIES_CONF"):
            main = Path(chosen)
            if not main.is_file():
                raise RegistryError(f"CONTAINERS_REGISTRIES_CONF names no file: {chosen}")
        elif own.exists():
            main, folders = own, folders[1:]
        else:
            main = etc / "containers/registries.conf"
        if user_id() == 0:
            cache = system / "var/cache"
        else:
            cache = Path(env.get("XDG_CACHE_HOME") or home / ".cache")
        settings = read_settings(main, folders, cache / "containers/short-name-aliases.conf")
        if chosen := env.get("REGISTRY_AUTH_FILE"):
            files: tuple[Path, ...] = (Path(chosen),)
        else:
            runtime = env.get("XDG_RUNTIME_DIR")
            kept = Path(runtime, "containers") if runtime else system / f"run/containers/{user_id()}"
            files = (
                kept / "auth.json",
                config / "containers/auth.json",
                Path(env.get("DOCKER_CONFIG") or home / ".docker") / "config.json",
                home / ".dockercfg",
            )
        certificates = (home / ".config/containers/certs.d", etc / "containers/certs.d", etc / "docker/certs.d")
        return cls(settings, certificates, Credentials(files, settings.helpers or (AUTH_FILES,)))

    def candidates(self, text: str) -> list[Reference]:
        """What a name as people type it can mean, the likeliest first.

        A short name is looked up among the aliases, then belongs to the registries to search; where nothing
        is configured it is Docker Hub's. Raises UsageError for what is no name.
        """
        plain = Reference.parse(text)
        if text.startswith((f"{plain.domain}/", "index.docker.io/")):
            return [plain]
        rest = text[len(re.split("[:@]", text, maxsplit=1)[0]) :]
        short = text.removesuffix(rest)
        if alias := self.settings.aliases.get(short):
            return [Reference.parse(alias + rest)]
        found = [Reference.parse(f"{domain.rstrip('/')}/{text}") for domain in self.settings.search or ()]
        return found or [plain]

    def endpoints(self, reference: Reference, *, tls_verify: bool = True) -> list[Endpoint]:
        """Where to ask for `reference`, in this order: mirrors, then the registry itself.

        Without `tls_verify` all of them may be insecure. Raises AccessDenied for a blocked registry.
        """
        registry = self.settings.find(reference.name)
        if registry is None:
            return [_endpoint(reference, not tls_verify)]
        if registry.blocked:
            raise AccessDenied(
                f"{reference.familiar}: {registry.prefix} is blocked on this machine",
                hint="See `blocked` in /etc/containers/registries.conf and the files in registries.conf.d.",
            )
        places = [(m.location, m.insecure) for m in registry.mirrors if m.serves(reference)]
        places.append((registry.location, registry.insecure))
        return [
            _endpoint(_moved(reference, registry, location), insecure or not tls_verify)
            for location, insecure in places
        ]


def _endpoint(reference: Reference, insecure: bool) -> Endpoint:
    host = _HUB_HOST if reference.domain == DOCKER_HUB else reference.domain
    return Endpoint(reference.domain, host, reference.repository, insecure)


def _moved(reference: Reference, registry: Registry, location: str) -> Reference:
    """The reference with the registry's prefix replaced by `location`."""
    if not location:
        return reference
    name = location + reference.name[registry.match(reference.name) :]
    try:
        moved = Reference.parse(f"{name}@{reference.digest}" if reference.digest else f"{name}:{reference.tag}")
    except UsageError as error:
        raise RegistryError(f"registries.conf makes {reference.familiar} a name that is none: {error}") from error
    if moved.name != name:
        raise RegistryError(
            f"registries.conf makes {reference.familiar} {name}, which names no registry",
            hint=f"The location {location!r} must begin with a host name.",
        )
    return moved
