"""registries.conf: search registries, aliases, mirrors, blocked and insecure registries.

containers-registries.conf(5). The user's file replaces the system's; the files of the drop-in folders are
merged over it in the order of their names: lists are replaced, `[[registry]]` tables by their prefix and
aliases by their name.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.errors import RegistryError, UsageError
from engine.reference import Reference
from engine.text import visible

_LIMIT = 4 * 1024 * 1024
AUTH_FILES = "containers-auth.json"
"""The name in `credential-helpers` that stands for the files of containers-auth.json(5)."""

_WHEN = frozenset({"all", "digest-only", "tag-only"})
_WILDCARD = re.compile(r"\*(\.[A-Za-z0-9-]+)+")


@dataclass(frozen=True, slots=True)
class Mirror:
    """Another place for the same content. `when` is all, digest-only or tag-only."""

    location: str
    insecure: bool = False
    when: str = "all"

    def serves(self, reference: Reference) -> bool:
        """Whether it may be asked for this reference."""
        return self.when == "all" or (self.when == "digest-only") == (reference.digest is not None)


@dataclass(frozen=True, slots=True)
class Registry:
    """One `[[registry]]`: names that begin with `prefix` are had at `location` ("": where they say)."""

    prefix: str
    location: str
    insecure: bool = False
    blocked: bool = False
    mirrors: tuple[Mirror, ...] = ()

    def match(self, name: str) -> int:
        """How many characters of `name` (domain and repository) the prefix covers, -1 if it does not fit."""
        if self.prefix.startswith("*."):
            domain = name.partition("/")[0]
            host = domain.partition(":")[0]
            return len(host) if host.endswith(self.prefix[1:]) and host != self.prefix[1:] else -1
        if name == self.prefix or name.startswith((f"{self.prefix}/", f"{self.prefix}:")):
            return len(self.prefix)
        return -1


@dataclass(frozen=True, slots=True)
class Settings:
    """What all files together say. `None` stands for not said."""

    registries: dict[str, Registry] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    search: tuple[str, ...] | None = None
    helpers: tuple[str, ...] | None = None

    def under(self, later: Settings) -> Settings:
        """These settings with a later file's over them."""
        return replace(
            self,
            registries={**self.registries, **later.registries},
            aliases={**self.aliases, **later.aliases},
            search=self.search if later.search is None else later.search,
            helpers=self.helpers if later.helpers is None else later.helpers,
        )

    def find(self, name: str) -> Registry | None:
        """The `[[registry]]` with the longest prefix that fits `name`."""
        fitting = [registry for registry in self.registries.values() if registry.match(name) >= 0]
        return max(fitting, key=lambda registry: len(registry.prefix), default=None)


def read_settings(main: Path, folders: Iterable[Path], aliases: Path) -> Settings:
    """Read `main`, then each `*.conf` of `folders`, then the file of `aliases` that podman keeps for the user.

    Files that are not there are left out. Raises RegistryError for one that cannot be read or understood.
    """
    settings = _read(main)
    for folder in folders:
        for path in sorted(folder.glob("*.conf")):
            settings = settings.under(_read(path))
    return settings.under(Settings(aliases=_read(aliases).aliases))


def _read(path: Path) -> Settings:
    try:
        with path.open("rb") as file:
            raw = file.read(_LIMIT + 1)
        if len(raw) > _LIMIT:
            raise ValueError(f"it is over {_LIMIT} bytes")
        return _interpret(tomllib.loads(raw.decode()))
    except (FileNotFoundError, NotADirectoryError):
        return Settings()
    except OSError as error:
        raise RegistryError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, UsageError) as error:
        raise RegistryError(
            f"{path}: {visible(str(error))[:300]}", hint="See containers-registries.conf(5) for what may stand there."
        ) from error


def _interpret(document: dict[str, Any]) -> Settings:
    """Raises ValueError, UsageError for what makes no sense."""
    if isinstance(document.get("registries"), dict):
        document = _from_version_1(document["registries"])
    registries = [_registry(entry) for entry in _tables(document, "registry")]
    aliases = document.get("aliases", {})
    if not isinstance(aliases, dict) or not all(isinstance(value, str) for value in aliases.values()):
        raise ValueError("aliases must be a table of names")
    for alias, value in aliases.items():
        if value:  # an empty one takes an earlier file's alias away
            _qualified(value, f"the alias {alias!r}")
    # Of two tables with one prefix the first counts.
    return Settings(
        {registry.prefix: registry for registry in reversed(registries)},
        aliases,
        _names(document, "unqualified-search-registries"),
        _names(document, "credential-helpers"),
    )


def _registry(entry: dict[str, Any]) -> Registry:
    location, prefix = _location(entry, "location"), _location(entry, "prefix")
    wildcard = prefix.startswith("*")
    if wildcard and not _WILDCARD.fullmatch(prefix):
        raise ValueError(f"the prefix {prefix!r} must have the form *.example.com")
    if not location and not wildcard:
        raise ValueError("a [[registry]] has no location")
    by_digest = _flag(entry, "mirror-by-digest-only")
    return Registry(
        prefix or location,
        location,
        _flag(entry, "insecure"),
        _flag(entry, "blocked"),
        tuple(_mirror(mirror, by_digest) for mirror in _tables(entry, "mirror")),
    )


def _mirror(entry: dict[str, Any], by_digest: bool) -> Mirror:
    location = _location(entry, "location")
    when = entry.get("pull-from-mirror", "digest-only" if by_digest else "all")
    if not location or when not in _WHEN:
        raise ValueError(f"a [[registry.mirror]] needs a location and a known pull-from-mirror: {location!r}, {when!r}")
    return Mirror(location, _flag(entry, "insecure"), when)


def _location(entry: dict[str, Any], key: str) -> str:
    value = entry.get(key, "")
    if not isinstance(value, str) or "://" in value:
        raise ValueError(f"{key} must be a name without https://: {value!r}")
    return value.rstrip("/")


def _flag(entry: dict[str, Any], key: str) -> bool:
    value = entry.get(key, False)
    if not isinstance(value, bool):
        raise ValueError(f"{key} must be true or false")
    return value


def _tables(document: dict[str, Any], key: str) -> list[dict[str, Any]]:
    tables = document.get(key, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ValueError(f"{key} must be written [[{key}]]")
    return tables


def _names(document: dict[str, Any], key: str) -> tuple[str, ...] | None:
    names = document.get(key)
    if names is None:
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{key} must be a list of names")
    return tuple(names)


def _qualified(name: str, what: str) -> Reference:
    reference = Reference.parse(name)
    if "/" not in name or name.partition("/")[0] != reference.domain:
        raise ValueError(f"{what} must name a registry: {name!r}")
    return reference


def _from_version_1(old: dict[str, Any]) -> dict[str, Any]:
    """The form of before 2019, `[registries.search]` and so on, as the present one."""

    def listed(key: str) -> list[str]:
        table = old.get(key, {})
        return list(_names(table, "registries") or ()) if isinstance(table, dict) else []

    insecure, blocked = listed("insecure"), listed("block")
    return {
        "unqualified-search-registries": listed("search"),
        "registry": [
            {"location": name, "insecure": name in insecure, "blocked": name in blocked}
            for name in dict.fromkeys([*insecure, *blocked])
        ],
    }
