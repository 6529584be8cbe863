"""Two images or containers beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from tui.bench import Bench
from tui.deeds.conditions import damaged
from tui.deeds.deed import Deed, Offer
from tui.dialogs.pick import Pick

if TYPE_CHECKING:
    from engine import ContainerSummary, ImageSummary

    _Offer: TypeAlias = Offer[ImageSummary] | Offer[ContainerSummary]


async def _compare(bench: Bench, name: str, shown: str, image: str) -> None:
    # Imported when it is wanted: the list of what can be done is not to wait for it.
    from tui.sheets.comparison import ComparisonSheet
    from tui.sheets.differences import Side, compare

    one, state = Side(name, shown, image), bench.state
    sides = [Side(image.reference, image.reference, image.reference) for image in state.images]
    sides += [Side(c.id, c.name, c.image) for c in state.containers.values()]
    others = {side.name: side for side in sides if side.name != one.name}
    key = await bench.put(Pick(f"Compare {one.shown} with", [(name, side.shown) for name, side in others.items()]))
    if key is None:
        return
    other = others[key]
    compared = await bench.result(
        f"compare {one.shown} with {other.shown}",
        lambda workbench, job: compare(workbench, one, other, job),
        bench.desk.command("diff", one.shown, other.shown),
    )
    if compared is not None:
        await bench.put(ComparisonSheet(bench, one, other, compared))


async def _image(bench: Bench, offer: Offer[ImageSummary]) -> None:
    name = offer.thing.reference
    await _compare(bench, name, name, name)


async def _container(bench: Bench, offer: Offer[ContainerSummary]) -> None:
    container = offer.thing
    await _compare(bench, container.id, container.name, container.image)


IMAGE_COMPARING: Sequence[Deed[ImageSummary]] = (
    Deed(
        "image.compare",
        "=",
        "compare it with another, side by side",
        _image,
        command=lambda image: ("diff", image.reference, "OTHER"),
        changes=False,
    ),
)

CONTAINER_COMPARING: Sequence[Deed[ContainerSummary]] = (
    Deed(
        "container.compare",
        "=",
        "compare its files with another's",
        _container,
        command=lambda container: ("diff", container.name, "OTHER"),
        why_not=damaged,
        changes=False,
    ),
)
