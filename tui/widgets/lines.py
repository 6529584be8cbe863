"""What is drawn line by line, each on the widget's own style."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip

if TYPE_CHECKING:
    from textual.widget import Widget
else:
    # Textual takes the default style from the first base that is a widget alone: that has to be the one that scrolls.
    Widget = object


class Lines(Widget):
    """For a widget with a `render_line`, which finds its own style in `base`."""

    base = Style.null()
    """Finding out asks everything around it, so it is done once for all lines that are drawn together."""

    def render_lines(self, crop: Region) -> list[Strip]:
        self.base = self.rich_style
        return super().render_lines(crop)
