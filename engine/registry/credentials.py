"""Where logins are kept: containers' auth.json and docker's config.json (containers-auth.json(5)).

`auths` has one entry per registry, or per part of one (quay.io/org); the longest that fits counts.
`credHelpers` and `credsStore` name programs that keep them instead.
"""

from __future__ import annotations

import base64
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import RegistryError
from engine.reference import DOCKER_HUB
from engine.registry import helpers
from engine.registry.registries_conf import AUTH_FILES
from engine.text import visible

_LIMIT = 4 * 1024 * 1024
_HUB_KEY = "https://index.docker.io/v1/"
"""What docker calls Docker Hub in its files and to its helpers."""
_HUB_NAMES = frozenset({DOCKER_HUB, "index.docker.io", "registry-1.docker.io"})


@dataclass(frozen=True, slots=True)
class Login:
    """What somebody logs in with: a password, or the identity token that a helper or docker kept instead."""

    user: str
    password: str = field(repr=False)
    identity_token: str = field(default="", repr=False)

    @property
    def basic(self) -> str:
        """The Authorization header (RFC 7617)."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Credentials:
    """Finds, keeps and forgets logins. `name` is a registry, or a registry with part of a repository's name.

    `files` are read in this order; the first is the one written to. `helpers` are those of registries.conf.
    """

    files: tuple[Path, ...] = ()
    helpers: tuple[str, ...] = (AUTH_FILES,)

    def find(self, name: str) -> Login | None:
        """The login for `name`. Raises RegistryError, ToolMissing."""
        domain = name.partition("/")[0]
        for helper in self.helpers:
            if helper != AUTH_FILES:
                if login := _from_helper(helper, domain):
                    return login
                continue
            for path in self.files:
                if login := _find_in(_read(path), name, path):
                    return login
        return None

    def keep(self, name: str, login: Login) -> str:
        """Keep a login; returns where, in words. Raises RegistryError, ToolMissing."""
        document = _read(self._target)
        helper = self._keeper(document, name)
        if helper:
            helpers.store(helper, name, login.user, login.password)
            return f"docker-credential-{helper}"
        encoded = base64.b64encode(f"{login.user}:{login.password}".encode()).decode()
        document.setdefault("auths", {})[name] = {"auth": encoded}
        _write(self._target, document)
        return str(self._target)

    def forget(self, name: str) -> str:
        """Forget a login that `keep` kept; returns where it was. Raises RegistryError where there is none."""
        document = _read(self._target)
        helper = self._keeper(document, name)
        if helper:
            helpers.erase(helper, name)
            return f"docker-credential-{helper}"
        if document.get("auths", {}).pop(name, None) is not None:
            _write(self._target, document)
            return str(self._target)
        elsewhere = [path for path in self.files[1:] if _find_in(_read(path), name, path)]
        raise RegistryError(
            f"not logged in to {visible(name)}",
            hint=f"{elsewhere[0]} has a login for it, made by another tool: log out with that." if elsewhere else "",
        )

    @property
    def _target(self) -> Path:
        return self.files[0]

    def _keeper(self, document: Mapping[str, Any], name: str) -> str:
        """The helper that keeps logins for `name`, "" for the file. Helpers know whole registries alone."""
        if "/" in name:
            return ""
        chosen = document.get("credHelpers", {}).get(name)
        return chosen or next((helper for helper in self.helpers if helper != AUTH_FILES), "")


def _find_in(document: Mapping[str, Any], name: str, path: Path) -> Login | None:
    domain = name.partition("/")[0]
    for key, helper in document.get("credHelpers", {}).items():
        if _normal(key) == domain and isinstance(helper, str) and (login := _from_helper(helper, key)):
            return login
    if isinstance(store := document.get("credsStore"), str) and store:
        server = _HUB_KEY if domain == DOCKER_HUB else domain
        if login := _from_helper(store, server):
            return login
    auths = document.get("auths", {})
    for wanted in _names(name):
        for key, entry in auths.items():
            if (key == wanted or _normal(key) == wanted) and (login := _decode(entry, key, path)):
                return login
    return None


def _names(name: str) -> Iterator[str]:
    """`quay.io/org/name`, `quay.io/org`, `quay.io`."""
    while name:
        yield name
        name = name.rpartition("/")[0]


def _normal(key: str) -> str:
    """A registry's name, however the file writes it: docker of old wrote whole addresses."""
    stripped = key.removeprefix("https://").removeprefix("http://")
    if stripped != key:
        stripped = stripped.partition("/")[0]
    return DOCKER_HUB if stripped in _HUB_NAMES else stripped


def _from_helper(helper: str, server: str) -> Login | None:
    kept = helpers.get(helper, server)
    if kept is None:
        return None
    user, secret = kept
    return Login("", "", secret) if helpers.is_identity_token(user) else Login(user, secret)


def _decode(entry: Any, key: str, path: Path) -> Login | None:
    if not isinstance(entry, dict):
        return None
    token = entry.get("identitytoken")
    token = token if isinstance(token, str) else ""
    try:
        user, colon, password = base64.b64decode(entry.get("auth") or "", validate=True).decode().partition(":")
    except (ValueError, TypeError):
        raise RegistryError(
            f"{path}: the login for {visible(key)} cannot be read", hint="Log in again with: cutaway login"
        ) from None  # the cause would carry the secret
    if not colon and not token:
        return None  # docker's mark for a login that a helper keeps
    return Login(user, password.strip("\0"), token)


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            raw = file.read(_LIMIT + 1)
        document = json.loads(raw) if raw.strip() else {}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise RegistryError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict) and path.name == ".dockercfg":
        document = {"auths": document}  # docker's file of before 2014 is the table alone
    tables = ("auths", "credHelpers")
    if not isinstance(document, dict) or not all(isinstance(document.get(table, {}), dict) for table in tables):
        raise RegistryError(f"{path} is not a file of logins", hint="See containers-auth.json(5), or move it away.")
    return document


def _write(path: Path, document: Mapping[str, Any]) -> None:
    """Put the file in place whole, readable by its owner alone from its first byte on."""
    try:
        target = path.resolve()
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".auth-", dir=target.parent)  # mode 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(document, file, indent="\t")
                file.flush()
                os.fsync(file.fileno())
            os.rename(name, target)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise RegistryError(f"cannot write {path}: {error.strerror}") from error
