"""The bottom line: the keys that do something here and now, as many as there is room for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.binding import ActiveBinding, Binding
from textual.dom import DOMNode
from textual.keys import key_to_character
from textual.screen import Screen
from textual.widget import Widget

_SHOWN = {"at": "@", "minus": "-", "plus": "+", "slash": "/", "underscore": "_", "escape": "esc", "delete": "del"}
"""Keys whose names are not Unicode's."""


def shown_key(key: str, display: str | None = None) -> str:
    """A key as people write it: `ctrl+r`, `?`, `esc`."""
    if display or key in _SHOWN:
        return display or _SHOWN[key]
    character = key_to_character(key) or ""
    return character if character.isprintable() and character.strip() else key


def reaches(screen: Screen[Any], key: str) -> bool:
    """Whether a key gets to the bindings, or is typed into what has the focus."""
    shown = shown_key(key)
    character = shown if len(shown) == 1 else None
    focused = screen.focused
    return focused is None or not focused.check_consume_key(key, character)


def words_of(active: ActiveBinding) -> str:
    """What a key does: its binding says so, or the place that has it; empty where it does nothing just now."""
    own: Callable[[str], str | None] = getattr(active.node, "words_of", lambda action: None)
    words = own(active.binding.action)
    return active.binding.description if words is None else words


_Entry = tuple[str, str, str, DOMNode]
"""Key, word, action, and the node it belongs to."""


class KeyLine(Widget):
    """Reads the bindings of whatever has the focus; a click on a word runs it."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"key-line--key", "key-line--word"}

    DEFAULT_CSS = """
    KeyLine {
        height: 1;
        & .key-line--key { color: $footer-key-foreground; text-style: bold; }
        & .key-line--word { color: $footer-description-foreground; }
    }
    """

    def __init__(
        self, *, always: tuple[str, ...] = (), offered: Callable[[Binding], bool] = lambda binding: True
    ) -> None:
        """`always` are actions that keep their place when room is scarce; keys that are not `offered` are not shown."""
        super().__init__()
        self._offered = offered
        self._line = Text("", end="")
        self._always = always
        self._hits: list[tuple[int, int, str, DOMNode]] = []

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._updated)

    def _updated(self, screen: Screen[Any]) -> None:
        if screen is self.screen:
            self.refresh()

    def render(self) -> Text:
        if self.screen.is_current:  # behind a dialog nothing changes, and Textual asks the dialog what is possible
            self._line = self._render_keys()
        return self._line

    def _render_keys(self) -> Text:
        kept: list[_Entry] = []
        rest: list[_Entry] = []
        seen: set[str] = set()
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if not binding.show or binding.action in seen or not reaches(self.screen, binding.key):
                continue
            words = words_of(active)
            if not words or not self._offered(binding):
                continue
            seen.add(binding.action)
            entry = (shown_key(binding.key, binding.key_display), words, binding.action, active.node)
            (kept if binding.action in self._always else rest).append(entry)
        width = self.size.width  # each with its gaps: a blank before the first and one behind the last
        used = sum(cell_len(key) + cell_len(word) + 3 for key, word, _, _ in kept)
        chosen = []
        for entry in rest:
            needed = cell_len(entry[0]) + cell_len(entry[1]) + 3
            if used + needed <= width:
                chosen.append(entry)
                used += needed
        line = Text(" ", no_wrap=True, end="")
        key_style = self.get_component_rich_style("key-line--key", partial=True)
        word_style = self.get_component_rich_style("key-line--word", partial=True)
        self._hits = []
        for key, word, action, node in chosen + kept:
            start = line.cell_len
            line.append(key, key_style)
            line.append(f" {word}", word_style)
            self._hits.append((start, line.cell_len, action, node))
            line.append("  ")
        return line

    async def on_click(self, event: events.Click) -> None:
        for start, end, action, node in self._hits:
            if start <= event.x < end:
                await self.app.run_action(action, default_namespace=node)
