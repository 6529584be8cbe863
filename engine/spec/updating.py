"""New limits for a container that is there: its config.json and where the values come from, and what runc is told."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from engine.errors import UsageError
from engine.spec.builder import Builder
from engine.spec.defaults import PROFILES
from engine.spec.document import Document
from engine.spec.options import RunOptions
from engine.spec.provenance import Origin, Provenance, leaves
from engine.spec.resources import resources

_KINDS = ("memory", "cpu", "pids", "blockIO")
"""What `runc update` changes of linux.resources."""


def updated(text: str, provenance: Provenance, options: RunOptions) -> tuple[str, Provenance, dict[str, Any]]:
    """The config.json with the limits of `options` in it, where its values come from now, and all its limits.

    Those that the options do not name stay. Raises UsageError where there are none, or they contradict each other.
    """
    spec = Builder()
    resources(spec, options, msgspec.structs.replace(PROFILES["podman"], pids_limit=None))
    changes, origins = spec.build()
    if changes.strip() == "{}":
        raise UsageError("no limit is named", hint="For example: --memory 512m --cpus 1.5")
    document = Document(text)
    found: dict[str, Origin] = dict(provenance)
    for pointer, value in leaves(json.loads(changes)):
        document = document.set(pointer, value)
        found[pointer] = origins[pointer]
    limits = document.get("/linux/resources")
    kept = {kind: limits[kind] for kind in _KINDS if isinstance(limits, dict) and kind in limits}
    return document.text, Provenance(found), kept
