"""What can be done to things: a file for each kind of thing, and which of it is on offer now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from textual.binding import BindingType

from tui.deeds.containers import CONTAINER_DEEDS
from tui.deeds.deed import Deed, Offer
from tui.deeds.drafts import DRAFT_DEEDS
from tui.deeds.host import HOST_DEEDS
from tui.deeds.images import IMAGE_DEEDS
from tui.deeds.neighbours import NEIGHBOUR_DEEDS
from tui.deeds.pulls import PULL_DEEDS
from tui.state import State
from tui.subjects import OfContainer, OfDraft, OfHost, OfImage, OfJob, OfNeighbour, OfRevision, Subject
from tui.telling import READ_ONLY

__all__ = [
    "ALL_DEEDS",
    "DEEDS",
    "Deed",
    "Offer",
    "keys_of",
    "offers",
]

DEEDS: dict[type, Sequence[Deed[Any]]] = {
    OfImage: IMAGE_DEEDS,
    OfDraft: DRAFT_DEEDS,
    OfRevision: DRAFT_DEEDS,
    OfContainer: CONTAINER_DEEDS,
    OfNeighbour: NEIGHBOUR_DEEDS,
    OfJob: PULL_DEEDS,
    OfHost: HOST_DEEDS,
}
"""By the kind of subject."""


ALL_DEEDS = {deed.id: deed for deeds in DEEDS.values() for deed in deeds}
"""By id."""


def keys_of(*kinds: type) -> list[BindingType]:
    """The bindings of a pane that lists subjects of these kinds."""
    return [deed.binding for kind in kinds for deed in DEEDS[kind] if deed.key]


def offers(state: State, subject: Subject, command: Callable[..., str]) -> list[Offer[Any]]:
    """What can be done to a thing, in the order of the menu; `command` makes a command line of words."""
    thing = state.find(subject)
    if thing is None:
        return []
    found = []
    for deed in DEEDS[type(subject)]:
        if deed.applies(thing):
            words = deed.command(thing)
            line = command(*words) if words else ""
            why_not = READ_ONLY if deed.changes and state.read_only else deed.why_not(thing)
            keys = state.keys.get(deed.id, deed.key)
            found.append(Offer(deed, subject, thing, line, why_not, deed.question(thing), keys))
    return found
