"""Where in a JSON text each value stands: JSON pointers (RFC 6901) to lines, and back.

From the syntax tree, which also exists while the text is being typed and is no JSON yet.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node, Parser


@dataclass(frozen=True, slots=True)
class Place:
    """One value. Lines count from 0. `line` is where its key (or an array's element) begins, `end` where it ends.

    `leaf` says that it holds no other value; `text` is a leaf as it is written.
    """

    pointer: str
    line: int
    end: int
    leaf: bool
    text: str

    @property
    def name(self) -> str:
        """The last token of the pointer."""
        return self.pointer.rpartition("/")[2].replace("~1", "/").replace("~0", "~")


class Places:
    """Every value of a text, in the order of the text."""

    def __init__(self, text: str) -> None:
        source = text.encode("utf-8", "replace")
        self.all = list(_walk(_parser().parse(source).root_node)) if text else []
        self._lines = [place.line for place in self.all]

    def at(self, line: int) -> Place | None:
        """The innermost value that a line belongs to; a line that only closes belongs to what it closes."""
        for place in reversed(self.all[: bisect_right(self._lines, line)]):
            if place.end >= line:
                return place
        return None

    def leaves(self) -> Iterator[Place]:
        return (place for place in self.all if place.leaf)

    def line_of(self, pointer: str) -> int | None:
        """The line on which a value begins."""
        return next((place.line for place in self.all if place.pointer == pointer), None)


@cache
def _parser() -> Parser:
    import tree_sitter_json
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_json.language()))


def _walk(root: Node) -> Iterator[Place]:
    stack = [(child, "", child.start_point.row) for child in reversed(root.named_children)]
    while stack:
        node, pointer, line = stack.pop()
        if node.type not in ("object", "array", "string", "number", "true", "false", "null"):
            continue
        children = list(_children(node))
        holds = node.type in ("object", "array") and bool(children)
        text = "" if holds or node.text is None else node.text.decode("utf-8", "replace")
        yield Place(pointer, line, node.end_point.row, not holds, text)
        if node.type == "array":
            numbered = [(child, f"{pointer}/{index}", child.start_point.row) for index, child in enumerate(children)]
            stack.extend(reversed(numbered))
        elif node.type == "object":
            stack.extend(reversed(list(_members(children, pointer))))


def _children(node: Node) -> Iterator[Node]:
    """What is in an object or array; a text that is being typed has some of it inside error nodes."""
    for child in node.named_children:
        if child.type == "ERROR":
            yield from _children(child)
        elif child.type != "comment":
            yield child


def _members(pairs: list[Node], pointer: str) -> Iterator[tuple[Node, str, int]]:
    for pair in pairs:
        key, value = pair.child_by_field_name("key"), pair.child_by_field_name("value")
        if key is None or value is None or key.text is None:
            continue
        try:
            name = str(json.loads(key.text))
        except ValueError:
            continue
        yield value, f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}", pair.start_point.row
