"""The top line: who we are and where at the left, what is going on at the right."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual.widget import Widget

from tui.text import clip


class TitleBar(Widget):
    """Shows plain text that is safe to show. What is going on keeps its place when room is scarce."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"title--name", "title--busy"}

    DEFAULT_CSS = """
    TitleBar {
        height: 1;
        background: $panel;
        color: $foreground;
        & .title--name { color: $accent; text-style: bold; }
        & .title--busy { text-style: bold; }
    }
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name_shown = name
        self.place: tuple[str, ...] = ()
        self._busy = ""

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
        while words and cell_len(" · ".join(words)) > room:
            words.pop()
        line = Text(" ", no_wrap=True, end="")
        line.append(self._name_shown, self.get_component_rich_style("title--name", partial=True))
        line.append("  " + " · ".join(words))
        line.append(" " * max(1, width - line.cell_len - cell_len(busy) - 1))
        line.append(busy, self.get_component_rich_style("title--busy", partial=True))
        return line
