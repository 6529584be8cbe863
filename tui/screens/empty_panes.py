"""What is drawn before the workbench is: the empty panes, as one widget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from tui.screens.sizes import LEFT, WIDE

_PANES = (("[1] Images", 2), ("[2] Layers", 2), ("[4] Containers", 3))
"""At the left, from the top down, and how the rows are shared."""

_MAIN = "[3] config"


class EmptyPanes(Widget):
    """The frames of the panes, where they will be."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"empty-panes--name"}

    DEFAULT_CSS = """
    EmptyPanes {
        height: 1fr;
        margin-bottom: 2;
        color: $border-blurred;
        & .empty-panes--name { color: $foreground; text-style: bold; }
    }
    """

    def __init__(self, layout: Mapping[str, object]) -> None:
        """`layout` as it stands in the settings, which nobody has looked at yet."""
        super().__init__()
        wide, left = layout.get("wide"), layout.get("left")
        self._wide, self._left = wide if isinstance(wide, int) else WIDE, left if isinstance(left, int) else LEFT

    def render_line(self, y: int) -> Strip:
        width, height = self.size
        base, name = self.rich_style, self.get_component_rich_style("empty-panes--name")
        if width < self._wide:
            return Strip(_row(y, 0, height, width, _PANES[0][0], base, name))
        left, total = min(self._left, width // 2), sum(share for _, share in _PANES)
        top = shared = 0
        for label, share in _PANES:  # noqa: B007  # the label of the box that the line is in
            shared += share
            end = height * shared // total
            if y < end:
                break
            top = end
        return Strip(
            [*_row(y, top, end, left, label, base, name), *_row(y, 0, height, width - left, _MAIN, base, name)]
        )


def _row(y: int, top: int, end: int, width: int, label: str, base: Style, name: Style) -> list[Segment]:
    """Line `y` of a box from line `top` to before `end`."""
    if y == top:
        return [
            Segment("╭─", base),
            Segment(label[: width - 5], name),
            Segment(" " + "─" * max(0, width - len(label) - 4) + "╮", base),
        ]
    if y == end - 1:
        return [Segment("╰" + "─" * (width - 2) + "╯", base)]
    return [Segment("│" + " " * (width - 2) + "│", base)]
