"""From a wish to a deed: refuse with the reason, ask where it cannot be undone, then carry it out."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from tui.bench import Bench
from tui.deeds import Offer, offers
from tui.subjects import Subject

MOST_TOLD = 8
"""Things that a question about many names one by one."""


class Doing:
    """Knows what can be done to things, and does it."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def offers(self, subject: Subject) -> list[Offer[Any]]:
        """What can be done to a thing."""
        return offers(self._bench.state, subject, self._bench.desk.command)

    def offer(self, id: str, subject: Subject) -> Offer[Any] | None:
        """One of them."""
        return next((offer for offer in self.offers(subject) if offer.id == id), None)

    async def do(self, id: str, subject: Subject) -> None:
        """Do it, or say why not."""
        offer = self.offer(id, subject)
        if offer is None:
            return
        if offer.why_not:
            self._bench.say(f"Not now: {offer.why_not}")
            return
        if offer.question:
            if not await self._bench.ask(offer.question, command=offer.command, yes=offer.words.capitalize()):
                return
            if self.offer(id, subject) is None:  # it went while somebody was thinking
                return
        await self._act(offer)

    def offers_to_all(self, subjects: Sequence[Subject]) -> list[Offer[Any]]:
        """What can be done to several things at once, each as the offer to the first that it can be done to."""
        found: dict[str, Offer[Any]] = {}
        for subject in subjects:
            for offer in self.offers(subject):
                if offer.deed.many and (offer.id not in found or (found[offer.id].why_not and not offer.why_not)):
                    found[offer.id] = offer
        return list(found.values())

    async def do_to_all(self, id: str, subjects: Sequence[Subject]) -> None:
        """Do it to all of them that it can be done to, with one question."""
        found = [offer for subject in subjects if (offer := self.offer(id, subject)) is not None]
        if not found:
            return
        if not found[0].deed.many:
            self._bench.say(f"“{found[0].words}” is done to one thing at a time. esc takes the marks away.")
            return
        can, cannot = [offer for offer in found if not offer.why_not], [offer for offer in found if offer.why_not]
        if not can:
            self._bench.say(f"Not now: {cannot[0].why_not}")
            return
        if any(offer.question for offer in can):
            left_out = [f"Not {self._name(offer)}: {offer.why_not}" for offer in cannot]
            told = [offer.question for offer in can if offer.question][:MOST_TOLD]
            told += [f"and {len(can) - MOST_TOLD} more"] * (len(can) > MOST_TOLD) + left_out[:MOST_TOLD]
            words = f"{can[0].words.capitalize()} {len(can)} {can[0].deed.plural}?"
            question = words if len(can) > 1 else can[0].question
            if not await self._bench.ask(question, detail="\n".join(told), yes=can[0].words.capitalize()):
                return
        for offer in can:
            now = self.offer(id, offer.subject)
            if now is not None and not now.why_not:
                await self._act(now)

    def _name(self, offer: Offer[Any]) -> str:
        return self._bench.state.title(offer.subject)

    async def _act(self, offer: Offer[Any]) -> None:
        done = offer.deed.act(self._bench, offer)
        if inspect.isawaitable(done):
            await done
