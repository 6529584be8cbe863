"""Progress drawn with characters."""

from __future__ import annotations

from collections.abc import Sequence

_LEVELS = "▁▂▃▄▅▆▇█"


def bar(fraction: float, width: int) -> str:
    """A bar of `width` cells, filled as far as `fraction` (0 to 1) says; full only when it is whole."""
    fraction = max(0.0, min(1.0, fraction))
    done = int(fraction * width)
    return "▰" * done + "▱" * (width - done)


def percent(fraction: float) -> str:
    """Four cells: ` 64%`; 100% only when it is whole."""
    return f"{int(max(0.0, min(1.0, fraction)) * 100):3d}%"


def spark(values: Sequence[float], width: int) -> str:
    """The newest `width` of some values (0 to 1) as a curve, the newest at the right."""
    shown = values[-width:] if width > 0 else []
    return "".join(_LEVELS[max(0, min(7, int(value * 8)))] for value in shown).rjust(width)
