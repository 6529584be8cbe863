"""The Config tab: what an image says, a config.json that is being written, or one that is in force."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.style import Style
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.timer import Timer
from textual.widgets import ContentSwitcher, Static, TextArea

from tui.panes.config import card, outline
from tui.panes.config.analysis import Analysis, shown
from tui.panes.config.describe import LEGEND, LETTERS, sentences
from tui.panes.config.editor import ConfigEditor
from tui.widgets.item_list import ItemList

PAUSE = 0.15
"""Seconds without a key before a text is looked at again."""


class ConfigPane(Vertical, can_focus=True):
    """Shows one of three things; see `show_card`, `show_text` and `say`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f8", "next_problem", "next problem", key_display="F8", id="config.next-problem"),
        Binding("e", "write", "edit", id="config.write"),
        Binding("ctrl+o", "outline", "outline", show=False, id="config.outline"),
    ]

    class Stale(Message):
        """The text has changed: somebody should analyse it and call `take`."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Edited(Message):
        """The text was changed by a person."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Asked(Message):
        """`e` where there is nothing to write in."""

    class Summary(Message):
        """What stands on the pane's lower edge is different now."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._analysis: Analysis | None = None
        self._timer: Timer | None = None
        self._writable = False
        self._loading = False
        self.summary = ""

    def compose(self) -> ComposeResult:
        with ContentSwitcher(initial="said", id="config-switch"):
            yield Static("", id="said", markup=False)
            with VerticalScroll(id="card"):
                yield Static("", id="card-text", markup=False)
            with Vertical(id="text"):
                with Horizontal(id="text-upper"):
                    yield ConfigEditor(id="editor")
                    yield ItemList(id="outline")
                yield Static("", id="about", markup=False)

    @property
    def editor(self) -> ConfigEditor:
        return self.query_one("#editor", ConfigEditor)

    @property
    def writing(self) -> bool:
        """Whether keys type."""
        return self._current == "text" and not self.editor.read_only

    @property
    def analysis(self) -> Analysis | None:
        return self._analysis

    @property
    def copyable(self) -> tuple[str, str]:
        """What `y` copies here, and what that is."""
        if self._current != "text":
            return "", ""
        selected = self.editor.selected_text
        return (selected, "the selection") if selected else (self.editor.text, "config.json")

    def take_focus(self) -> None:
        """Give the focus to what wants keys."""
        name = {"text": "#editor", "card": "#card"}.get(self._current)
        self.screen.set_focus(self.query_one(name) if name else self, scroll_visible=False)

    @property
    def _current(self) -> str:
        return self.query_one("#config-switch", ContentSwitcher).current or ""

    def say(self, text: str) -> None:
        """Words in the place of a config.json. Plain and safe."""
        self.query_one("#said", Static).update(Text(text))
        self._switch("said")

    def show_card(self, document: dict[str, Any], next_key: str) -> None:
        """What an image says of itself, and the key that makes a config.json of it."""
        muted = self.app.theme_variables.get("text-muted", "")
        style = "dim" if muted.startswith(("auto", "ansi")) else muted
        self.query_one("#card-text", Static).update(card.draw(document, next_key, style))
        self._switch("card")

    def show_text(self, text: str, *, writable: bool) -> None:
        """A config.json: to be changed, or to be read."""
        self._analysis, self._writable = None, writable
        self._loading = True
        self.editor.show(shown(text), writing=writable)
        self._switch("text")
        self.query_one("#about", Static).update("")
        self.query_one("#outline", ItemList).set_items([])
        self.post_message(self.Stale(self.editor.text))

    def _switch(self, name: str) -> None:
        self.query_one("#config-switch", ContentSwitcher).current = name
        self._tell_summary()
        self.refresh_bindings()

    def take(self, analysis: Analysis) -> None:
        """What is known of the text, if it is still this one."""
        if self._current != "text" or analysis.text != self.editor.text:
            return
        self._analysis = analysis
        self._mark()
        self.query_one("#outline", ItemList).set_items(outline.items(analysis))
        self._describe()
        self._tell_summary()

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self._mark())

    def _mark(self) -> None:
        analysis = self._analysis
        if analysis is None:
            return
        variables = self.app.theme_variables
        marks: dict[int, tuple[str, Style]] = {}
        for place in analysis.places.leaves():
            origin = analysis.provenance.get(place.pointer)
            kind = origin.source.value if origin is not None else "user"
            marks[place.line] = (LETTERS[kind], _color(variables.get(f"source-{kind}", "")))
        for found in analysis.diagnostics:
            grave = found.severity.value == "error"
            marks[found.line - 1] = (
                "✗" if grave else "!",
                _color(variables["error" if grave else "warning"], bold=True),
            )
        self.editor.mark(marks, frozenset(found.line - 1 for found in analysis.diagnostics))

    def _describe(self) -> None:
        if self._analysis is None:
            return
        row, _ = self.editor.cursor_location
        variables = self.app.theme_variables
        lines = sentences(
            row,
            self._analysis,
            error=_name(variables["error"]),
            warning=_name(variables["warning"]),
        )
        self.query_one("#about", Static).update(Text("\n").join(lines), layout=False)
        self._point_in_outline(row)

    def _point_in_outline(self, row: int) -> None:
        """The line beside the text that names where the cursor is."""
        place = self._analysis.places.at(row) if self._analysis is not None else None
        pointer = place.pointer if place is not None else ""
        entries = self.query_one("#outline", ItemList)
        while pointer and not entries.move_to(pointer):
            pointer = pointer.rpartition("/")[0]

    def _tell_summary(self) -> None:
        self.summary = self._summarize()
        self.post_message(self.Summary())

    def _summarize(self) -> str:
        if self._current != "text":
            return ""
        if self._analysis is None:
            return "reading…"
        problems, edits = len(self._analysis.diagnostics), self._analysis.edits
        words = [f"{problems} {'problem' if problems == 1 else 'problems'}" if problems else "no problems"]
        if self._writable:
            words.append(f"{edits} {'edit' if edits == 1 else 'edits'}" if self._analysis.whole else "no JSON")
            words.append("writing" if self.writing else "reading")
        else:
            words.append("in force, read only")
        return " · ".join([*words, LEGEND])

    # -- keys ------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys are offered where they do something."""
        match action:
            case "next_problem":
                return self._analysis is not None and bool(self._analysis.diagnostics) and self._current == "text"
            case "write":
                return not self.writing
        return True

    def action_write(self) -> None:
        if self._current == "text" and self._writable:
            self.editor.read_only = False
            self.screen.set_focus(self.editor, scroll_visible=False)
            self._tell_summary()
            self.refresh_bindings()
        else:
            self.post_message(self.Asked())

    def action_next_problem(self) -> None:
        """Put the cursor on the next line with a problem; after the last comes the first."""
        if self._analysis is None or not self._analysis.diagnostics:
            return
        row, column = self.editor.cursor_location
        spots = sorted((found.line - 1, found.column - 1) for found in self._analysis.diagnostics)
        self.editor.move_cursor(next((spot for spot in spots if spot > (row, column)), spots[0]), center=True)

    def action_outline(self) -> None:
        self.screen.set_focus(self.query_one("#outline", ItemList), scroll_visible=False)

    @on(ConfigEditor.Left)
    def _stop_writing(self, event: ConfigEditor.Left) -> None:
        event.stop()
        self._tell_summary()
        self.refresh_bindings()

    @on(TextArea.Changed)
    def _changed(self, event: TextArea.Changed) -> None:
        event.stop()
        if self._loading:  # the first change after a text was put in is that itself
            self._loading = False
            return
        self.post_message(self.Edited(self.editor.text))
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(PAUSE, lambda: self.post_message(self.Stale(self.editor.text)))

    @on(TextArea.SelectionChanged)
    def _moved(self, event: TextArea.SelectionChanged) -> None:
        event.stop()
        self._describe()

    @on(ItemList.Chosen, "#outline")
    def _jump(self, event: ItemList.Chosen) -> None:
        event.stop()
        if self._analysis is not None and (line := self._analysis.places.line_of(event.key)) is not None:
            self.editor.move_cursor((line, 0), center=True)
            self.screen.set_focus(self.editor, scroll_visible=False)

    @on(ItemList.Moved, "#outline")
    def _outline_moved(self, event: ItemList.Moved) -> None:
        event.stop()


def _color(name: str, *, bold: bool = False) -> Style:
    return Style(color=_name(name) or None, bold=bold)


def _name(color: str) -> str:
    """A colour of a theme as Rich writes it; "" for none."""
    from textual.color import Color, ColorParseError

    try:
        return Color.parse(color).rich_color.name
    except ColorParseError:
        return ""
