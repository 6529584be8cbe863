"""A config.json: its text, the tree beside it, what is known of the line under the cursor."""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.timer import Timer
from textual.widgets import TextArea

from engine import CutawayError, complete, differences, formatted, take_back
from tui.panes.config.about import About
from tui.panes.config.analysis import Analysis
from tui.panes.config.bar import Bar
from tui.panes.config.completer import Completer
from tui.panes.config.describe import ADOPTED, LEGEND, LETTERS, difference_at, sentences
from tui.panes.config.editor import ConfigEditor
from tui.panes.config.finder import Finder
from tui.panes.config.outline import Outline
from tui.text import counted, shown_json
from tui.themes import rich_color
from tui.widgets.item_list import ItemList

PAUSE = 0.15
"""Seconds without a key before a text is looked at again."""


class TextView(Vertical):
    """To be read, or written in."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f8", "problem(1)", "next problem", key_display="F8", id="config.next-problem"),
        Binding("shift+f8", "problem(-1)", "previous problem", show=False, id="config.previous-problem"),
        Binding("ctrl+@,ctrl+space", "complete", "complete", key_display="ctrl+space", id="config.complete"),
        Binding("ctrl+f", "find", "find", show=False, id="config.find"),
        Binding("n,f3", "step(1)", "next place found", show=False, id="config.next-found"),
        Binding("N,shift+f3", "step(-1)", "previous place found", show=False, id="config.previous-found"),
        Binding("ctrl+g", "go", "go to a pointer", show=False, id="config.go"),
        Binding("ctrl+r", "put_back", "put back what you changed here", show=False, id="config.put-back"),
        Binding("f5,equals_sign", "format", "format, and mend commas", show=False, id="config.format"),
        Binding("ctrl+o", "outline", "the outline", show=False, id="config.outline"),
    ]

    class Stale(Message):
        """The text has changed: somebody should analyse it and call `take`."""

    class Edited(Message):
        """The text was changed by a person."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Summary(Message):
        """What stands on the lower edge is different now."""

    class Refused(Message):
        """Something cannot be done; why."""

        def __init__(self, why: str) -> None:
            super().__init__()
            self.why = why

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.editor = ConfigEditor(id="editor")
        self.outline = Outline(id="outline")
        self.completer = Completer()
        self.editor.first_key = lambda key: self.completer.open and self.completer.take_key(key)
        self._bar = Bar()
        self._about = About(self._sentences)
        self._analysis: Analysis | None = None
        self._timer: Timer | None = None
        self._loading = False
        self._original = ""
        self._finder = Finder(self.editor, self._bar, lambda: self._analysis.places if self._analysis else None)
        self.writable = False

    def compose(self) -> ComposeResult:
        with Horizontal(id="text-upper"):
            yield self.editor
            yield self.outline
        yield self._bar
        yield self._about
        yield self.completer

    def show(self, text: str, *, writable: bool, writing: bool = False, original: str = "") -> None:
        """A config.json: to be changed, or to be read; `writing`: keys type at once. `original` is what it was before
        any edit."""
        self._analysis, self.writable, self._original = None, writable, original
        self._loading = True
        self._finder.forget()
        self.completer.close()
        self.editor.show(shown_json(text), writing=writable and writing)
        self._about.look()
        self.outline.show([])
        self._stop_waiting()
        self.post_message(self.Stale())

    def change_to(self, text: str, *, follow: bool = False) -> None:
        """Another text in the place of this one, as an edit that can be undone; `follow` it with the cursor."""
        self.editor.change_to(shown_json(text), follow=follow)

    @property
    def writing(self) -> bool:
        """Whether keys type."""
        return not self.editor.read_only

    @property
    def analysis(self) -> Analysis | None:
        """What is known of the text, once it has been looked at."""
        return self._analysis

    def take(self, analysis: Analysis) -> None:
        """What is known of the text, if it is still this one."""
        if analysis.text == self.editor.text:
            before, offered = self.summary, self._offered
            self._analysis = analysis
            self._mark()
            self.outline.show(analysis.tree)
            self._describe()
            # This comes between two keys: what is the same is left alone.
            if self.summary != before:
                self.post_message(self.Summary())
            if self._offered != offered:
                self.refresh_bindings()

    @property
    def _offered(self) -> tuple[bool, bool]:
        """Of the keys that depend on what is known."""
        known = self._analysis
        return (bool(known.diagnostics), bool(known.differences)) if known is not None else (False, False)

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self._mark())

    def _mark(self) -> None:
        analysis = self._analysis
        if analysis is None:
            return
        variables = self.app.theme_variables
        styles = {kind: (letter, _color(variables.get(f"source-{kind}", ""))) for kind, letter in LETTERS.items()}
        marks = {line: styles[kind] for line, kind in analysis.kinds.items()}
        error, warning = ("✗", _color(variables["error"], bold=True)), ("!", _color(variables["warning"], bold=True))
        for found in reversed(analysis.diagnostics):
            line = found.line - 1
            if marks.get(line) != error:
                marks[line] = error if found.severity.value == "error" else warning
        self.editor.mark(marks, frozenset(found.line - 1 for found in analysis.diagnostics))

    def _describe(self) -> None:
        if self._analysis is None:
            return
        self._about.look()
        place = self._analysis.places.at(self.editor.cursor_location[0])
        if place is not None and not self.outline.has_focus:
            self.outline.point(place.pointer)

    def _sentences(self, error: str, warning: str) -> list[Text]:
        """On the value under the cursor; see `sentences`."""
        return sentences(self.editor.cursor_location[0], self._analysis, error, warning) if self._analysis else []

    @property
    def summary(self) -> str:
        """Plain words for the lower edge."""
        if self._analysis is None:
            return "reading…"
        problems, edits = len(self._analysis.diagnostics), self._analysis.edits
        words = [counted(problems, "problem") if problems else "no problems"]
        if self.writable:
            words.append(counted(edits, "edit") if self._analysis.whole else "no JSON")
            words.append("writing" if self.writing else "reading")
        else:
            words.append("in force, read only")
        return " · ".join([*words, LEGEND + ADOPTED * ("adopted" in self._analysis.kinds.values())])

    # -- moving about -----------------------------------------------------------------------------------

    def go_to(self, pointer: str) -> bool:
        """Put the cursor on a value, or on the nearest that it would lie in; False where not even that is there."""
        return self._finder.go_to(pointer)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys are offered where they do something."""
        match action:
            case "problem":
                return self._analysis is not None and bool(self._analysis.diagnostics)
            case "complete":
                return self.writing
            case "put_back":
                return self.writable and self._analysis is not None and bool(self._analysis.differences)
            case "format":
                return self.writable
            case "step":
                return self._finder.found
        return True

    def write(self) -> None:
        """Keys type from now on, where they come here."""
        self.editor.read_only = False
        if self.has_focus_within:
            self.screen.set_focus(self.editor, scroll_visible=False)
        self.post_message(self.Summary())
        self.refresh_bindings()

    def action_problem(self, step: int) -> None:
        """Put the cursor on the next line with a problem; after the last comes the first."""
        if self._analysis is None or not self._analysis.diagnostics:
            return
        here = self.editor.cursor_location
        spots = sorted({(found.line - 1, found.column - 1) for found in self._analysis.diagnostics})
        ahead = [spot for spot in spots if spot > here] if step > 0 else [spot for spot in spots if spot < here]
        spot = (ahead or spots)[0 if step > 0 else -1]
        self.editor.go_to(spot)
        self.screen.set_focus(self.editor, scroll_visible=False)

    def action_outline(self) -> None:
        self.add_class("outlined")  # where it is hidden for want of room it is there as long as it has the focus
        self.screen.set_focus(self.outline, scroll_visible=False)

    def action_find(self) -> None:
        self._finder.ask()
        self.refresh_bindings()

    def action_go(self) -> None:
        self._finder.ask_where()

    def action_step(self, step: int) -> None:
        self._finder.step(step)

    @on(Bar.Typed)
    def _bar_typed(self, event: Bar.Typed) -> None:
        event.stop()
        if event.mode == "find":
            self._finder.search(event.text)
            self.refresh_bindings()

    @on(Bar.Stepped)
    def _bar_stepped(self, event: Bar.Stepped) -> None:
        event.stop()
        self._finder.step(event.step)

    @on(Bar.Closed)
    def _bar_closed(self, event: Bar.Closed) -> None:
        event.stop()
        self.screen.set_focus(self.editor, scroll_visible=False)
        text = event.text.strip()
        if event.mode == "find" and not event.done:
            self._finder.search("")
        elif event.mode == "go" and event.done and text.isdecimal():
            self._finder.go_to_line(int(text))
        elif event.mode == "go" and event.done:
            pointer = text if text.startswith("/") else f"/{text}"
            if not self._finder.go_to(pointer, begun=True):
                self.post_message(self.Refused("There is nothing to go to: the text is empty, or is no JSON yet."))
        self.refresh_bindings()

    # -- writing ----------------------------------------------------------------------------------------

    def action_put_back(self) -> None:
        """Undo the edit that the line under the cursor belongs to, and only that."""
        if self._analysis is None or not self.writable:
            return
        change = difference_at(self.editor.cursor_location[0], self._analysis)
        if change is None:
            self.post_message(self.Refused("Nothing was changed here. Lines that you changed have a u in front."))
            return
        self.put_back(change.pointer)

    def put_back(self, pointer: str) -> None:
        """Undo the edit of the value at a pointer."""
        text = self.editor.text
        try:
            change = next((each for each in differences(self._original, text) if each.pointer == pointer), None)
            if change is not None:
                self.change_to(take_back(text, self._original, change))
        except CutawayError as error:
            self.post_message(self.Refused(f"{error.message}. {error.hint}"))

    def action_format(self) -> None:
        """One value a line; commas that are missing or too many are mended."""
        if not self.writable:
            return
        try:
            self.change_to(formatted(self.editor.text))
        except CutawayError as error:
            self.post_message(self.Refused(f"{error.message}. {error.hint}"))

    def action_complete(self) -> None:
        """Offer what may stand at the cursor."""
        if self.writing:
            found = complete(self.editor.text, *self.editor.cursor_location)
            if found is None:
                self.post_message(self.Refused("Nothing is known that could stand here."))
            else:
                self.completer.offer(found, self.editor.cursor_screen_offset)

    @on(Completer.Taken)
    def _taken(self, event: Completer.Taken) -> None:
        event.stop()
        # What was typed to narrow the list has moved the end of what is replaced.
        now = complete(self.editor.text, *self.editor.cursor_location) or event.completion
        self.editor.put_choice(now, event.choice)
        if event.choice.back and event.choice.text.endswith(('""', '"",')):
            self._offer_quietly()  # the value may be one of a few words

    def _offer_quietly(self) -> None:
        found = complete(self.editor.text, *self.editor.cursor_location)
        if found is not None and len(found.choices) > 1:
            self.completer.offer(found, self.editor.cursor_screen_offset)

    @on(ConfigEditor.Typing)
    def _typing(self, event: ConfigEditor.Typing) -> None:
        event.stop()
        self.completer.follow(self.editor.cursor_location, self.editor.document)

    @on(ConfigEditor.Left)
    def _stop_writing(self, event: ConfigEditor.Left) -> None:
        event.stop()
        self.post_message(self.Summary())
        self.refresh_bindings()

    @on(TextArea.Changed)
    def _changed(self, event: TextArea.Changed) -> None:
        event.stop()
        if self._loading:  # the first change after a text was put in is that itself
            self._loading = False
            return
        self.post_message(self.Edited(self.editor.text))
        self._stop_waiting()
        self._timer = self.set_timer(PAUSE, self._paused)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def _paused(self) -> None:
        self._finder.refresh()
        self.post_message(self.Stale())

    @on(TextArea.SelectionChanged)
    def _moved(self, event: TextArea.SelectionChanged) -> None:
        event.stop()
        self._describe()

    @on(ItemList.Chosen, "#outline")
    def _jump(self, event: ItemList.Chosen) -> None:
        event.stop()
        self.go_to(event.key)
        self._leave_outline()

    @on(Outline.Left)
    def _outline_left(self, event: Outline.Left) -> None:
        event.stop()
        self._leave_outline()

    def _leave_outline(self) -> None:
        self.remove_class("outlined")
        self.screen.set_focus(self.editor, scroll_visible=False)

    @on(ItemList.Moved, "#outline")
    def _outline_moved(self, event: ItemList.Moved) -> None:
        event.stop()


def _color(name: str, *, bold: bool = False) -> Style:
    return Style(color=rich_color(name), bold=bold)
