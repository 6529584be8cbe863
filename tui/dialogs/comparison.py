"""In what a config.json differs from others, by meaning or as text; each difference can be taken back from here."""

from __future__ import annotations

import difflib
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from engine import CutawayError, Difference, differences, visible
from tui.dialogs.dialog import Dialog
from tui.dialogs.difference import SIGNS, colours, line_of
from tui.dialogs.page import Page
from tui.text import counted
from tui.widgets.item_list import Item, ItemList


@dataclass(frozen=True, slots=True)
class Base:
    """Something to compare with; `label` is plain and safe."""

    what: str
    label: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The text as it is now, and a value to go to or None."""

    text: str
    pointer: str | None


class Comparison(Dialog[Answer | None]):
    """Left and right choose what it is compared with."""

    DEFAULT_CSS = """
    Comparison {
        & > #box { width: 96%; height: 92%; padding: 0 1; }
        & #bases { height: auto; margin: 0 0 1 0; }
        & #differences { height: 1fr; }
        & #values { height: 8; border-top: solid $border-blurred; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,right_square_bracket,l", "base(1)", "compare with the next", show=False, id="differences.next"),
        Binding("left,left_square_bracket,h", "base(-1)", "with the one before", show=False, id="differences.previous"),
        Binding("ctrl+r,u", "take_back", "take its value", show=False, id="differences.take-back"),
        Binding("t", "turn", "as text, or by meaning", show=False, id="differences.text"),
        Binding("y", "copy", "copy all of it", show=False, id="differences.copy"),
    ]

    hint = "y copy · t text · ctrl+r takes that value · ← → with what · enter goes there · esc back"

    def __init__(
        self,
        title: str,
        text: str,
        bases: Sequence[Base],
        read: Callable[[str], Awaitable[str]],
        take_back: Callable[[str, str, Difference], str],
    ) -> None:
        """`read` brings the text of a base; `take_back` undoes one difference of a text from another."""
        super().__init__()
        self.heading = visible(title)
        self._text, self._bases, self._read, self._take_back = text, list(bases), read, take_back
        self._began = text
        self._number = 0
        self._other: str | None = None
        self._found: list[Difference] = []
        self._as_text = False

    def compose_box(self) -> Iterable[Widget]:
        yield Static("", id="bases", markup=False)
        yield ItemList(empty="reading…", id="differences")
        with VerticalScroll(id="values", can_focus=False):
            yield Static("", id="value", markup=False)

    def on_mount(self) -> None:
        self.query_one("#differences").focus()
        self._begin()

    def _begin(self) -> None:
        self._other = None
        self._draw_bases("reading…")
        self._list.set_empty("reading…")
        self._list.set_items([])
        self.run_worker(self._load(self._number), exclusive=True)

    async def _load(self, number: int) -> None:
        try:
            self._other = await self._read(self._bases[number].what)
        except CutawayError as error:
            self._draw_bases("")
            self._list.set_empty(f"✗ {visible(error.message)}\n{visible(error.hint)}")
            return
        self._compare()

    @property
    def _list(self) -> ItemList:
        return self.query_one("#differences", ItemList)

    @property
    def _colours(self) -> Mapping[str, str]:
        """The style of each sign."""
        return colours(self.app.theme_variables)

    def _compare(self) -> None:
        assert self._other is not None
        try:
            self._found = differences(self._other, self._text)
        except CutawayError as error:
            self._found = []
            self._as_text = True  # by its lines it can be compared all the same
            self._draw_bases(visible(error.message))
        else:
            count = len(self._found)
            self._draw_bases(counted(count, "difference") if count else "the same")
        self._list.set_empty("Nothing is different.")
        self._list.set_items(self._lines() if self._as_text else self._by_meaning())
        self._show_value()

    def _by_meaning(self) -> list[Item]:
        return [
            Item(str(number), each.pointer, lambda width, each=each: line_of(each, width, self._colours))  # type: ignore[misc]
            for number, each in enumerate(self._found)
        ]

    def _lines(self) -> list[Item]:
        lines = difflib.unified_diff(
            (self._other or "").splitlines(),
            self._text.splitlines(),
            self._bases[self._number].label,
            "now",
            lineterm="",
        )
        return [Item(f"line {number}", line, _text_line(line, self._colours)) for number, line in enumerate(lines)]

    def _draw_bases(self, said: str) -> None:
        """The names around the one that is chosen, as many as there is room for."""
        text = Text("compared with  ", "dim", end="")
        names = [base.label for base in self._bases]
        first = max(0, min(self._number - 1, len(names) - 3))
        for number, name in list(enumerate(names))[first : first + 4]:
            text.append(f" {name} ", "reverse bold" if number == self._number else "")
            text.append("  ")
        if first + 4 < len(names):
            text.append("→ ", "dim")
        text.append(f"  {said}", "bold")
        self.query_one("#bases", Static).update(text)

    def _current(self) -> Difference | None:
        key = self._list.key or ""
        return self._found[int(key)] if key.isdigit() and int(key) < len(self._found) else None

    @on(ItemList.Moved)
    def _show_value(self) -> None:
        each = self._current()
        text = Text(end="")
        if each is not None:
            sign = SIGNS[each.kind.value]
            text.append(f"{visible(each.pointer if each.after is not None else each.old) or '/'}\n", "bold")
            for name, value, there in (
                ("it has   ", each.before, each.kind.value != "added"),
                ("here     ", each.after, each.kind.value != "removed"),
            ):
                text.append(name, "dim")
                said = json.dumps(value, ensure_ascii=False, indent=2) if there else "—"
                text.append(
                    visible(said, keep="\n").replace("\n", "\n         ") + "\n",
                    self._colours[sign] if there else "dim",
                )
        self.query_one("#value", Static).update(text)

    @on(ItemList.Chosen)
    def _chosen(self) -> None:
        each = self._current()
        if each is not None:
            self.dismiss(Answer(self._text, each.pointer))

    def action_base(self, step: int) -> None:
        self._number = (self._number + step) % len(self._bases)
        self._begin()

    def action_turn(self) -> None:
        self._as_text = not self._as_text
        if self._other is not None:
            self._compare()

    def action_take_back(self) -> None:
        """Put the other one's value in the place of this."""
        each = self._current()
        if each is None or self._other is None:
            return
        try:
            self._text = self._take_back(self._text, self._other, each)
        except CutawayError as error:
            self.notify(visible(error.message), severity="error", markup=False)
            return
        self._compare()

    def action_copy(self) -> None:
        lines = [item.draw(400).plain.rstrip() for item in (self._lines() if self._as_text else self._by_meaning())]
        if lines:
            self.post_message(Page.Copy("\n".join(lines) + "\n", "the differences"))

    def action_leave(self) -> None:
        self.dismiss(Answer(self._text, None) if self._text != self._began else None)


def _text_line(line: str, colours: Mapping[str, str]) -> Callable[[int], Text]:
    style = colours.get(line[:1], "bold" if line[:2] == "@@" else "")
    return lambda width: Text(visible(line, keep=""), style, no_wrap=True, end="")
