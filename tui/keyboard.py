"""Keys as the terminal sends them: Escape and a character that come at once are two keys, one after the other.

A terminal sends Alt+x as Escape and x; on a slow line, or by quick fingers, Escape and then x come as just that. The
library takes both for Alt+x, which types an x; of Escape and a sign that has a name (`?`) it keeps the sign alone. Here
nothing has a key with Alt, unless somebody sets one, and Escape before a letter is frequent: it ends the writing first.
"""

from __future__ import annotations

from collections.abc import Iterable

from textual import events
from textual._xterm_parser import XTermParser
from textual.drivers import linux_driver


class Keyboard(XTermParser):
    """The library's reader of keys, with that difference."""

    with_alt: frozenset[str] = frozenset()
    """Keys that somebody has set, and which stay one key."""

    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterable[events.Key]:
        found = list(super()._sequence_to_key_events(sequence, alt))
        if not alt and len(sequence) == 2 and sequence[0] == "\x1b":  # one that the library knows, as ESC 3 for £
            alt, sequence = any(event.is_printable for event in found), sequence[1]
        if not alt or not sequence.isprintable() or any(event.key in self.with_alt for event in found):
            yield from found
        else:
            yield events.Key("escape", "\x1b")
            yield from super()._sequence_to_key_events(sequence)


def install(keys: Iterable[str]) -> None:
    """To be called before the terminal is read from; `keys` are those that are set, as Textual writes them."""
    Keyboard.with_alt = frozenset(key for each in keys for key in each.split(",") if "alt+" in key)
    setattr(linux_driver, "XTermParser", Keyboard)  # noqa: B010  # the driver makes its reader itself
