"""What can be done to an image on its way, or to what came of it."""

from __future__ import annotations

from collections.abc import Sequence

from tui.bench import Bench
from tui.deeds.deed import Deed, Offer
from tui.progress import Pull


def _look(bench: Bench, offer: Offer[Pull]) -> None:
    bench.look(offer.subject, go="main")


def _cancel(bench: Bench, offer: Offer[Pull]) -> None:
    bench.conductor.cancel(offer.thing.job)


def _forget(bench: Bench, offer: Offer[Pull]) -> None:
    bench.conductor.transfers.forget(offer.thing.job)


PULL_DEEDS: Sequence[Deed[Pull]] = (
    Deed("pull.look", "enter,e", "how far it is", _look, changes=False),
    Deed(
        "pull.cancel",
        "c",
        "cancel",
        _cancel,
        applies=lambda pull: not pull.finished,
        changes=False,
        many=True,
        shown=True,
        everywhere=True,
    ),
    Deed("pull.forget", "D,delete", "off the list", _forget, applies=lambda pull: pull.finished, changes=False),
)
