"""Which pane somebody is in, and which are in sight: all of them beside one another, or one alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from textual.screen import Screen
from textual.widget import Widget

from tui.places.main_area import MainArea
from tui.screens import edges
from tui.screens.sizes import LEFT, SHORT, WIDE
from tui.widgets.frame import Frame


class Arrangement:
    """Holds the place; shows and hides panes, and writes their upper edges."""

    def __init__(
        self,
        screen: Screen[None],
        left: Widget,
        frames: dict[str, Frame],
        counts: Callable[[], tuple[int, int]],
        layout: Mapping[str, int | str],
    ) -> None:
        """`left` holds all panes but the main area; `counts` says how many images and containers there are; `layout`
        is what `tui.settings.LAYOUT` tells of."""
        self._wide, self._left_columns = int(layout.get("wide", WIDE)), int(layout.get("left", LEFT))
        self._screen, self._left, self.frames, self._counts = screen, left, frames, counts
        self.place = "images"
        self._went = 0  # for which key (`State.asked`)
        self.zoomed = False
        self.layers_of: list[str] = []
        """Whose layers are shown, for the pane's edge; in full and shorter."""

    @property
    def narrow(self) -> bool:
        """Whether one pane is shown at a time."""
        return self._screen.size.width < self._wide or self.zoomed

    @property
    def here(self) -> Frame:
        """The pane somebody is in."""
        return self.frames[self.place]

    def apply(self) -> None:
        """Show what is to be seen at this size and in this place."""
        self._screen.set_class(self.narrow, "narrow")
        self._screen.set_class(self._screen.size.height < SHORT, "short")
        for name, frame in self.frames.items():
            frame.display = not self.narrow or name == self.place
        self._left.display = not self.narrow or self.place != "main"
        self._left.styles.width = "1fr" if self.narrow else min(self._left_columns, self._screen.size.width // 2)
        self.show_edges()

    def show_edges(self) -> None:
        """Number and name on every pane; where one is shown at a time, the way to the others as well."""
        area = self.frames["main"]
        assert isinstance(area, MainArea)
        contexts = {"layers": self.layers_of, "main": area.context}
        everything = edges.wide(*self._counts(), area.tab)
        for name, frame in self.frames.items():
            width = self._screen.size.width
            tabs = edges.narrow(width, name, *self._counts(), area.tab) if self.narrow else everything[name]
            frame.edge.show(tabs, contexts.get(name, []))

    def follow_focus(self, asked: int) -> None:
        """The pane that has the focus is the place; where somebody clicked into another, he went there."""
        for name, frame in self.frames.items():
            if frame.has_focus_within and name != self.place:
                self.place, self._went = name, max(asked, self._went)
        self.apply()

    def go(self, pane: str, asked: int) -> bool:
        """Be in a pane, for the key of this number (`State.asked`). False where a later one has led elsewhere since."""
        if asked < self._went:
            return False
        self.place, self._went = pane, asked
        self.apply()
        self.here.take_focus()
        return True

    def next(self, panes: int) -> str:
        """The pane so many panes on, round and round."""
        names = list(self.frames)
        return names[(names.index(self.place) + panes) % len(names)]

    def zoom(self, closer: bool) -> None:
        """One pane alone, or all."""
        self.zoomed = closer
        self.apply()
