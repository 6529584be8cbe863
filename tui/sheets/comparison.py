"""Two images or containers beside each other over the whole screen."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import ContentSwitcher

from engine import FileEntry, human_size, visible
from tui.bench import Bench
from tui.dialogs.page import Page
from tui.panes.files.drawing import SIGNS
from tui.panes.files.sources import Listed
from tui.panes.files.tree_list import TreeList
from tui.panes.layers.pane import made_by
from tui.sheets.differences import Compared, Pair, Side, text_difference
from tui.sheets.whole import WholeScreen
from tui.text import clip, fill, plain, short_reference
from tui.widgets.frame import Edge, Frame, Tab
from tui.widgets.item_list import Item, ItemList

_OWNERS_FROM = 100
VIEWS = {"files": "Files", "config": "Config", "history": "History"}


class DifferenceList(TreeList):
    """Files that differ: what they are on the one side, and on the other."""

    def __init__(self, compared: Compared) -> None:
        super().__init__(empty="no file differs", id="compared-files")
        self._compared = compared

    def on_mount(self) -> None:
        self.begin(Listed(self._compared.entries, self._compared.other))
        self.open_few()

    def draw(self, index: int, width: int) -> Text:
        row = self.tree_model.rows[index]
        entry = self.tree_model.source.entry(row.path)
        change = entry.change if entry is not None else ""
        style = self.styles_of_lines.of(change)
        text = Text(f"{SIGNS.get(change, ' ')} ", style, no_wrap=True, end="")
        one, other = self._compared.one.entry(row.path), self._compared.other.entry(row.path)
        owners = width >= _OWNERS_FROM
        text.append(f"{_facts(one, owners)} │ {_facts(other, owners)}  ", self.styles_of_lines.muted)
        sign = "" if not row.directory else "▾ " if self.tree_model.is_open(row.path) else "▸ "
        text.append("  " * min(row.depth, 20) + (sign or "  "))
        text.append(visible(row.name) + ("/" if row.directory else ""), style)
        return text


def _facts(entry: FileEntry | None, owners: bool) -> str:
    if entry is None:
        return fill("—", 31 if owners else 19)
    owner = f"{clip(f'{entry.uid}:{entry.gid}', 11):<11} " if owners else ""
    size = "" if stat.S_ISDIR(entry.mode) else human_size(entry.size)
    return f"{stat.filemode(entry.mode)} {owner}{size:>8}"


class _Body(Frame):
    filterable = True

    def __init__(self, files: DifferenceList, config: ItemList, history: ItemList) -> None:
        super().__init__(id="comparison")
        self.lists: dict[str, DifferenceList | ItemList] = {"files": files, "config": config, "history": history}
        self.switcher = ContentSwitcher(initial="compared-files")
        self.switcher.styles.height = "1fr"

    def compose_body(self) -> Iterable[Widget]:
        with self.switcher:
            yield from self.lists.values()

    @property
    def view(self) -> str:
        """Which of them is in front."""
        return (self.switcher.current or "").removeprefix("compared-")

    def take_focus(self) -> None:
        self.screen.set_focus(self.lists[self.view], scroll_visible=False)

    def filter_with(self, text: str) -> None:
        self.lists[self.view].set_filter(text)


class ComparisonSheet(WholeScreen[None]):
    """Files, configuration and history that differ; left is the one, right the other."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left_square_bracket", "turn(-1)", "previous", show=False, id="comparison.previous"),
        Binding("right_square_bracket,tab", "turn(1)", "next", key_display="]", id="comparison.next"),
        Binding("slash", "filter", "filter", id="comparison.filter"),
        Binding("y", "copy", "copy", id="comparison.copy"),
    ]

    def __init__(self, bench: Bench, one: Side, other: Side, compared: Compared) -> None:
        self._one, self._other, self._compared = one, other, compared
        self._files = DifferenceList(compared)
        self._config = ItemList(empty="their configurations say the same", id="compared-config")
        self._history = ItemList(empty="neither says how it was made", id="compared-history")
        self._body = _Body(self._files, self._config, self._history)
        super().__init__(bench, self._body)

    def on_mount(self) -> None:
        self._config.set_items(_items(self._compared.config, _value_line))
        self._history.set_items(_items(self._compared.history, _step_line))
        self._body.take_focus()
        self.call_after_refresh(self._show)

    def _show(self) -> None:
        numbers = {"files": len(self._compared.entries), "config": len(self._compared.config)}
        numbers["history"] = sum(not pair.same for pair in self._compared.history)
        view = self._body.view
        tabs = [Tab(key, f"{words} {numbers[key]:,}", active=key == view, joined=True) for key, words in VIEWS.items()]
        sides = (self._one.shown, self._other.shown)
        said = [" │ ".join(short_reference(side, width) for side in sides) for width in (40, 22, 14, 10)]
        self._body.edge.show(tabs, said)
        counts = [sum(entry.change == change for entry in self._compared.entries) for change in SIGNS]
        words = {
            "files": f"{counts[0]:,} only right (A) · {counts[1]:,} differ (C) · {counts[2]:,} only left (D)"
            " · enter shows the lines that differ",
            "config": "values that differ; — is none",
            "history": "= the same on both sides · ≠ not",
        }
        self._body.set_subtitle(words[view])

    def action_turn(self, step: int) -> None:
        views = list(VIEWS)
        self._go(views[(views.index(self._body.view) + step) % len(views)])

    @on(Edge.Picked)
    def _picked(self, event: Edge.Picked) -> None:
        event.stop()
        self._go(event.key)

    def _go(self, view: str) -> None:
        self._body.switcher.current = f"compared-{view}"
        self._body.take_focus()
        self._show()

    def action_copy(self) -> None:
        if self._body.view == "files" and self._files.path is not None:
            self.bench.copy(f"/{self._files.path}", "the path")
        elif (pair := self._pair) is not None:
            self.bench.copy(f"{pair.label}\n{pair.one}\n{pair.other}", "both sides")

    @property
    def _pair(self) -> Pair | None:
        view = self._body.view
        pairs = {"config": self._compared.config, "history": self._compared.history}.get(view, ())
        key = self._body.lists[view].key if view != "files" else None  # type: ignore[union-attr]
        return pairs[int(key)] if key is not None else None

    @on(TreeList.Chosen)
    def _file_chosen(self, event: TreeList.Chosen) -> None:
        event.stop()
        self.bench.later(self._show_difference(event.entry.path))

    async def _show_difference(self, path: str) -> None:
        text = await self.bench.desk.off_thread(lambda: text_difference(self._compared, path))
        await self.bench.put(Page(f"/{visible(path)}", [(f"- {self._one.shown}   + {self._other.shown}", text)]))

    @on(ItemList.Chosen)
    def _pair_chosen(self, event: ItemList.Chosen) -> None:
        event.stop()
        if (pair := self._pair) is not None:
            rows = [(self._one.shown, pair.one or "—"), (self._other.shown, pair.other or "—")]
            self.app.push_screen(Page(pair.label or "A step", rows))


def _items(pairs: Sequence[Pair], draw: Callable[[Pair, int], Text]) -> list[Item]:
    return [
        Item(str(number), f"{pair.label} {pair.one} {pair.other}", lambda width, pair=pair: draw(pair, width))  # type: ignore[misc]
        for number, pair in enumerate(pairs)
    ]


def _value_line(pair: Pair, width: int) -> Text:
    label = min(34, width // 3)
    room = max(1, (width - label - 5) // 2)
    text = plain(fill(visible(pair.label.removeprefix("/config")), label), "bold")
    text.append(f"  {fill(visible(pair.one) or '—', room)} │ {clip(visible(pair.other) or '—', room)}", "not bold")
    return text


def _step_line(pair: Pair, width: int) -> Text:
    room = max(1, (width - 5) // 2)
    sign = "=" if pair.same else "≠"
    one, other = visible(made_by(pair.one)) or "—", visible(made_by(pair.other)) or "—"
    return Text(f"{sign} {fill(one, room)} │ {clip(other, room)}", "" if pair.same else "bold", no_wrap=True, end="")
