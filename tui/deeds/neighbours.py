"""What can be done to a container of another engine: nothing but to take its config.json."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tui.bench import Bench
from tui.deeds.adopting import adopt_this
from tui.deeds.deed import Deed, Offer
from tui.subjects import OfNeighbour

if TYPE_CHECKING:
    from engine import Neighbour


async def _adopt(bench: Bench, offer: Offer[Neighbour]) -> None:
    if isinstance(offer.subject, OfNeighbour):
        await adopt_this(bench, offer.subject.what)


NEIGHBOUR_DEEDS: Sequence[Deed[Neighbour]] = (
    Deed(
        "neighbour.adopt",
        "a",
        "adopt it: a container of ours by its config.json",
        _adopt,
        command=lambda other: ("adopt", f"{other.engine}:{other.name or other.id}"),
        why_not=lambda other: other.why_not,
        shown=True,
        short="adopt",
    ),
)
