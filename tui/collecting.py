"""Cyclic garbage is collected while nobody types.

The whole heap takes CPython some 100 ms to go through (measured with a config.json of 1,800 lines open), and it does so
whenever enough new objects have been made: in the middle of a key. Here the interpreter looks through young objects by
itself, and through all of them in a pause.

What the library remembers of widgets that are gone it may not: `StylesCache.get_inner_outer` keeps its last 1,024
answers by the object that was asked, and each of those holds all lines that its widget drew (measured: 20 to 60 MB).
"""

from __future__ import annotations

import ctypes
import gc
from functools import lru_cache
from time import monotonic
from typing import Any

from textual._styles_cache import StylesCache

PAUSE = 2.0
"""Seconds without a key after which what was made since is gone through."""

LONG_PAUSE = 10.0
"""Seconds without a key after which everything is."""

_YOUNG, _MIDDLE, _NEVER = 5_000, 10, 1_000_000
_GAP = 0.3
"""Seconds without a key that there have to be in any case."""

_MUCH = 8
"""Collections of the middle generation after which a longer pause is not waited for: it would be too much at once."""

_ENOUGH = 4
"""Collections of the middle generation, each after some 50,000 new objects, that make it worth while."""


class Collecting:
    """Takes over from the interpreter; wants to be told of keys, and asked to `look` about once a second."""

    def __init__(self) -> None:
        gc.disable()  # what comes at the start, stays
        gc.set_threshold(_YOUNG, _MIDDLE, _NEVER)
        _remember_by_colours()
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
        elif gc.get_count()[2] < (_ENOUGH if pause >= PAUSE else _MUCH) or pause < _GAP:
            return
        gc.collect()
        _give_back()
        gc.freeze()  # what is in use now is set aside until the next long pause


def _remember_by_colours() -> None:
    """Have the library remember the answers by what they are made of alone."""
    asked: Any = StylesCache.get_inner_outer.__wrapped__
    remembered = lru_cache(1024)(lambda *colours: asked(None, *colours))  # it does not look at itself
    StylesCache.get_inner_outer = lambda cache, *colours: remembered(*colours)  # type: ignore


def _give_back() -> None:
    """Give the kernel what malloc keeps of freed memory (malloc_trim(3)), where the C library can."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
