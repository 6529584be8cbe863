"""Cyclic garbage is collected while nobody types.

The whole heap takes CPython some 100 ms to go through (measured with a config.json of 1,800 lines open), and it does so
whenever enough new objects have been made: in the middle of a key. Here the interpreter looks through young objects by
itself, and through all of them in a pause.
"""

from __future__ import annotations

import gc
from time import monotonic

PAUSE = 2.0
"""Seconds without a key after which what was made since is gone through."""

LONG_PAUSE = 60.0
"""Seconds without a key after which everything is."""

_YOUNG, _MIDDLE, _NEVER = 5_000, 10, 1_000_000
_ENOUGH = 4
"""Collections of the middle generation, each after some 50,000 new objects, that make it worth while."""


class Collecting:
    """Takes over from the interpreter; wants to be told of keys, and asked to `look` about once a second."""

    def __init__(self) -> None:
        gc.disable()  # what comes at the start, stays
        gc.set_threshold(_YOUNG, _MIDDLE, _NEVER)
        self._typed = monotonic()
        self._all_seen = True

    def typed(self) -> None:
        """A key, or the mouse."""
        self._typed = monotonic()
        self._all_seen = False

    def look(self) -> None:
        """Collect if there is something to collect, and nobody would notice."""
        if not gc.isenabled():
            gc.enable()
            gc.freeze()
        pause = monotonic() - self._typed
        if pause > LONG_PAUSE and not self._all_seen:
            self._all_seen = True
            gc.unfreeze()
        elif pause < PAUSE or gc.get_count()[2] < _ENOUGH:
            return
        gc.collect()
        gc.freeze()  # what is in use now is set aside until the next long pause
