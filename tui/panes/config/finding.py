"""Where a text stands in lines."""

from __future__ import annotations

from collections.abc import Sequence

Spot = tuple[int, int, int]
"""Line, from, to; all from 0."""

MOST = 10_000


def find(lines: Sequence[str], wanted: str) -> list[Spot]:
    """Every place of a text, at most MOST. A capital letter in it makes that capitals are told from small ones."""
    if not wanted:
        return []
    exact = wanted != wanted.lower()
    found: list[Spot] = []
    for row, line in enumerate(lines):
        looked_at = line if exact else line.lower()
        if len(looked_at) != len(line):  # some letters are two when they are small
            looked_at = line
        start = looked_at.find(wanted)
        while start != -1 and len(found) < MOST:
            found.append((row, start, start + len(wanted)))
            start = looked_at.find(wanted, start + len(wanted))
    return found


def nearest(found: Sequence[Spot], row: int, column: int) -> int:
    """The number of the first place at or after a position; after the last comes the first."""
    return next((number for number, (r, start, _) in enumerate(found) if (r, start) >= (row, column)), 0)
