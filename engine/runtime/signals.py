"""Signals by the names that people write."""

from __future__ import annotations

import signal

from engine.errors import UsageError
from engine.text import visible


def signal_number(name: str) -> int:
    """The number of a signal by name, with or without SIG, or by number. Raises UsageError."""
    word = name.strip().upper()
    if word.isascii() and word.isdigit() and 1 <= int(word) <= signal.SIGRTMAX:
        return int(word)
    plain = word.removeprefix("SIG")
    for base, sign in (("RTMIN+", 1), ("RTMAX-", -1)):  # as kill(1) and image configurations write them
        offset = plain.removeprefix(base)
        if offset != plain and offset.isascii() and offset.isdigit():
            number = (signal.SIGRTMIN if sign > 0 else signal.SIGRTMAX) + sign * int(offset)
            if signal.SIGRTMIN <= number <= signal.SIGRTMAX:
                return int(number)
    try:
        return int(signal.Signals[f"SIG{plain}"])
    except KeyError:
        raise UsageError(f"not a signal: {visible(name)[:40]!r}", hint="Say TERM, SIGTERM or 15.") from None
