"""A JSON text with a letter in front of each line that says who decided it, and with problems underlined."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widgets import TextArea
from textual.widgets.text_area import TextAreaTheme

MARK_WIDTH = 2

HIGHLIGHTS = """
(pair key: (string) @key)
(pair value: (string) @string)
(array (string) @string)
(number) @number
[(true) (false) (null)] @constant
"""
"""What is coloured. The whole text is searched after each key, so brackets and commas are left alone."""


class ConfigEditor(TextArea):
    """Reading: keys move. Writing: keys type; Escape goes back to reading."""

    DEFAULT_CSS = """
    ConfigEditor {
        border: none;
        padding: 0;
        background: $surface;
        scrollbar-size: 0 1;
        &:focus { border: none; }
        & .text-area--gutter { color: $text-muted; }
        & .text-area--cursor-gutter { color: $foreground; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "stop writing", id="editor.leave"),
        Binding("k", "cursor_up", "up", show=False, id="editor.up"),
        Binding("j", "cursor_down", "down", show=False, id="editor.down"),
        Binding("h", "cursor_left", "left", show=False, id="editor.left"),
        Binding("l", "cursor_right", "right", show=False, id="editor.right"),
        Binding("g", "cursor_top", "top", show=False, id="editor.top"),
        Binding("G", "cursor_bottom", "bottom", show=False, id="editor.bottom"),
    ]

    class Left(Message):
        """Escape while writing."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("", read_only=True, show_line_numbers=True, soft_wrap=False, tab_behavior="indent", id=id)
        self.indent_width = 2
        self._marks: Mapping[int, tuple[str, Style]] = {}
        self._wrong: frozenset[int] = frozenset()

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self._take_theme())
        self._take_theme()

    def _take_theme(self) -> None:
        variables = self.app.theme_variables

        def style(name: str, **more: bool) -> Style:
            return Style(color=_rich_color(variables.get(name, "")), **more)  # type: ignore[arg-type]

        name = f"config-{self.app.theme}"
        theme = TextAreaTheme(
            name=name,
            syntax_styles={
                "key": style("json-key", bold=True),
                "string": style("json-string"),
                "number": style("json-number"),
                "constant": style("json-constant"),
            },
        )
        self.register_theme(theme)
        self.theme = name

    def show(self, text: str, *, writing: bool) -> None:
        """Another text."""
        if self.language is None:  # the grammar is loaded with the first text, not with the program
            import tree_sitter_json
            from tree_sitter import Language

            self.register_language("json", Language(tree_sitter_json.language()), HIGHLIGHTS)
            self.language = "json"
        self._marks, self._wrong = {}, frozenset()
        self.load_text(text)
        self.read_only = not writing

    def mark(self, marks: Mapping[int, tuple[str, Style]], wrong: frozenset[int]) -> None:
        """Letters by line (from 0) with their colours, and the lines with problems."""
        self._marks, self._wrong = marks, wrong
        self.notify_style_update()  # forgets the lines that are drawn already
        self.refresh()

    @property
    def gutter_width(self) -> int:
        return super().gutter_width + MARK_WIDTH

    def get_line(self, line_index: int) -> Text:
        text = super().get_line(line_index)
        if line_index in self._wrong:
            start = len(text.plain) - len(text.plain.lstrip())
            text.stylize(Style(underline=True), start, len(text.plain.rstrip()))
        return text

    def render_line(self, y: int) -> Strip:
        strip = super().render_line(y)
        line = y + self.scroll_offset.y
        if line >= self.document.line_count:
            return strip
        letter, style = self._marks.get(line, (" ", Style()))
        inside = next(iter(strip)).style or Style() if strip.cell_length else Style()
        mark = Strip([Segment(f"{letter:<{MARK_WIDTH}}", inside + Style(bold=False) + style)], MARK_WIDTH)
        return Strip.join([mark, strip.crop(MARK_WIDTH)])

    async def _on_key(self, event: events.Key) -> None:
        if self.check_consume_key(event.key, event.character):
            return  # it is typed: TextArea's own handler is called after this one
        # Textual runs a binding when the key has bubbled up to the application; letters typed meanwhile would be in the
        # text before it. Here every key takes effect in its turn.
        for binding in self._bindings.key_to_bindings.get(event.key, ()):
            if await self.app.run_action(binding.action, default_namespace=self):
                event.stop()
                event.prevent_default()
                return

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return not self.read_only if action == "leave" else True

    def action_leave(self) -> None:
        self.read_only = True
        self.post_message(self.Left())

    def action_cursor_top(self) -> None:
        self.move_cursor((0, 0))

    def action_cursor_bottom(self) -> None:
        self.move_cursor(self.document.end)


def _rich_color(name: str) -> str | None:
    """A CSS colour of a theme as Rich writes it."""
    from textual.color import Color, ColorParseError

    try:
        return Color.parse(name).rich_color.name
    except ColorParseError:
        return None
