"""What can be done to an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from engine import visible
from tui.bench import Bench
from tui.deeds.comparing import IMAGE_COMPARING
from tui.deeds.copying import IMAGE_COPYING
from tui.deeds.deed import Deed, Offer, at_tab
from tui.deeds.image_forms import IMAGE_FORMS
from tui.deeds.making import IMAGE_MAKING
from tui.deeds.terminals import IMAGE_TERMINALS
from tui.deeds.with_options import IMAGE_WITH_OPTIONS

if TYPE_CHECKING:
    from engine import ImageSummary

    _Offer: TypeAlias = Offer[ImageSummary]


def _open(bench: Bench, offer: _Offer) -> None:
    bench.conductor.drafts.open(offer.thing.reference)


def _edit(bench: Bench, offer: _Offer) -> None:
    bench.conductor.drafts.open(offer.thing.reference, typing=True)


async def _tour(bench: Bench, offer: _Offer) -> None:
    from tui.sheets.tour import TourScreen  # seldom wanted

    await bench.put(TourScreen(bench, offer.thing.reference))


async def _remove(bench: Bench, offer: _Offer) -> None:
    image, state, line = offer.thing, bench.state, offer.command
    name = image.reference
    users = [container.name for container in state.containers.values() if container.image == name]
    last = not any(other.digest == image.digest and other.reference != name for other in state.images)
    if users and last:
        line = bench.desk.command("rmi", "--force", name)
        question = f"{visible(', '.join(users[:8]))} stands on it. Take its name away all the same?"
        if not await bench.ask(question, detail="The layers stay with the container.", command=line, yes="Remove"):
            return
    force = bool(users) and last
    bench.job(f"remove {name}", lambda workbench, job: workbench.untag(name, job, force=force), line)


IMAGE_DEEDS: Sequence[Deed[ImageSummary]] = (
    Deed(
        "image.open",
        "enter",
        "open its config.json, to look at and launch",
        _open,
        command=lambda image: ("config", image.reference),
        changes=False,
        shown=True,
        short="open",
    ),
    Deed(
        "image.edit",
        "e",
        "write in its config.json",
        _edit,
        command=lambda image: ("config", image.reference),
        changes=False,
        shown=True,
        short="edit",
    ),
    *IMAGE_WITH_OPTIONS,
    *IMAGE_TERMINALS,
    Deed(
        "image.files",
        "f",
        "its files, by layer",
        at_tab("files"),
        command=lambda image: ("files", image.reference),
        changes=False,
        shown=True,
        short="files",
    ),
    *IMAGE_COPYING,
    *IMAGE_MAKING,
    *IMAGE_COMPARING,
    Deed(
        "image.trace",
        "T",
        "what was done to bring it here",
        at_tab("trace"),
        command=lambda image: ("trace", image.reference),
        changes=False,
        everywhere=True,
    ),
    Deed("image.tour", "", "the tour on it", _tour, command=lambda image: ("tour", image.reference)),
    *IMAGE_FORMS,
    Deed(
        "image.remove",
        "D,delete",
        "remove",
        _remove,
        command=lambda image: ("rmi", image.reference),
        question=lambda image: f"Remove the image {visible(image.reference)}?",
        many=True,
    ),
)
