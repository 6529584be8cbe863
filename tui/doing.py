"""From a wish to a deed: refuse with the reason, ask where it cannot be undone, then carry it out."""

from __future__ import annotations

import inspect
from typing import Any

from tui.bench import Bench
from tui.deeds import Offer, offers
from tui.subjects import Subject


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
        done = offer.deed.act(self._bench, offer)
        if inspect.isawaitable(done):
            await done
