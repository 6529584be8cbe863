"""New limits for a container that is there: its config.json and where the values come from, and what runc is told."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from engine.errors import UsageError
from engine.host import CgroupMode
from engine.spec.builder import Builder
from engine.spec.defaults import PROFILES
from engine.spec.document import Document
from engine.spec.options import RunOptions
from engine.spec.provenance import Origin, Provenance, leaves
from engine.spec.resources import resources
from engine.spec.words import LIMIT_OPTIONS

_KINDS = ("memory", "cpu", "pids", "blockIO")
"""What `runc update` changes of linux.resources."""

_UNLIMITED = -1


class _Lift(NamedTuple):
    """How one limit is lifted of a container that runs. runc leaves alone what it is told nothing of."""

    gone: tuple[str, ...]
    """What leaves linux.resources for it."""
    told: dict[str, int]
    """What runc is told in its place."""
    file: tuple[str, str] | None = None
    """What it is told with cgroup v2, where the word for "none" differs: a file of the group, and its content."""


_LIFTS = {
    "memory": _Lift(
        ("memory/limit", "memory/swap"), {"memory/limit": _UNLIMITED}
    ),  # runc adds the swap where it counts
    "memory_reservation": _Lift(("memory/reservation",), {"memory/reservation": _UNLIMITED}, ("memory.low", "0")),
    "cpus": _Lift(("cpu/quota", "cpu/period"), {"cpu/quota": _UNLIMITED, "cpu/period": 100_000}),
    "cpu_quota": _Lift(("cpu/quota",), {"cpu/quota": _UNLIMITED}),
    "cpu_period": _Lift(("cpu/period",), {"cpu/period": 100_000}),
    "cpu_shares": _Lift(("cpu/shares",), {"cpu/shares": 1024}, ("cpu.weight", "100")),
}
"""By field of RunOptions. The numbers are the kernel's defaults (sched-bwc.rst, cgroup-v2.rst)."""


def updated(
    text: str, provenance: Provenance, options: RunOptions, cgroups: CgroupMode
) -> tuple[str, Provenance, dict[str, Any]]:
    """The config.json with the limits of `options` in it, where its values come from now, and what runc is to be told
    of a container that runs, with these `cgroups`.

    Limits that the options do not name stay; 0 lifts one, where `run` means by it that there is none. Raises UsageError
    where no limit is named, or they contradict each other or what is there.
    """
    document = Document(text)
    limit = document.get("/linux/resources/memory/limit")
    spec = Builder()
    profile = msgspec.structs.replace(PROFILES["podman"], pids_limit=None)
    resources(spec, options, profile, limit if isinstance(limit, int) and limit > 0 else 0)
    changes, origins = spec.build()
    lifts = [lift for name, lift in _LIFTS.items() if _is_zero(getattr(options, name))]
    if changes.strip() == "{}" and not lifts and options.memory_swap is None:
        raise UsageError("no limit is named", hint="For example: --memory 512m --cpus 1.5; --memory 0 lifts that one.")
    gone = [f"/linux/resources/{below}" for lift in lifts for below in lift.gone]
    document = without(document, gone)
    found: dict[str, Origin] = {pointer: origin for pointer, origin in provenance.items() if pointer not in gone}
    for pointer, value in leaves(json.loads(changes)):
        if pointer in origins:  # it is not where nothing is set
            document = document.set(pointer, value)
            found[pointer] = origins[pointer]
    limits = document.get("/linux/resources")
    told = {kind: limits[kind] for kind in _KINDS if isinstance(limits, dict) and kind in limits}
    for lift in lifts:
        if lift.file is not None and cgroups is CgroupMode.V2:
            told.setdefault("unified", {})[lift.file[0]] = lift.file[1]
            continue
        for below, value in lift.told.items():
            kind, key = below.split("/")
            there = told.get(kind)
            told[kind] = {key: value} | (there if isinstance(there, dict) else {})
    return document.text, Provenance(found), told


def limit_words(options: RunOptions) -> list[str]:
    """The limits of `options` as they are typed: ["--memory=512m", "--pids-limit=-1"]."""
    given = ((name, getattr(options, name[2:].replace("-", "_"))) for name in LIMIT_OPTIONS)
    return [f"{name}={value}" for name, value in given if value is not None]


def without(document: Document, pointers: Iterable[str]) -> Document:
    """The document without these members, where they are there, and without what is empty then."""
    for pointer in pointers:
        if document.has(pointer):
            document = document.remove(pointer)
        above = pointer.rpartition("/")[0]
        if document.get(above) == {}:
            document = document.remove(above)
    return document


def _is_zero(given: str | int | None) -> bool:
    """Whether a limit was given as none: 0, "0", "0m", "0.0"."""
    return given is not None and not re.search("[1-9]", str(given))
