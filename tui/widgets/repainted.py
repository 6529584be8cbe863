"""What is painted anew on a screen: neither less than has changed nor what nobody sees."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from textual._compositor import Compositor, CompositorMap
from textual.geometry import Region
from textual.screen import Screen
from textual.strip import Strip

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

    def _get_renders(self, crop: Region | None = None) -> Iterable[tuple[Region, Region, list[Strip]]]:
        """From the front to the back. Textual's draws all that lies below, too, although nothing shines through."""
        for region, clip, strips in super()._get_renders(crop):
            yield region, clip, strips
            if crop is not None and region.intersection(clip).contains_region(crop):
                return


class Repainted(Screen[T]):
    """A screen on which nothing stays that has gone, and nothing is drawn that something lies over."""

    def __init__(self) -> None:
        super().__init__()
        self._compositor = _Thorough()
