"""The top line: who we are and where at the left, what is going on at the right."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.message import Message
from textual.widget import Widget

from tui.text import clip, clip_start


class TitleBar(Widget):
    """Shows plain text that is safe to show. What is going on keeps its place when room is scarce."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"title--name", "title--busy", "title--crumbs"}

    DEFAULT_CSS = """
    TitleBar {
        height: 1;
        background: $panel;
        color: $foreground;
        & .title--name { color: $accent; text-style: bold; }
        & .title--crumbs { color: $accent; }
        & .title--busy { text-style: bold; }
    }
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name_shown = name
        self.place: tuple[str, ...] = ()
        self._busy = ""
        self._crumbs: tuple[str, ...] = ()

    class Picked(Message):
        """What is going on was clicked."""

    def show_crumbs(self, *words: str) -> None:
        """The way to what is looked at, from the widest on."""
        if words != self._crumbs:
            self._crumbs = words
            self.refresh()

    def on_click(self, event: events.Click) -> None:
        if event.x >= self.size.width - cell_len(self._busy) - 2:
            self.post_message(self.Picked())

    def show_place(self, *words: str) -> None:
        """Facts about where we are, the most telling first: the last are left out where there is no room."""
        self.place = words
        self.refresh()

    def show_busy(self, text: str) -> None:
        if text != self._busy:
            self._busy = text
            self.refresh()

    def render(self) -> Text:
        width = self.size.width
        busy = clip(self._busy, max(0, width - cell_len(self._name_shown) - 4))
        words = list(self.place)
        room = width - cell_len(self._name_shown) - cell_len(busy) - 6
        # The way is worth more than the host's last facts, and its end more than its beginning.
        crumbs = " › ".join(self._crumbs)
        crumbs = clip_start(crumbs, max(0, min(room - 16, 60))) if room > 36 else ""
        room -= cell_len(crumbs) + 3 if crumbs else 0
        while words and cell_len(" · ".join(words)) > room:
            words.pop()
        line = Text(" ", no_wrap=True, end="")
        line.append(self._name_shown, self.get_component_rich_style("title--name", partial=True))
        line.append("  " + " · ".join(words))
        if crumbs:
            line.append("   ").append(crumbs, self.get_component_rich_style("title--crumbs", partial=True))
        line.append(" " * max(1, width - line.cell_len - cell_len(busy) - 1))
        line.append(busy, self.get_component_rich_style("title--busy", partial=True))
        return line
