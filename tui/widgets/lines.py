"""What is drawn line by line, each on the widget's own style."""

from __future__ import annotations

from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget


class Lines(Widget):
    """A widget with a `render_line`, which finds its own style in `base`."""

    base = Style.null()
    """Finding out asks everything around it, so it is done once for all lines that are drawn together."""

    def render_lines(self, crop: Region) -> list[Strip]:
        self.base = self.rich_style
        return super().render_lines(crop)
