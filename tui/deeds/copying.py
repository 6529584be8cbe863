"""Files into a container, and out of a container or an image, by their paths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tui.bench import Bench
from tui.deeds.conditions import damaged
from tui.deeds.deed import Deed, Offer
from tui.panes.files.copying import copy_in, copy_out

if TYPE_CHECKING:
    from engine import ContainerSummary, ImageSummary


async def _into(bench: Bench, offer: Offer[ContainerSummary]) -> None:
    await copy_in(bench, offer.thing)


async def _out_of(bench: Bench, offer: Offer[ContainerSummary]) -> None:
    await copy_out(bench, offer.thing.id, offer.thing.name)


async def _out_of_image(bench: Bench, offer: Offer[ImageSummary]) -> None:
    await copy_out(bench, offer.thing.reference, offer.thing.reference)


CONTAINER_COPYING: Sequence[Deed[ContainerSummary]] = (
    Deed(
        "container.copy-in",
        "c",
        "copy files into it…",
        _into,
        command=lambda c: ("cp", "PATH", f"{c.name}:/"),
        why_not=damaged,
    ),
    Deed(
        "container.copy-out",
        "w",
        "copy files out of it…",
        _out_of,
        command=lambda c: ("cp", f"{c.name}:PATH", "."),
        why_not=damaged,
    ),
)

IMAGE_COPYING: Sequence[Deed[ImageSummary]] = (
    Deed(
        "image.copy-out",
        "w",
        "copy files out of it…",
        _out_of_image,
        command=lambda i: ("cp", f"{i.reference}:PATH", "."),
    ),
)
