"""Image references as docker and podman read them.

The grammar is that of the distribution project's `reference` package: `[domain[:port]/]path[:tag][@digest]`.
A name without a domain is Docker Hub's, and one without a path there is in `library/`. Everything that is
accepted here may stand in a URL and in a file name's text, so nothing outside the grammar gets through.
"""

from __future__ import annotations

import re
from enum import Enum

import msgspec

from engine.digest import Digest
from engine.errors import ContentError, UsageError
from engine.text import visible

DOCKER_HUB = "docker.io"

BUILT_IN = "localhost/cutaway/demo:latest"
"""The image that is made here, from this host's own programs."""

_OFFICIAL = "library/"
_NAME_LIMIT = 255  # distribution's NameTotalLengthMax

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::(?P<port>[0-9]{{1,5}}))?")
_PATH_PART = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_IMAGE_ID = re.compile(r"[a-f0-9]{64}")

_EXAMPLE = "Write it like debian:12, quay.io/org/name:tag or registry.example:5000/name@sha256:…"


class Reference(msgspec.Struct, frozen=True):
    """Where an image is: `domain` (with a port where it has one), `repository`, `tag` and `digest`.

    One of `tag` ("" if none) and `digest` is always there; with both, the digest says what is fetched.
    """

    domain: str
    repository: str
    tag: str
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read a reference; a short name is Docker Hub's, without tag and digest the tag is `latest`.

        Raises UsageError naming what is wrong.
        """
        rest, at, digest_text = text.partition("@")
        digest = _read_digest(digest_text, text) if at else None
        name, tag = _split_tag(rest)
        if tag is None:
            tag = "" if digest else "latest"
        elif not is_tag(tag):
            raise _malformed(text, f"{_quote(tag)} is not a tag", "A tag has up to 128 letters, digits and ._- signs.")
        domain, path = _split_domain(name)
        _check_name(text, name, domain, path)
        return cls(domain, path, tag, digest)

    @property
    def name(self) -> str:
        """The repository with its domain: `docker.io/library/debian`."""
        return f"{self.domain}/{self.repository}"

    @property
    def selector(self) -> str:
        """What a registry is asked for below the repository: the digest if there is one, else the tag."""
        return self.digest or self.tag

    @property
    def familiar(self) -> str:
        """The short form that people type and `docker images` shows: `debian:12`."""
        if self.domain == DOCKER_HUB:
            for short in (self.repository.removeprefix(_OFFICIAL), self.repository):
                if _reads_as(short + self._suffix, self):
                    return short + self._suffix
        return str(self)

    @property
    def _suffix(self) -> str:
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    def __str__(self) -> str:
        """The full canonical name."""
        return self.name + self._suffix


def command_to_get(image: str) -> str:
    """The command that brings an image of this name here, for people to type."""
    return "cutaway demo" if image in (BUILT_IN, BUILT_IN.removesuffix(":latest")) else f"cutaway pull {image}"


def own_name(text: str) -> str:
    """The full reference for an image made or named here: without a registry it is localhost's, as podman has it.

    Raises UsageError.
    """
    reference = Reference.parse(text)
    if reference.domain == DOCKER_HUB and not text.startswith((f"{DOCKER_HUB}/", "index.docker.io/")):
        reference = Reference.parse(f"localhost/{text}")
    if reference.digest is not None:
        raise UsageError(
            f"{visible(text)} names a digest, and an image has one of its own already", hint="Give it a tag."
        )
    return str(reference)


def check_digest(name: str, *own: Digest | None) -> None:
    """Raises UsageError where `name` has a digest that is none of the image's `own`."""
    try:
        digest = Reference.parse(name).digest
    except UsageError:  # another program's name, by which nobody asks for a digest
        return
    if digest is not None and digest not in own:
        raise UsageError(
            f"the name {visible(name)} has the digest of another image: this one is {own[0]}",
            hint="Whoever made it must not choose that. Give it a tag.",
        )


def is_tag(text: str) -> bool:
    """Whether `text` can be a tag."""
    return _TAG.fullmatch(text) is not None


class Transport(Enum):
    """Where an image comes from or goes to, by the prefixes of containers-transports(5)."""

    DOCKER = "docker://"
    OCI = "oci:"
    OCI_ARCHIVE = "oci-archive:"
    DOCKER_ARCHIVE = "docker-archive:"
    CONTAINERS_STORAGE = "containers-storage:"


_ELSEWHERE = ("dir:", "docker-daemon:", "docker-tarball:", "ostree:", "sif:", "tarball:", "atomic:")
"""Transports of the peers that Cutaway does not speak."""


