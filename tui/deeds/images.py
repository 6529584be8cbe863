"""What can be done to an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from engine import visible
from tui.bench import Bench
from tui.deeds.comparing import IMAGE_COMPARING
from tui.deeds.deed import Deed, Offer, at_tab
from tui.deeds.image_forms import IMAGE_FORMS
from tui.deeds.making import IMAGE_MAKING
from tui.deeds.terminals import IMAGE_TERMINALS

if TYPE_CHECKING:
    from engine import ImageSummary

    _Offer: TypeAlias = Offer[ImageSummary]


def _open(bench: Bench, offer: _Offer) -> None:
    bench.conductor.open(offer.thing.reference)


def _remove(bench: Bench, offer: _Offer) -> None:
    name = offer.thing.reference
    bench.job(f"remove {name}", lambda workbench, job: workbench.untag(name, job), offer.command)


IMAGE_DEEDS: Sequence[Deed[ImageSummary]] = (
    Deed(
        "image.open",
        "enter,e",
        "open its config.json, to change and launch",
        _open,
        command=lambda image: ("config", image.reference),
        changes=False,
        shown=True,
        short="open",
    ),
    *IMAGE_TERMINALS,
    Deed(
        "image.files",
        "f",
        "its files, by layer",
        at_tab("files"),
        command=lambda image: ("files", image.reference),
        changes=False,
        shown=True,
    ),
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
