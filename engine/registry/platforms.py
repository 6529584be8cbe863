"""Which of an index's images runs on a platform (image-spec image-index.md, "platform")."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.errors import NotInRegistry
from engine.oci import INDEX_TYPES, MANIFEST_TYPES, Descriptor, Platform
from engine.text import visible

_PLAIN_VARIANT = {"amd64": "v1", "arm": "v7", "arm64": "v8"}
"""What an architecture without a variant stands for (the same as in containerd's and containers' tables)."""


def select(manifests: Sequence[Descriptor], wanted: Platform, what: str) -> Descriptor:
    """The manifest (or nested index) for `wanted`, with the best variant that runs there.

    Entries that name no platform come last. Raises NotInRegistry listing what is on offer.
    """
    usable = [entry for entry in manifests if entry.media_type in MANIFEST_TYPES | INDEX_TYPES]
    for variant in variants(wanted):
        for entry in usable:
            if entry.platform == Platform(wanted.architecture, wanted.os, variant):
                return entry
    for entry in usable:
        if entry.platform is None:
            return entry
    offered = sorted({str(entry.platform) for entry in usable if entry.platform and entry.platform.os != "unknown"})
    raise NotInRegistry(
        f"{what} is not there for {wanted}",
        hint=f"It is there for {visible(', '.join(offered))[:500]}; choose with --platform." if offered else "",
    )


def variants(wanted: Platform) -> list[str]:
    """The variants that run where `wanted` does, the best first: an arm v7 runs v6, v5 and what names none.

    Without a variant wanted, entries without one are preferred to the architecture's usual one.
    """
    plain = _PLAIN_VARIANT.get(wanted.architecture, "")
    best = wanted.variant or plain
    match = re.fullmatch(r"v([1-9])", best)
    falling = [f"v{number}" for number in range(int(match[1]), 0, -1)] if match else [best]
    return ["", *falling] if not wanted.variant else [*falling, ""]
