"""What the workbench can be looking at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class OfImage:
    """An image of the store."""

    reference: str


@dataclass(frozen=True, slots=True)
class OfDraft:
    """A container that is not there yet, being made from an image."""

    reference: str


@dataclass(frozen=True, slots=True)
class OfContainer:
    """A container, by its id."""

    id: str


@dataclass(frozen=True, slots=True)
class OfRevision(OfContainer):
    """A container whose config.json is being changed for its next start; everything else of it is as it is."""


@dataclass(frozen=True, slots=True)
class OfNeighbour:
    """A container of another engine, by what `adopt` is told: `podman:NAME`."""

    what: str


@dataclass(frozen=True, slots=True)
class OfJob:
    """An image on its way, here or to a registry, by the job that brings it."""

    job: str


@dataclass(frozen=True, slots=True)
class OfHost:
    """This host and its store: what is asked for when nothing particular is."""


Subject: TypeAlias = OfImage | OfDraft | OfContainer | OfNeighbour | OfJob | OfHost | None
