"""Listing a repository's tags (distribution-spec, "Listing Tags")."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from urllib.parse import urljoin, urlsplit

from engine.errors import ContentError, RegistryError
from engine.jobs import Job
from engine.oci import DOCUMENT_LIMIT
from engine.reference import Reference, is_tag
from engine.registry.connect import connect
from engine.registry.hosts import RegistryHosts
from engine.registry.patience import Patience
from engine.registry.session import Ask
from engine.text import visible

_PAGE = 1000
_NEXT = re.compile(r"<([^<>]*)>[^,]*;\s*rel=\"?next\"?", re.IGNORECASE)  # RFC 8288


def tags(
    reference: Reference,
    job: Job,
    *,
    tls_verify: bool = True,
    hosts: RegistryHosts | None = None,
    patience: Patience | None = None,
    page: int = _PAGE,
) -> Iterator[str]:
    """The tags of a reference's repository in the registry's order, fetched `page` at a time as they are taken.

    What is not in a tag's grammar is left out. Raises NotInRegistry, AccessDenied, RegistryError, ContentError,
    Cancelled.
    """
    hosts = hosts or RegistryHosts.load()
    endpoint = hosts.endpoints(reference, tls_verify=tls_verify)[-1]  # mirrors need not know every tag
    flag = " --tls-verify=false" if endpoint.insecure else ""
    peer = f"skopeo list-tags{flag} docker://{endpoint.name}"
    first = f"{endpoint.repository}/tags/list"
    query = f"n={page}"
    seen: set[str] = set()
    with connect(endpoint, hosts, patience or Patience()) as session:
        while query not in seen:
            seen.add(query)
            ask = Ask(f"{first}?{query}", f"the tags of {endpoint.repository}", ("application/json",), peer=peer)
            raw, headers = session.document(ask, DOCUMENT_LIMIT, job)
            yield from _read(raw, ask.what)
            link = _next(headers, first)
            if link is None:
                return
            query = link
    raise RegistryError(f"{endpoint.host}: the pages of {ask.what} lead in a circle")


def _read(raw: bytes, what: str) -> list[str]:
    try:
        found: list[object] = json.loads(raw)["tags"] or []  # null for none
        if not isinstance(found, list):
            raise TypeError("no list")
        return [tag for tag in found if isinstance(tag, str) and is_tag(tag)]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise ContentError(f"{what} cannot be read", hint="Is that a registry?") from error


def _next(headers: Mapping[str, str], path: str) -> str | None:
    """The query of the next page. It must be one of the same list: a registry sends us nowhere else."""
    match = _NEXT.search(headers.get("Link", ""))
    if match is None:
        return None
    try:
        parts = urlsplit(urljoin(f"/v2/{path}", match[1]))
    except ValueError:
        parts = urlsplit("")
    if parts.path != f"/v2/{path}" or not parts.query.isprintable():
        raise RegistryError(f"the next page of tags is said to be elsewhere: {visible(match[1])[:100]!r}")
    return str(parts.query)
