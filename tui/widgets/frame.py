"""A bordered pane whose top edge carries its number, its tabs and, at the right, what it shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual import events, on
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Region
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from tui.text import clip, clip_start


@dataclass(frozen=True, slots=True)
class Tab:
    """A word on the edge that can be clicked. `short` takes its place where room is scarce; `active` is where we are.

    `joined` ties it to the one before, as the tabs of one pane.
    """

    key: str
    label: str
    short: str = ""
    active: bool = False
    joined: bool = False


class Edge(Widget):
    """The top edge of a frame."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"edge--active", "edge--idle", "edge--context"}

    DEFAULT_CSS = """
    Edge {
        height: 1;
        color: $border-blurred;
        & .edge--active { color: $foreground; text-style: bold; }
        & .edge--idle { color: $text-muted; }
        & .edge--context { color: $foreground; }
    }
    """

    class Picked(Message):
        """A tab was clicked."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(self) -> None:
        super().__init__()
        self._tabs: Sequence[Tab] = ()
        self._said: Sequence[str] = ()
        self._hits: list[tuple[int, int, str]] = []

    def show(self, tabs: Sequence[Tab], context: Sequence[str]) -> None:
        """`context` says what is shown, in plain and safe text, in full and then ever shorter."""
        if (tabs, context) != (self._tabs, self._said):
            self._tabs, self._said = tabs, context
            self.refresh()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self.refresh()

    def render(self) -> Text:
        width = self.size.width
        tabs, context = self._fitted(width)
        line = Text("╭─", no_wrap=True, end="")
        self._hits = []
        active = self.get_component_rich_style("edge--active")
        idle = self.get_component_rich_style("edge--idle")
        for number, (tab, label) in enumerate(tabs):
            if number:
                line.append(" · " if tab.joined else "  ", idle)
            start = line.cell_len
            line.append(label, active if tab.active else idle)
            self._hits.append((start, line.cell_len, tab.key))
        if tabs:
            line.append(" ")
        tail = f" {context} " if context else ""
        line.append("─" * max(0, width - line.cell_len - cell_len(tail) - 2))
        line.append(tail, self.get_component_rich_style("edge--context"))
        line.append("─╮")
        return line

    def _fitted(self, width: int) -> tuple[list[tuple[Tab, str]], str]:
        """Long labels if they fit, then short ones for the tabs that are not active, then for all."""
        room = width - 6
        for labels in (
            [tab.label for tab in self._tabs],
            [tab.label if tab.active or not tab.short else tab.short for tab in self._tabs],
            [tab.short or tab.label for tab in self._tabs],
        ):
            needed = sum(map(cell_len, labels)) + sum(3 if tab.joined else 2 for tab in self._tabs[1:])
            # What the frame shows is worth more than long names of other places.
            if needed + min((cell_len(said) for said in self._said), default=0) + 2 <= room:
                break
        left = max(0, room - needed - 2)
        fitting = (said for said in self._said if cell_len(said) <= left)
        said = next(fitting, clip_start(self._said[-1], left) if self._said else "")
        return list(zip(self._tabs, labels, strict=True)), said

    def on_click(self, event: events.Click) -> None:
        for start, end, key in self._hits:
            if start <= event.x < end:
                event.stop()
                self.post_message(self.Picked(key))


class Body(Vertical):
    """What is within a frame, and its lower edge."""

    def say(self, text: str) -> None:
        """Plain text on the edge. Nothing else is drawn anew, as Textual's property would have it."""
        words = Content(text)
        if words != self._border_subtitle:
            self._border_subtitle = words
            width, height = self.outer_size
            self.refresh(Region(0, height - 1, width, 1).translate(-self.content_offset))


class _Filter(Input):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "submit", "keep it", id="filter.keep")]


class Frame(Vertical):
    """A pane: an edge, its content, and a filter line that comes with `/` where the pane has something to filter."""

    # A rule with :focus-within would make Textual style all that is in both frames anew when the focus moves.
    DEFAULT_CSS = """
    Frame {
        & > #body {
            border: round $border-blurred;
            border-top: none;
            height: 1fr;
            border-subtitle-align: left;
            border-subtitle-color: $text-muted;
        }
        & > #filter { display: none; height: 1; border: none; padding: 0 1; background: $boost; }
        &.filtering > #filter { display: block; }
        & > Edge.lit { color: $accent; & .edge--active { color: $accent; } }
        & > #body.lit { border: round $accent; border-top: none; border-subtitle-color: $foreground; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "unfilter", "no filter", id="filter.leave")]

    filterable: ClassVar[bool] = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.edge = Edge()
        self.body = Body(id="body")
        self._subtitle = ""

    def compose(self) -> ComposeResult:
        yield self.edge
        if self.filterable:
            yield _Filter(placeholder="filter by words; ! before one leaves out what has it", id="filter", compact=True)
        with self.body:
            yield from self.compose_body()

    def on_mount(self) -> None:
        self.watch(self.screen, "focused", self._light)

    def _light(self) -> None:
        """The edges say where the focus is."""
        lit = self.has_focus_within
        if lit != self.edge.has_class("lit"):
            edges = (self.edge.set_class(lit, "lit", update=False), self.body.set_class(lit, "lit", update=False))
            self.app.stylesheet.update_nodes(edges)

    def compose_body(self) -> Iterable[Widget]:
        """What the pane holds."""
        return ()

    def set_subtitle(self, text: str) -> None:
        """Plain text on the lower edge."""
        self._subtitle = text
        self.body.say(clip(text, max(0, self.size.width - 6)))

    def on_resize(self) -> None:
        self.set_subtitle(self._subtitle)  # as much of it as there is room for now

    def take_focus(self) -> None:
        """Give the focus to what in this pane wants keys: at once, so that the next key finds it there."""
        for widget in self.body.query("*"):
            if widget.focusable:
                self.screen.set_focus(widget, scroll_visible=False)
                return

    @property
    def copyable(self) -> tuple[str, str]:
        """What `y` copies here, and what that is in words."""
        return "", ""

    def filter_with(self, text: str) -> None:
        """Show only what matches; panes that can be filtered say how."""

    def action_filter(self) -> None:
        """Open the filter line."""
        if self.filterable:
            self.add_class("filtering")
            self.screen.set_focus(self.query_one("#filter", Input), scroll_visible=False)

    def words_of(self, action: str) -> str | None:
        """For the line of keys: there is no filter to take away where there is none."""
        return "" if action == "unfilter" and not self.has_class("filtering") else None

    def action_unfilter(self) -> None:
        """Take the filter away; where there is none, the key is for somebody else."""
        if not self.has_class("filtering"):
            raise SkipAction
        self.query_one("#filter", Input).value = ""
        self.remove_class("filtering")
        self.take_focus()

    @on(Input.Changed, "#filter")
    def _filter_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.filter_with(event.value)

    @on(Input.Submitted, "#filter")
    def _filter_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if not event.value:
            self.remove_class("filtering")
        self.take_focus()
