"""The tree of a config.json beside it, to fold and to go by; with signs where something was changed or is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message

from engine import visible
from tui.panes.config.places import Place, Places
from tui.text import fill
from tui.widgets.item_list import Item, ItemList

if TYPE_CHECKING:
    from engine import Diagnostic, Difference

_NAMING = ("destination", "type", "path", "names")
"""Members by which an element of an array is called."""


@dataclass(frozen=True, slots=True)
class Node:
    """One value of the tree, in the order of the text. `count` is how many values it holds, `sign` says that one of
    them is wrong (!) or was changed (u)."""

    pointer: str
    level: int
    label: str
    count: int
    sign: str
    holds: bool


def nodes(places: Places, diagnostics: Iterable[Diagnostic], differences: Iterable[Difference]) -> list[Node]:
    """The tree of a text."""
    counts: dict[str, int] = {}
    names: dict[str, str] = {}
    for place in places.all:
        parent = place.pointer.rpartition("/")[0]
        counts[parent] = counts.get(parent, 0) + 1
        if place.name in _NAMING and place.leaf and place.text.startswith('"'):
            names.setdefault(parent, place.text.strip('"'))
    changed = set(_with_parents(each.pointer for each in differences))
    wrong = set(_with_parents(found.pointer for found in diagnostics))
    found = []
    for place in places.all:
        if place.pointer:
            sign = "!" if place.pointer in wrong else "u" if place.pointer in changed else ""
            label = _label(place, names)
            count = counts.get(place.pointer, 0)
            found.append(Node(place.pointer, place.pointer.count("/"), label, count, sign, not place.leaf))
    return found


def _with_parents(pointers: Iterable[str]) -> Iterator[str]:
    for pointer in pointers:
        while pointer:
            yield pointer
            pointer = pointer.rpartition("/")[0]


def _label(place: Place, names: Mapping[str, str]) -> str:
    if not place.name.isdigit():
        return place.name
    return place.text[:80].strip('"') if place.leaf else names.get(place.pointer, place.name)


class Outline(ItemList):
    """Enter goes to a value, left and right fold; which branches are open lasts from one text to the next."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l", "unfold", "unfold", show=False, id="outline.unfold"),
        Binding("left,h", "fold", "fold", show=False, id="outline.fold"),
        Binding("escape", "leave", "to the text", id="outline.leave"),
        Binding("space", "turn", "fold or unfold", id="outline.turn"),
        Binding("asterisk", "unfold_all", "unfold all below", show=False, id="outline.unfold-all"),
    ]

    class Left(Message):
        """Escape."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows: Sequence[Node] = ()
        self._open: dict[str, bool] = {}
        """By pointer, where somebody has opened or closed it."""

    def show(self, nodes: Sequence[Node]) -> None:
        """Another text, or the same one changed."""
        if nodes != self._rows:
            self._rows = nodes
            self._fill()

    def _is_open(self, node: Node) -> bool:
        # At first the second level is in sight, but for what would fill the whole height.
        usual = node.level == 1 and node.count <= 12 and not node.pointer.startswith(("/annotations", "/mounts"))
        return self._open.get(node.pointer, usual)

    def _fill(self) -> None:
        items = []
        closed = ""
        for node in self._rows:
            if closed and node.pointer.startswith(closed):
                continue
            closed = ""
            is_open = node.holds and self._is_open(node)
            if node.holds and not is_open:
                closed = node.pointer + "/"
            items.append(Item(node.pointer, node.pointer, _Line(node, is_open)))
        self.set_items(items)

    def point(self, pointer: str) -> None:
        """Put the cursor on a value, or on the branch that it is folded into."""
        while pointer and not self.move_to(pointer):
            pointer = pointer.rpartition("/")[0]

    @property
    def _here(self) -> Node | None:
        return next((node for node in self._rows if node.pointer == self.key), None)

    def _set(self, node: Node, is_open: bool) -> None:
        self._open[node.pointer] = is_open
        self._fill()

    def action_leave(self) -> None:
        self.post_message(self.Left())

    def action_unfold(self) -> None:
        node = self._here
        if node is not None and node.holds and not self._is_open(node):
            self._set(node, True)
        else:
            self.action_move(1)

    def action_fold(self) -> None:
        """Close this branch; where it is closed, or none, go to the one that it lies in."""
        node = self._here
        if node is not None and node.holds and self._is_open(node):
            self._set(node, False)
        elif node is not None and node.level > 1:
            self.move_to(node.pointer.rpartition("/")[0])

    def action_turn(self) -> None:
        node = self._here
        if node is not None and node.holds:
            self._set(node, not self._is_open(node))

    def action_unfold_all(self) -> None:
        """Open this branch and every one in it."""
        here = self._here
        if here is not None:
            below = here.pointer + "/"
            self._open |= {n.pointer: True for n in self._rows if n.holds and (n.pointer + "/").startswith(below)}
            self._fill()


@dataclass(frozen=True, slots=True)
class _Line:
    """Draws a node."""

    node: Node
    is_open: bool

    def __call__(self, width: int) -> Text:
        node = self.node
        sign = ("▾ " if self.is_open else "▸ ") if node.holds else "  "
        name = "  " * (node.level - 1) + sign + visible(node.label)
        text = Text(no_wrap=True, end="")
        text.append(fill(name, max(1, width - 6)), "bold" if node.level == 1 else "")
        text.append(f"{node.count or '':>4}{node.sign or '':>2}")
        return text
