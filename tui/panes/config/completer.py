"""What may stand at the cursor, in a list beside it: opened by a key, narrowed by what is typed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.text import Text
from textual.document._document import DocumentBase
from textual.geometry import Offset
from textual.message import Message

from engine import visible
from tui.text import clip, fill
from tui.widgets.item_list import Item, ItemList

if TYPE_CHECKING:
    from engine import Choice, Completion

Position = tuple[int, int]

MOST_LINES = 10


class Completer(ItemList, can_focus=False):
    """The editor keeps the focus and hands over keys by `take_key`."""

    DEFAULT_CSS = """
    Completer {
        display: none;
        overlay: screen;
        constrain: inside inflect;
        width: 64;
        max-width: 90%;
        height: auto;
        max-height: 12;
        border: round $accent;
        background: $panel;
        border-subtitle-color: $text-muted;
        & .item-list--blurred { background: $block-cursor-background; color: $block-cursor-foreground; }
    }
    """

    class Taken(Message):
        """A choice was made."""

        def __init__(self, completion: Completion, choice: Choice) -> None:
            super().__init__()
            self.completion = completion
            self.choice = choice

    def __init__(self) -> None:
        super().__init__(id="completer")
        self._completion: Completion | None = None

    @property
    def open(self) -> bool:
        return self._completion is not None

    def offer(self, completion: Completion, at: Offset) -> None:
        """Show what may stand there; `at` is the cursor's place on the screen."""
        self._completion = completion
        self.display = True
        self.narrow(completion.typed)
        if self.open:
            self.absolute_offset = Offset(at.x, at.y + 1)

    def narrow(self, typed: str) -> None:
        """Show the choices that fit what is typed: those that begin so first, then those that hold it."""
        if self._completion is None:
            return
        low = typed.lower()
        choices = self._completion.choices
        fitting = [c for c in choices if c.label.lower().startswith(low)]
        fitting += [c for c in choices if low in c.label.lower() and c not in fitting]
        if not fitting:
            self.close()
            return
        width = min(34, max(len(c.label) for c in fitting))
        self.set_items([Item(c.label, c.label, _line(c, width)) for c in fitting])
        self.action_first()
        self.styles.height = min(MOST_LINES, len(fitting)) + 2
        self.border_subtitle = Text(f"{len(fitting)} · enter takes it · esc", end="").plain

    def close(self) -> None:
        if self.open:
            self._completion = None
            self.display = False

    def follow(self, cursor: Position, lines: DocumentBase) -> None:
        """A key was typed: narrow the list by the word that is there now, or close it where the cursor has left it."""
        if self._completion is None:
            return
        row, column = self._completion.start
        word = lines[row][column : cursor[1]].removeprefix('"') if row < lines.line_count else ""
        if cursor[0] != row or cursor[1] < column or any(letter in word for letter in ' \t",:{}[]'):
            self.close()
        else:
            self.narrow(word)

    def take_key(self, key: str) -> bool:
        """Do what a key means here; whether it meant something."""
        match key:
            case "up" | "down":
                self.action_move(-1 if key == "up" else 1)
            case "pageup" | "pagedown":
                self.action_page(-1 if key == "pageup" else 1)
            case "escape":
                self.close()
            case "enter" | "tab":
                self.action_choose()
            case _:
                return False
        return True

    def action_choose(self) -> None:
        completion, key = self._completion, self.key
        if completion is not None and key is not None:
            self.close()
            self.post_message(self.Taken(completion, next(c for c in completion.choices if c.label == key)))


def _line(choice: Choice, width: int) -> Callable[[int], Text]:
    def draw(room: int) -> Text:
        text = Text(no_wrap=True, end="")
        text.append(fill(visible(choice.label), width))
        text.append("  " + clip(visible(choice.note), max(0, room - width - 2)), "dim")
        return text

    return draw
