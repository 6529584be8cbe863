"""What goes while something scrolls is painted over."""

from __future__ import annotations

from typing import TypeVar

from textual._compositor import Compositor, CompositorMap
from textual.screen import Screen

T = TypeVar("T")


class _Thorough(Compositor):
    """Textual's paints what differs between its map of the screen and a new one at the next layout. After a scroll it
    makes that map anew as soon as somebody asks where something is: if a widget has gone and the layout is still to
    come, the layout finds no difference, and the widget stays on the terminal (seen with a short word that never went,
    over a text that was typed in)."""

    @property
    def full_map(self) -> CompositorMap:
        before, stale = self._full_map, self._full_map_invalidated
        found = super().full_map
        if stale and before:
            places = (place for _, place in found.items() ^ before.items())
            self._dirty_regions.update(region for each in places if (region := each.clip.intersection(each.region)))
        return found


class Repainted(Screen[T]):
    """A screen on which nothing stays that has gone."""

    def __init__(self) -> None:
        super().__init__()
        self._compositor = _Thorough()
