"""A text area whose keys cost the same in a long text as in a short one: what is not in sight is not worked on.

Textual's own colours the whole text anew after each key, measures every line, and looks for the partner of a bracket
letter by letter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.document._document import EditResult, Location
from textual.document._document_navigator import DocumentNavigator
from textual.document._edit import Edit
from textual.document._syntax_aware_document import SyntaxAwareDocument
from textual.document._wrapped_document import WrappedDocument
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widgets import TextArea

if TYPE_CHECKING:
    from tree_sitter import Node

_MARGIN = 40
"""Lines above and below those in sight that are coloured with them."""


class _Unwrapped(WrappedDocument):
    """Lines as they are. The height is asked for each line that is drawn; Textual's counts all lines each time."""

    @property
    def height(self) -> int:
        return len(self._offset_to_line_info)


class QuickTextArea(TextArea):
    """For JSON; without soft wrap."""

    _coloured: range = range(0)
    _edited_row: int | None = None
    """The one line that an edit under way is in."""
    _css_applied = False

    def _set_document(self, text: str, language: str | None) -> None:
        before = getattr(self, "document", None)
        super()._set_document(text, language)
        if isinstance(before, SyntaxAwareDocument):
            # Its tree holds the document that it was read from, in C, where no collector of garbage sees it.
            del before._syntax_tree
        self.wrapped_document = _Unwrapped(self.document, tab_width=self.indent_width)
        self.navigator = DocumentNavigator(self.wrapped_document)

    def edit(self, edit: Edit) -> EditResult:
        within = edit.top[0] == edit.bottom[0] and len(edit.text.splitlines()) < 2 and not edit.text.endswith("\n")
        self._edited_row = edit.top[0] if within else None
        try:
            return super().edit(edit)
        finally:
            self._edited_row = None

    def _build_highlight_map(self) -> None:
        """Called after each edit. What is drawn already is kept where neither text nor colours are others now."""
        row = self._edited_row
        if row is None or row not in self._coloured:
            self._line_cache.clear()
            self._highlights.clear()
            self._coloured = range(0)
            return
        before = dict(self._highlights)
        self._colour(self.scroll_offset.y)
        changed = {row, *(n for n in self._coloured if before.get(n, []) != self._highlights.get(n, []))}
        for key in list(self._line_cache.keys()):
            if key[2] in changed:  # TextArea.render_line: the line is the third of what a drawn line depends on
                self._line_cache.discard(key)

    def render_lines(self, crop: Region) -> list[Strip]:
        # As TextArea's, which works the style sheet out anew each time.
        if not self._css_applied and self._theme is not None:
            self._theme.apply_css(self)
            self._css_applied = True
        return super(TextArea, self).render_lines(crop)

    def notify_style_update(self) -> None:
        self._css_applied = False
        super().notify_style_update()

    def forget_drawn(self) -> None:
        """Draw every line in sight anew: something beside the text has changed."""
        self._line_cache.clear()
        self.refresh()

    def _set_theme(self, theme: str) -> None:
        self._css_applied = False
        super()._set_theme(theme)

    def _render_line(self, y: int) -> Strip:
        line = y + self.scroll_offset.y
        if line not in self._coloured:
            self._colour(line)
        return super()._render_line(y)

    def _colour(self, line: int) -> None:
        """Find the colours of the lines in sight, this one among them."""
        if self._highlight_query is None:
            return
        top = max(0, min(line, self.scroll_offset.y) - _MARGIN)
        bottom = max(line, self.scroll_offset.y + self.size.height) + _MARGIN
        self._coloured = range(top, bottom + 1)
        self._highlights.clear()
        captures = self.document.query_syntax_tree(self._highlight_query, (top, 0), (bottom + 1, 0))
        for name, nodes in captures.items():
            for node in nodes:
                (first, start), (last, end) = node.start_point, node.end_point
                for row in range(max(first, top), min(last, bottom) + 1):
                    span = (start if row == first else 0, end if row == last else None, name)
                    self._highlights[row].append(span)

    def _refresh_size(self) -> None:
        lines = self.document.lines
        if all(map(str.isascii, lines)) and not any("\t" in line for line in lines):
            size = Size(max(map(len, lines), default=0), len(lines))
        else:
            size = self.document.get_size(self.indent_width)
        self.virtual_size = Size(size.width + self.gutter_width + 1, size.height)  # 1: the cursor after a line's end
        self._refresh_scrollbars()

    def find_matching_bracket(self, bracket: str, search_from: Location) -> Location | None:
        """By the syntax tree: brackets within strings are none, and nothing is searched."""
        if bracket not in ("{", "}", "[", "]") or not isinstance(self.document, SyntaxAwareDocument):
            return None
        node = self._node_at(search_from)
        if node is None or node.type != bracket or node.parent is None or not node.parent.children:
            return None
        other = node.parent.children[-1 if bracket in "{[" else 0]
        if other.type != {"{": "}", "[": "]", "}": "{", "]": "["}[bracket]:
            return None
        row, column = other.start_point
        return row, len(self.document[row].encode()[:column].decode("utf-8", "replace"))

    def _node_at(self, location: Location) -> Node | None:
        """The smallest node of the syntax tree at a place."""
        row, column = location
        at = len(self.document[row][:column].encode("utf-8", "surrogateescape"))
        document = self.document
        assert isinstance(document, SyntaxAwareDocument)
        return document._syntax_tree.root_node.descendant_for_point_range((row, at), (row, at + 1))
