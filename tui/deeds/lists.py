"""Lists of what belongs to no single thing on the screen: named volumes, and what all containers use."""

from __future__ import annotations

from tui.bench import Bench
from tui.deeds.deed import Offer
from tui.state import State
from tui.subjects import OfContainer


async def show_volumes(bench: Bench, offer: Offer[State]) -> None:
    """Each with its directory and who binds it; one can be removed there."""
    from tui.sheets.volumes import VolumesSheet  # seldom wanted

    bench.show_command(offer.command)
    await bench.put(VolumesSheet(bench))


async def show_stats(bench: Bench, offer: Offer[State]) -> None:
    """All that run beside one another; on to one of them."""
    from tui.sheets.stats import StatsSheet  # seldom wanted

    bench.show_command(offer.command)
    if (id := await bench.put(StatsSheet(bench))) is not None:
        bench.look(OfContainer(id), go="stats")
