"""From the engine's threads to the screen's loop: events queued, thinned out, and delivered thirty times a second.

Only the newest progress of a layer is kept; changes of state are never dropped.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable

from engine import Event, LayerProgress

PERIOD = 1 / 30
"""Seconds between two deliveries at most."""


class Bridge:
    """`sink` takes events in any thread; `deliver` gets them in batches in the loop's own thread.

    Nothing runs while nothing happens: a delivery is arranged by the first event that waits for it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, deliver: Callable[[list[Event]], None]) -> None:
        self._loop = loop
        self._deliver = deliver
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._waiting: dict[object, Event] = {}
        self._arranged = False
        self._closed = False

    def sink(self, event: Event) -> None:
        """Take an event; called by the engine from any thread, never blocks."""
        with self._lock:
            if self._closed:
                return
            match event:
                case LayerProgress():
                    self._waiting[(event.job, event.number)] = event
                case _:
                    self._waiting[next(self._numbers)] = event
            if self._arranged:
                return
            self._arranged = True
        try:
            self._loop.call_soon_threadsafe(self._arrange)
        except RuntimeError:  # the loop has ended: nobody looks any more
            self.close()

    def close(self) -> None:
        """Let every later event fall on the floor."""
        with self._lock:
            self._closed = True
            self._waiting.clear()

    def _arrange(self) -> None:
        self._loop.call_later(PERIOD, self._drain)

    def _drain(self) -> None:
        with self._lock:
            self._arranged = False
            events, self._waiting = list(self._waiting.values()), {}
            closed = self._closed
        if closed:
            return
        self._deliver(events)