def split_transport(text: str) -> tuple[Transport, str]:
    """Take the transport off: `oci:dir:tag` gives OCI and `dir:tag`; without one it is a registry's.

    Raises UsageError for a transport that is not known, and for nothing behind it.
    """
    for transport in Transport:
        if text.startswith(transport.value):
            rest = text.removeprefix(transport.value)
            if not rest:
                raise UsageError(f"{transport.value} names no image", hint=f"Write it like {_usage(transport)}.")
            return transport, rest
    if "://" in text or text.startswith((*_ELSEWHERE, "docker:/")) or _looks_like_transport(text):
        prefix = text.partition(":")[0] + ("://" if "://" in text else ":")
        known = ", ".join(transport.value for transport in Transport)
        raise UsageError(f"unknown transport {_quote(prefix)}", hint=f"Known are {known} and names without one.")
    return Transport.DOCKER, text


def check_name_to_pull(text: str) -> None:
    """Raise UsageError for what names no image anywhere, as far as that can be told by its letters."""
    transport, rest = split_transport(text)
    if transport is Transport.DOCKER:
        Reference.parse(rest)


def _usage(transport: Transport) -> str:
    return {
        Transport.DOCKER: "docker://debian:12",
        Transport.OCI: "oci:DIRECTORY[:TAG]",
        Transport.CONTAINERS_STORAGE: "containers-storage:localhost/name:tag",
    }.get(transport, f"{transport.value}FILE[:NAME]")


def _looks_like_transport(text: str) -> bool:
    """Whether `text` is `word:path` where the path can be neither a tag nor a port with a repository."""
    word, colon, rest = text.partition(":")
    if not colon or not re.fullmatch(r"[a-z][a-z-]*", word) or rest[:1].isdigit():
        return False
    return "/" in rest.partition("@")[0]


def _reads_as(text: str, reference: Reference) -> bool:
    try:
        return Reference.parse(text) == reference
    except UsageError:
        return False


def _split_tag(text: str) -> tuple[str, str | None]:
    """Split at the last colon unless it belongs to a port, that is, a slash follows."""
    name, colon, tag = text.rpartition(":")
    return (name, tag) if colon and "/" not in tag else (text, None)


def _split_domain(name: str) -> tuple[str, str]:
    """The first part is a domain if it has a dot, a port or an upper-case letter, or is `localhost`."""
    first, slash, rest = name.partition("/")
    if not slash or not (any(sign in first for sign in ".:") or first == "localhost" or first != first.lower()):
        domain, path = DOCKER_HUB, name
    else:
        domain, path = first, rest
    if domain == "index.docker.io":  # its name of old
        domain = DOCKER_HUB
    if domain == DOCKER_HUB and "/" not in path:
        path = _OFFICIAL + path
    return domain, path


def _check_name(text: str, name: str, domain: str, path: str) -> None:
    if not text:
        raise UsageError("the image has no name", hint=_EXAMPLE)
    if not name or path == _OFFICIAL:
        raise _malformed(text, "it has no repository name")
    if _IMAGE_ID.fullmatch(name):
        raise _malformed(text, "64 hexadecimal digits are an image ID, not a name")
    match = _DOMAIN.fullmatch(domain)
    if not match or int(match["port"] or 1) not in range(1, 65536):
        raise _malformed(text, f"{_quote(domain)} is not a host name with an optional port")
    if len(domain) + 1 + len(path) > _NAME_LIMIT:
        raise _malformed(text, f"the name is longer than {_NAME_LIMIT} characters")
    for part in path.split("/"):
        if _PATH_PART.fullmatch(part):
            continue
        if not part:
            raise _malformed(text, "an empty part stands between two slashes, or at the end")
        if _PATH_PART.fullmatch(part.lower()):
            raise _malformed(text, f"{_quote(part)} has upper-case letters", f"Did you mean {part.lower()!r}?")
        raise _malformed(
            text,
            f"{_quote(part)} cannot stand in a repository name",
            "Lower-case letters and digits, with single . _ or any number of - between them.",
        )


def place_within(text: str) -> tuple[str, str] | None:
    """Name and absolute path of a NAME:PATH, as `cp` takes it; None for a path of this host.

    An image's name may have colons of its own. A host path with a colon in it begins with a slash or a dot.
    """
    if text.startswith(("/", ".")):
        return None
    name, colon, path = text.partition(":/")
    if colon:
        return name, "/" + path
    name, colon, path = text.rpartition(":")
    return (name, "/" + path) if colon else None


def copied_name(path: str) -> str:
    """The name that what is copied from there has in a directory that gets it; "" where that gets its content instead:
    a path that ends with `.` or `..` names nothing, and neither does that of the root.
    """
    name = path.rstrip("/").rpartition("/")[2]
    return "" if name in (".", "..") else name


def _read_digest(text: str, whole: str) -> Digest:
    try:
        return Digest.parse(text)
    except ContentError as error:
        raise _malformed(whole, error.message, error.hint) from None


def _quote(text: str) -> str:
    return repr(visible(text)[:80])


def _malformed(text: str, why: str, hint: str = _EXAMPLE) -> UsageError:
    return UsageError(f"not an image name: {_quote(text)}: {why}", hint=hint)
