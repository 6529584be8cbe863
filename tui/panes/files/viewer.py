"""A file's content on the screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.panes.files.content import Content, TextContent
from tui.themes import rich_color
from tui.widgets.lines import Lines

_VARIABLES = {
    "keyword": "json-key",
    "string": "json-string",
    "number": "json-number",
    "comment": "text-muted",
    "name": "json-constant",
}
"""Which of a theme's variables colours what; a theme of the user's own may have none of them."""

_NUMBER = 6


class FileView(Lines, ScrollView, can_focus=True):
    """Shows lines; a filter leaves those that have the words, with their numbers."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"view--line"}

    DEFAULT_CSS = """
    FileView {
        height: 1fr;
        scrollbar-size: 1 1;
        & .view--line { color: $text-muted; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "lines(-1)", "up", show=False, id="view.up"),
        Binding("down,j", "lines(1)", "down", show=False, id="view.down"),
        Binding("left,h", "sideways(-8)", "left", show=False, id="view.left"),
        Binding("right,l", "sideways(8)", "right", show=False, id="view.right"),
        Binding("pageup,ctrl+b", "pages(-1)", "page up", show=False, id="view.page-up"),
        Binding("pagedown,ctrl+f,space", "pages(1)", "page down", show=False, id="view.page-down"),
        Binding("home,g", "start", "first", show=False, id="view.first"),
        Binding("end,G", "finish", "last", show=False, id="view.last"),
    ]

    class Changed(Message):
        """What it shows is another number of lines."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._content: Content = TextContent("", [], 0, True)
        self._seen: list[int] | None = None
        self._filter = ""
        self._colours: dict[str, Style] = {}

    @property
    def content(self) -> Content:
        return self._content

    @property
    def summary(self) -> str:
        """What is shown, in plain words."""
        if self._seen is None:
            return self._content.said
        return f"{self._content.said} · {len(self._seen):,} match"

    @property
    def text(self) -> str:
        """The lines that are shown, of a text."""
        if not isinstance(self._content, TextContent):
            return ""
        lines = self._content.lines
        return "\n".join(lines if self._seen is None else [lines[index] for index in self._seen])

    def show(self, content: Content) -> None:
        """Another file."""
        self._content.close()
        self._content, self._filter, self._seen = content, "", None
        self.scroll_to(0, 0, animate=False, immediate=True)
        self._settle()

    def colour(self, spans: Mapping[int, list[tuple[int, int, str]]]) -> None:
        """What is now known of the parts of the text that is shown."""
        if isinstance(self._content, TextContent):
            self._content.spans = dict(spans)
            self.refresh()

    def set_filter(self, text: str) -> None:
        """Show only lines with `text` (any case); those without, where it begins with `!`. Bytes are all shown."""
        wanted = text.casefold()
        inverse = wanted.startswith("!")
        self._filter = wanted.removeprefix("!")
        if self._filter and isinstance(self._content, TextContent):
            lines = self._content.lines
            self._seen = [n for n, line in enumerate(lines) if (self._filter in line.casefold()) is not inverse]
        else:
            self._seen = None
        self._settle()

    @property
    def _count(self) -> int:
        return self._content.count if self._seen is None else len(self._seen)

    @property
    def _numbers(self) -> int:
        return _NUMBER + 1 if isinstance(self._content, TextContent) else 0

    def _settle(self) -> None:
        self.virtual_size = Size(self._content.width + self._numbers, self._count)
        self.refresh()
        self.post_message(self.Changed())

    def action_lines(self, lines: int) -> None:
        self.scroll_relative(y=lines, animate=False)

    def action_pages(self, pages: int) -> None:
        self.scroll_relative(y=pages * max(1, self.size.height - 1), animate=False)

    def action_sideways(self, columns: int) -> None:
        self.scroll_relative(x=columns, animate=False)

    def action_start(self) -> None:
        self.scroll_to(y=0, animate=False)

    def action_finish(self) -> None:
        self.scroll_to(y=self.max_scroll_y, animate=False)

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self._take_theme())
        self._take_theme()

    def _take_theme(self) -> None:
        variables = self.app.theme_variables
        self._colours = {kind: Style(color=rich_color(variables.get(name, ""))) for kind, name in _VARIABLES.items()}
        self.refresh()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width, base = self.scrollable_content_region.width, self.base
        left, top = self.scroll_offset
        if top + y >= self._count:
            said = " it is empty" if y == 0 and not self._content.count else ""
            return Strip([Segment(said, base)]).adjust_cell_length(width, base)
        index = top + y if self._seen is None else self._seen[top + y]
        text = self._content.line(index)
        if isinstance(self._content, TextContent):
            for start, end, kind in self._content.spans.get(index, ()):
                text.stylize(self._colours.get(kind, ""), start, end)
        if self._filter and self._seen is not None:
            text.highlight_words([self._filter], "reverse", case_sensitive=False)
        head = Text(no_wrap=True, end="")
        if self._numbers:
            head.append(f"{index + 1:>{_NUMBER}} ", self.get_component_rich_style("view--line", partial=True))
        console = self.app.console
        body = Strip(text.render(console)).crop(left, left + max(0, width - self._numbers))
        return Strip.join([Strip(head.render(console)), body]).adjust_cell_length(width, base).apply_style(base)
