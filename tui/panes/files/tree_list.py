"""The tree of files on the screen: however many there are, only the rows in sight are drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from engine import FileEntry, visible
from tui.panes.files.drawing import Styles, line
from tui.panes.files.filtering import parse
from tui.panes.files.model import FileTree
from tui.panes.files.sources import Listed, Source
from tui.widgets.cursor_list import CursorList

if TYPE_CHECKING:
    from engine import Owners

MOST_OPEN = 200_000
"""Rows that may be opened at once."""


_KEPT = 500
"""Lines that are kept as they were drawn."""

FEW = 100
"""Rows that are all shown at once where there is nothing but changes."""


class TreeList(CursorList):
    """Directories open in place; the cursor stays on its path while the files below it become others."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"tree--added", "tree--changed", "tree--removed", "tree--muted"}

    DEFAULT_CSS = """
    TreeList {
        & .tree--added { color: $text-success; }
        & .tree--changed { color: $text-warning; }
        & .tree--removed { color: $text-error; }
        & .tree--muted { color: $text-muted; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l", "into", "into it", show=False, id="files.into"),
        Binding("left,h", "out", "out of it", show=False, id="files.out"),
        Binding("asterisk", "open_all", "open all", show=False, id="files.open-all"),
        Binding("Z", "close_all", "close all", show=False, id="files.close-all"),
        Binding("o", "order", "order", id="files.order"),
    ]

    class Chosen(Message):
        """Enter, or a click on it, on something that is no directory."""

        def __init__(self, tree: TreeList, entry: FileEntry) -> None:
            super().__init__()
            self.tree = tree
            self.entry = entry

    class Reordered(Message):
        """The order is another one, or the filter."""

    def __init__(self, *, empty: str = "", id: str | None = None, moved: Callable[[], None] | None = None) -> None:
        """`moved` is called when another path is under the cursor: at once, so that all is drawn together."""
        super().__init__(empty=empty, id=id)
        self._moved = moved or (lambda: None)
        self._tree = FileTree(Listed([]))
        self._path: str | None = None
        self._marks: Callable[[FileEntry], bool] = lambda entry: True
        self._strips: dict[tuple[int, int, bool, bool], Strip] = {}
        self._styles: Styles | None = None
        self.owners: Owners | None = None
        """Whose names the numbers are, where that is known."""

    @property
    def path(self) -> str | None:
        """The path under the cursor."""
        return self._path

    @property
    def entry(self) -> FileEntry | None:
        """What is under the cursor."""
        return self._tree.source.entry(self._path) if self._path is not None else None

    @property
    def tree_model(self) -> FileTree:
        return self._tree

    @property
    def source(self) -> Source:
        return self._tree.source

    @property
    def count(self) -> int:
        return len(self._tree.rows)

    @property
    def nothing(self) -> str:
        filter = self._tree.filter
        return f"nothing matches {visible(filter.said)}" if filter else self._empty

    def show(self, source: Source, *, marks: Callable[[FileEntry], bool] = lambda entry: True) -> None:
        """Show these files from now on; `marks` tells for which of them what was changed is shown."""
        self._marks = marks
        self._tree.show(source)
        self._keep_cursor()

    def begin(self, source: Source) -> None:
        """Show these files, all closed, from the top: they are another thing's."""
        self._tree, self._path, self._cursor = FileTree(source), None, 0
        self._keep_cursor()

    def set_filter(self, text: str) -> None:
        """Show only what matches."""
        self._tree.filter_with(parse(text))
        self._keep_cursor()
        if self._tree.filter:
            self.go(self._tree.first_match)
        self.post_message(self.Reordered())

    def move_to(self, path: str) -> bool:
        """Put the cursor on a path, its directories opened; False if it is not there."""
        index = self._tree.find(path)
        if index is None:
            return False
        self.settle()
        self.go(index)
        return True

    def _keep_cursor(self) -> None:
        """The path stays under the cursor; where it has gone, what took its place, or the nearest above it."""
        path = self._path
        rows = {row.path: index for index, row in enumerate(self._tree.rows)} if path is not None else {}
        while path and path not in rows:
            path = path.rpartition("/")[0]
        if path:
            self._cursor = rows[path]
        self.settle()

    def settle(self) -> None:
        self._strips.clear()
        super().settle()

    def notify_style_update(self) -> None:
        self._strips.clear()
        self._styles = None
        super().notify_style_update()

    def render_line(self, y: int) -> Strip:
        # A key moves the cursor by a line: all but one or two lines are as they were.
        index = y + self.scroll_offset.y
        key = (index, self.scrollable_content_region.width, index == self._cursor, self.has_focus)
        if (strip := self._strips.get(key)) is None:
            if len(self._strips) > _KEPT:
                self._strips.clear()
            strip = self._strips[key] = super().render_line(y)
        return strip

    def draw(self, index: int, width: int) -> Text:
        row = self._tree.rows[index]
        entry = self._tree.source.entry(row.path)
        return line(
            row,
            entry,
            self._tree.source.size(row.path),
            width,
            self.styles_of_lines,
            opened=self._tree.is_open(row.path),
            marks=entry is not None and self._marks(entry),
            mark=self.mark(row.path),
            owner=self.owners.of(entry) if self.owners is not None and entry is not None else "",
        )

    def mark(self, path: str) -> str:
        """What stands in front of a line."""
        return ""

    @property
    def styles_of_lines(self) -> Styles:
        """What lines are coloured with in this theme."""

        def style(name: str) -> Style:
            return self.get_component_rich_style(f"tree--{name}", partial=True)

        if self._styles is None:
            self._styles = Styles(style("added"), style("changed"), style("removed"), style("muted"))
        return self._styles

    def tell_moved(self) -> None:
        path = self._tree.rows[self._cursor].path if self._tree.rows else None
        if path != self._path:
            self._path = path
            self._moved()

    def action_choose(self) -> None:
        if not self._tree.rows:
            return
        row = self._tree.rows[self._cursor]
        if row.directory:
            self._turn()
        elif (entry := self.entry) is not None:
            self.post_message(self.Chosen(self, entry))

    def _turn(self) -> None:
        if not self._tree.open(self._cursor):
            self._tree.close(self._cursor)
        self.settle()

    def action_into(self) -> None:
        if not self._tree.rows:
            return
        if self._tree.open(self._cursor):
            self.settle()
        elif self._tree.rows[self._cursor].directory:
            self.go(self._cursor + 1)
        else:
            self.action_choose()

    def action_out(self) -> None:
        if not self._tree.rows:
            return
        if self._tree.close(self._cursor):
            self.settle()
        else:
            self.go(self._tree.parent(self._cursor))

    def action_open_all(self) -> None:
        if self._tree.open_all(MOST_OPEN):
            self._keep_cursor()

    def open_few(self) -> None:
        """Open every directory where that makes few rows: what there is to see is seen at once."""
        if self._tree.open_all(FEW):
            self._keep_cursor()

    def action_close_all(self) -> None:
        self._tree.close_all()
        self._keep_cursor()

    def action_order(self) -> None:
        self._tree.next_order()
        self._keep_cursor()
        self.post_message(self.Reordered())
