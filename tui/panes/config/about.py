"""The lines below a config.json: what is known of the value under the cursor."""

from __future__ import annotations

from collections.abc import Callable

from rich.text import Text
from textual.widget import Widget

from tui.panes.config.describe import fitted
from tui.themes import rich_color


class About(Widget):
    """As many sentences as there is room for, in the theme's colours."""

    def __init__(self, tell: Callable[[str, str], list[Text]]) -> None:
        """`tell` makes them, of the styles for an error and a warning."""
        super().__init__(id="about")
        self._tell = tell
        self._drawn: list[Text] | None = None

    def look(self) -> None:
        """Draw anew if something else is to be said. This comes between two keys: what is the same is left alone."""
        if self._sentences() != self._drawn:
            self.refresh()

    def render(self) -> Text:
        self._drawn = self._sentences()
        return fitted([line.copy() for line in self._drawn], *self.content_size)

    def _sentences(self) -> list[Text]:
        variables = self.app.theme_variables
        return self._tell(rich_color(variables["error"]) or "", rich_color(variables["warning"]) or "")
