"""Progress drawn with characters."""

from __future__ import annotations


def bar(fraction: float, width: int) -> str:
    """A bar of `width` cells, filled as far as `fraction` (0 to 1) says; full only when it is whole."""
    fraction = max(0.0, min(1.0, fraction))
    done = int(fraction * width)
    return "▰" * done + "▱" * (width - done)


def percent(fraction: float) -> str:
    """Four cells: ` 64%`; 100% only when it is whole."""
    return f"{int(max(0.0, min(1.0, fraction)) * 100):3d}%"
