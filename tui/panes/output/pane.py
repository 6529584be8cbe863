"""A log with a line to type in what is looked for, or words on why there is no log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import ContentSwitcher, Input, Static

from engine import visible
from tui.widgets.log_search import BadPattern, Pattern
from tui.widgets.log_source import Source
from tui.widgets.log_view import LogView

_KEYS = "/ search  f filter  T since  m merge  S save  v select  y copy"


class OutputPane(Vertical, can_focus=True):
    """Shows one source at a time."""

    DEFAULT_CSS = """
    OutputPane {
        & > #output-switch { height: 1fr; }
        & > #log-asking { display: none; height: 1; background: $boost; }
        &.asking > #log-asking { display: block; }
        & #log-kind { width: auto; padding: 0 1; color: $text-muted; }
        & #log-prompt { width: 1fr; height: 1; border: none; padding: 0; background: $boost; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        # Before the place that has the focus, so that a quick next key is typed into the line.
        Binding("f", "ask('filter')", "filter", priority=True, id="output.filter"),
        Binding(
            "exclamation_mark", "ask('filter', '!')", "filter out", show=False, priority=True, id="output.filter-out"
        ),
        Binding("ctrl+r", "regex", "regular expression", show=False, id="output.regex"),
        # Before the line that is typed in, so that a quick next key does not get into it.
        Binding("enter", "keep", "keep", show=False, priority=True, id="output.keep"),
        Binding("escape", "leave", "back", show=False, id="output.back"),
    ]

    class Summary(Message):
        """What stands on the pane's lower edge is different now."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.showing = False
        self.regex = False
        self._asking = ""
        self._before: Pattern | None = None
        self._origin = 0
        self._wrong = ""

    def compose(self) -> ComposeResult:
        with ContentSwitcher(initial="output-said", id="output-switch"):
            yield Static("", id="output-said", markup=False)
            yield LogView(id="log")
        with Horizontal(id="log-asking"):
            yield Static("", id="log-kind", markup=False)
            yield Input(id="log-prompt", compact=True, select_on_focus=False)

    @property
    def log_view(self) -> LogView:
        return self.query_one("#log", LogView)

    @property
    def summary(self) -> str:
        if not self.showing:
            return ""
        if self._asking:
            turn = "ctrl+r plain text" if self.regex else "ctrl+r regular expression"
            return f"{self._wrong or self.log_view.found} · enter keep · {turn} · esc leave"
        if self.log_view.choosing:
            return self.log_view.summary
        return f"{self.log_view.summary} · ┃ stderr · {_KEYS}"

    def say(self, text: str) -> None:
        """Words in the place of output. Plain and safe."""
        self.showing = False
        self._close()
        self.query_one("#output-said", Static).update(Text(text))
        self.query_one("#output-switch", ContentSwitcher).current = "output-said"

    def show(self, source: Source, labels: Sequence[str] = ()) -> None:
        """Show this from its end on; what was shown goes."""
        self.showing = True
        self._close()
        self.query_one("#output-switch", ContentSwitcher).current = "log"
        self.log_view.show(source, labels)

    def take_focus(self) -> None:
        """At once, so that the next key finds it there."""
        wants = self.query_one(Input) if self._asking else self.log_view if self.showing else self
        self.screen.set_focus(wants, scroll_visible=False)

    # -- asking what is looked for ---------------------------------------------------------------------

    def action_ask(self, kind: str, start: str = "") -> None:
        """Open the line for a `kind` of pattern, search or filter, with what there is of it already."""
        view, model = self.log_view, self.log_view.model
        if not self.showing or model is None:
            return
        if self._asking:
            raise SkipAction  # it is typed
        scan = model.search if kind == "search" else model.filter
        self._asking, self._before, self._origin = kind, scan.pattern if scan is not None else None, view.top
        if self._before is not None:
            self.regex = self._before.regex
        prompt = self.query_one("#log-prompt", Input)
        prompt.placeholder = (
            "n and N go to the next and the one before" if kind == "search" else "! first shows what does not match"
        )
        with prompt.prevent(Input.Changed):
            prompt.value = start or (self._before.typed if self._before is not None else "")
        prompt.cursor_position = len(prompt.value)
        self._name_kind()
        self.add_class("asking")
        self.take_focus()
        self.post_message(self.Summary())

    def _name_kind(self) -> None:
        self.query_one("#log-kind", Static).update(f"{self._asking}{' (regular expression)' if self.regex else ''}:")

    @on(Input.Changed, "#log-prompt")
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._apply(event.value)

    def _apply(self, typed: str) -> None:
        self._wrong = ""
        try:
            pattern = Pattern(typed, regex=self.regex, inverse=self._asking == "filter")
        except BadPattern as error:
            self._wrong = f"✗ not a regular expression: {visible(str(error))}"
            self.post_message(self.Summary())
            return
        self._use(pattern)

    def _use(self, pattern: Pattern | None) -> None:
        if self._asking == "search":
            self.log_view.search_for(pattern, self._origin)
        elif self._asking == "filter":
            self.log_view.filter_with(pattern)

    def action_regex(self) -> None:
        """What is typed is a regular expression, or no longer."""
        if self._asking:
            self.regex = not self.regex
            self._name_kind()
            self._apply(self.query_one("#log-prompt", Input).value)
            self.post_message(self.Summary())

    def action_keep(self) -> None:
        """What is typed is what is looked for, once the line has all that was typed before this key."""
        if not self._asking:
            raise SkipAction
        self.screen.set_focus(self.log_view, scroll_visible=False)
        self.query_one("#log-prompt", Input).call_later(self._keep)

    def _keep(self) -> None:
        self._apply(self.query_one("#log-prompt", Input).value)
        if not self._wrong:
            self._close()
        self.take_focus()

    def action_leave(self) -> None:
        """Out of the line, with what was there before; then out of the filter."""
        if self._asking:
            self._use(self._before)
            self._close()
            self.take_focus()
        elif (model := self.log_view.model) is not None and self.showing and model.filter is not None:
            self.log_view.filter_with(None)
        else:
            raise SkipAction

    def _close(self) -> None:
        self._asking = self._wrong = ""
        self.remove_class("asking")
        self.post_message(self.Summary())

    @on(LogView.Changed)
    def _log_changed(self, event: LogView.Changed) -> None:
        event.stop()
        self.post_message(self.Summary())
