"""A JSON text with a letter in front of each line that says who decided it, and with problems underlined."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widgets.text_area import Selection, TextAreaTheme

from tui.panes.config.quick_text import QuickTextArea
from tui.panes.config.typing_help import Typed, is_empty_pair, new_line, typed
from tui.themes import rich_color

if TYPE_CHECKING:
    from engine import Choice, Completion

MARK_WIDTH = 2

HIGHLIGHTS = """
(pair key: (string) @key)
(pair value: (string) @string)
(array (string) @string)
(number) @number
[(true) (false) (null)] @constant
"""
"""What is coloured. Brackets and commas are left alone."""

NOT_OURS = ("ctrl+d", "f6", "f7")
"""Keys of the text area that this screen has another use for, or that nobody looks for."""


class ConfigEditor(QuickTextArea):
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

    class Copy(Message):
        """What is selected is to be copied, as the screen copies: into tmux, too, and told."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Typing(Message):
        """A key was typed, and has taken effect; `character` is what it types, "" for what only deletes."""

        def __init__(self, character: str) -> None:
            super().__init__()
            self.character = character

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("", read_only=True, show_line_numbers=True, soft_wrap=False, tab_behavior="indent", id=id)
        self.indent_width = 2
        for key in NOT_OURS:
            self._bindings.key_to_bindings.pop(key, None)
        self._marks: Mapping[int, tuple[str, Style]] = {}
        self._wrong: frozenset[int] = frozenset()
        self._found: Mapping[int, Sequence[tuple[int, int]]] = {}
        self._found_style = Style(reverse=True)
        self.first_key: Callable[[str], bool] = lambda key: False
        """Is given each key while writing; True says that it was for somebody else."""

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self._take_theme())
        self._take_theme()

    def on_resize(self) -> None:
        """The place that is written at stays in sight."""
        if not self.read_only:
            self.call_after_refresh(self.scroll_cursor_visible)

    def _take_theme(self) -> None:
        variables = self.app.theme_variables

        def style(name: str, **more: bool) -> Style:
            return Style(color=rich_color(variables.get(name, "")), **more)  # type: ignore[arg-type]

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
        self._marks, self._wrong, self._found = {}, frozenset(), {}
        self.load_text(text)
        self.read_only = not writing

    def change_to(self, text: str, *, follow: bool) -> None:
        """Make it this text by replacing what differs: one undo takes it back. The cursor goes there, or stays."""
        before = self.text
        if text == before:
            return
        start = _common(before, text)
        start -= before[start - 1 : start] == "\r"  # the two characters of a line's end belong together
        end = _common(before[start:][::-1], text[start:][::-1])
        end -= end > 0 and before[-end] == "\n" and "\r" in (before[-end - 1], text[-end - 1])
        self.history.checkpoint()
        top = self.document.get_location_from_index(start)  # type: ignore[attr-defined]
        bottom = self.document.get_location_from_index(len(before) - end)  # type: ignore[attr-defined]
        put = text[start : len(text) - end]
        self.replace(put, top, bottom, maintain_selection_offset=True)
        self.history.checkpoint()
        if follow:
            # The comma after what was there, and the margin before what is new, are not what one comes to see.
            start += len(put) - len(put.lstrip(", \t\r\n")) if put.strip(", \t\r\n") else 0
            self.go_to(self.document.get_location_from_index(start))  # type: ignore[attr-defined]

    def go_to(self, place: tuple[int, int]) -> None:
        """Put the cursor there, and its line in the middle; sideways it scrolls no further than it has to."""
        self.move_cursor(place, center=True)
        needed = place[1] + self.gutter_width + MARK_WIDTH - self.size.width
        self.scroll_to(x=max(0, needed), animate=False, force=True, immediate=True)

    # -- what is drawn beside the text ------------------------------------------------------------------

    def mark(self, marks: Mapping[int, tuple[str, Style]], wrong: frozenset[int]) -> None:
        """Letters by line (from 0) with their colours, and the lines with problems."""
        if (marks, wrong) != (self._marks, self._wrong):
            self._marks, self._wrong = marks, wrong
            self.forget_drawn()

    def show_found(self, found: Mapping[int, Sequence[tuple[int, int]]]) -> None:
        """What was searched for: spans (from, to) by line."""
        if found or self._found:
            self._found = found
            self.forget_drawn()

    @property
    def gutter_width(self) -> int:
        return super().gutter_width + MARK_WIDTH

    def get_line(self, line_index: int) -> Text:
        text = super().get_line(line_index)
        if line_index in self._wrong:
            start = len(text.plain) - len(text.plain.lstrip())
            text.stylize(Style(underline=True), start, len(text.plain.rstrip()))
        for start, end in self._found.get(line_index, ()):
            text.stylize(self._found_style, start, end)
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

    # -- keys ------------------------------------------------------------------------------------------

    async def _on_key(self, event: events.Key) -> None:
        if not self.read_only and self.first_key(event.key):
            event.stop()
            event.prevent_default()
            return
        if self.check_consume_key(event.key, event.character) or (event.key == "enter" and not self.read_only):
            self._restart_blink()
            if event.key == "tab":
                return  # TextArea's own handler is called after this one
            event.stop()
            event.prevent_default()
            self._type(event.character or "\n", line=event.key == "enter")
            return
        # Textual runs a binding when the key has bubbled up to the application; letters typed meanwhile would be in the
        # text before it. Here every key takes effect in its turn.
        for binding in self._bindings.key_to_bindings.get(event.key, ()):
            if await self.app.run_action(binding.action, default_namespace=self):
                event.stop()
                event.prevent_default()
                if not self.read_only:
                    self.post_message(self.Typing(""))
                return

    def _type(self, character: str, *, line: bool) -> None:
        start, end = self.selection
        if start != end:
            self._replace_via_keyboard("\n" if line else character, start, end)
        else:
            row, column = end
            text = self.document[row]
            before, after = text[:column], text[column:]
            if line:
                self._put(new_line(before, after, self.indent_width))
            else:
                around = self._neighbour(row, -1)[-1:], self._neighbour(row, 1)[:1]
                self._put(typed(character, before, after, *around, self.indent_width))
        self.post_message(self.Typing("\n" if line else character))

    def _put(self, done: Typed) -> None:
        if done.skip:
            self.move_cursor_relative(columns=1)
            return
        row, column = self.cursor_location
        if done.comma:
            above = next(n for n in range(row - 1, -1, -1) if self.document[n].strip())
            place = (above, len(self.document[above].rstrip()))
            self.replace(",", place, place, maintain_selection_offset=True)
        self._replace_via_keyboard(done.text, (row, column - done.dedent), (row, column))
        if done.back:
            index = self.document.get_index_from_location(self.cursor_location)  # type: ignore[attr-defined]
            self.move_cursor(self.document.get_location_from_index(index - done.back))  # type: ignore[attr-defined]

    def put_choice(self, completion: Completion, choice: Choice) -> None:
        """Put what was chosen in the place of what was typed of it."""
        self.history.checkpoint()
        row = completion.start[0]
        line = self.document[row]
        margin = line[: len(line) - len(line.lstrip(" \t"))]
        text = choice.text.replace("\n", "\n" + margin)
        self.replace(text, completion.start, completion.end, maintain_selection_offset=False)
        if choice.back:
            index = self.document.get_index_from_location(self.cursor_location)  # type: ignore[attr-defined]
            self.move_cursor(self.document.get_location_from_index(index - choice.back))  # type: ignore[attr-defined]
        if completion.comma is not None:
            self.replace(",", completion.comma, completion.comma, maintain_selection_offset=True)
        self.history.checkpoint()

    def _neighbour(self, row: int, step: int) -> str:
        """The next line in a direction that is not blank, without its margins."""
        row += step
        while 0 <= row < self.document.line_count:
            if text := self.document[row].strip():
                return text
            row += step
        return ""

    def action_delete_left(self) -> None:
        row, column = self.cursor_location
        text = self.document[row]
        if self.selection.is_empty and is_empty_pair(text[:column], text[column:]):
            self._replace_via_keyboard("", (row, column - 1), (row, column + 1))
        else:
            super().action_delete_left()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return not self.read_only if action == "leave" else True

    def action_leave(self) -> None:
        self.read_only = True
        self.post_message(self.Left())

    def action_cursor_top(self) -> None:
        self.move_cursor((0, 0))

    def action_cursor_bottom(self) -> None:
        self.move_cursor(self.document.end)

    def select(self, row: int, start: int, end: int) -> None:
        """Put the cursor on a piece of a line, and bring it to the middle of what is in sight."""
        self.go_to((row, start))
        self.selection = Selection((row, start), (row, end))

    def action_copy(self) -> None:
        if not self.selected_text:
            raise SkipAction
        self.post_message(self.Copy(self.selected_text))


def _common(one: str, other: str) -> int:
    """How many characters two texts begin with together."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return low
