"""A config.json as text: the bytes are the truth, with a syntax tree that knows where each value stands.

Positions are (line, column), both counted from 0, columns in characters, as editors count them.
An edit changes as little text as it can; formatting and keys that nobody here knows survive.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import nullcontext
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from engine.errors import SpecError, UsageError
from engine.spec.diagnostics import MAX_CONFIG_BYTES
from engine.spec.provenance import escape, tokens
from engine.spec.syntax import parsed

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

Position = tuple[int, int]


class Span(NamedTuple):
    """Where a piece of text stands; `end` is just after it."""

    start: Position
    end: Position


class SyntaxProblem(NamedTuple):
    """Why a text is not JSON, and where. `trailing`: only something after the end, which runc does not look at."""

    message: str
    position: Position
    trailing: bool = False


def config_text(source: Path | BinaryIO) -> str:
    """The text of a config.json in a file; what is no UTF-8 in it is kept. Raises UsageError."""
    name = source if isinstance(source, Path) else "standard input"
    try:
        with source.open("rb") if isinstance(source, Path) else nullcontext(source) as file:
            data = file.read(MAX_CONFIG_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror}") from error
    if len(data) > MAX_CONFIG_BYTES:
        raise UsageError(f"{name} is over {MAX_CONFIG_BYTES >> 20} MiB: that is no config.json")
    return data.decode("utf-8", "surrogateescape")


class Document:
    """One version of a config.json. Editing makes a new one."""

    def __init__(self, text: str | bytes) -> None:
        self.data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
        self.text = self.data.decode("utf-8", "surrogateescape")

    @property
    def value(self) -> Any:
        """The parsed value; None where the text is not JSON (see `problem`)."""
        return self._parsed[0]

    @property
    def problem(self) -> SyntaxProblem | None:
        """Why the text is not JSON, or None."""
        return self._parsed[1]

    def get(self, pointer: str) -> Any:
        """The value at a pointer; None where there is none."""
        value = self.value
        for token in tokens(pointer):
            if isinstance(value, dict) and token in value:
                value = value[token]
            elif isinstance(value, list) and token.isdecimal() and int(token) < len(value):
                value = value[int(token)]
            else:
                return None
        return value

    def has(self, pointer: str) -> bool:
        """Whether something stands at a pointer, be it null. Works as far as a broken text can be read."""
        return self._find(tokens(pointer)) is not None

    def span(self, pointer: str) -> Span | None:
        """Where the value at a pointer stands; None where there is none."""
        found = self._find(tokens(pointer))
        return None if found is None else Span(self._position(found[1].start_byte), self._position(found[1].end_byte))

    def key_span(self, pointer: str) -> Span | None:
        """Where the key of an object's member stands; None for array elements and what is not there."""
        found = self._find(tokens(pointer))
        if found is None or found[0] is None:
            return None
        return Span(self._position(found[0].start_byte), self._position(found[0].end_byte))

    def set(self, pointer: str, value: Any) -> Document:
        """A document with `value` at `pointer`; missing objects on the way are made; "-" appends to an array.

        What is there already stays as it is written. Raises SpecError where the text is not JSON, or the way leads
        through something that is no container.
        """
        self._need_json()
        path = tokens(pointer)
        found = self._find(path)
        if found is not None:
            node = found[1]
            if json.dumps(self.get(pointer)) == json.dumps(value):
                return self
            return self._replaced(node.start_byte, node.end_byte, self._dump(value, self._indent_at(node.start_byte)))
        parent = self._find(path[:-1])
        if parent is None:
            missing: Any = [value] if path[-1] in ("-", "0") and len(path) > 1 else {path[-1]: value}
            return self.set("".join(f"/{escape(token)}" for token in path[:-1]), missing)
        return self._inserted(parent[1], path[-1], value, pointer)

    def insert(self, pointer: str, value: Any) -> Document:
        """A document with `value` as a further element of an array, before the one that is at `pointer` now.

        Where none is there it is as `set`, and raises as that.
        """
        self._need_json()
        path = tokens(pointer)
        found, parent = self._find(path), self._find(path[:-1])
        if found is None or parent is None or parent[1].type != "array":
            return self.set(pointer, value)
        start = found[1].start_byte
        own_line = self._position(start)[0] != self._position(parent[1].start_byte)[0]
        indent = self._indent_at(start)
        text = self._dump(value, indent, compact=not own_line)
        return self._replaced(start, start, text + (",\n" + indent if own_line else ", "))

    def with_elements(self, pointer: str, wanted: list[Any]) -> Document:
        """A document whose array at `pointer` has these elements; those that are there already stay as they are.

        Raises as `set`.
        """
        self._need_json()
        now = self.get(pointer)
        if not isinstance(now, list) or not now or not wanted:
            return self.set(pointer, wanted)
        from difflib import SequenceMatcher  # few documents are edited

        sides = [[json.dumps(element, sort_keys=True) for element in side] for side in (now, wanted)]
        document = self
        # From the end, so that the indices before a change stay true.
        for kind, i1, i2, j1, j2 in reversed(SequenceMatcher(None, sides[0], sides[1], autojunk=False).get_opcodes()):
            if kind == "equal":
                continue
            both = min(i2 - i1, j2 - j1)
            for index in reversed(range(i1 + both, i2)):
                document = document.remove(f"{pointer}/{index}")
            for element in reversed(wanted[j1 + both : j2]):
                document = document.insert(f"{pointer}/{i1 + both}", element)
            for offset in range(both):
                document = document.set(f"{pointer}/{i1 + offset}", wanted[j1 + offset])
        return document

    def remove(self, pointer: str) -> Document:
        """A document without the member or element at `pointer`. Raises SpecError where there is none."""
        self._need_json()
        path = tokens(pointer)
        found = self._find(path)
        parent = self._find(path[:-1])
        if not path or found is None or parent is None:
            raise SpecError(f"there is nothing at {pointer or 'the top'} to remove")
        members = [((key or child).start_byte, child.end_byte) for _, key, child in _members(parent[1])]
        start, end = (found[0] or found[1]).start_byte, found[1].end_byte
        place = members.index((start, end))
        if len(members) == 1:  # nothing is left: close up
            return self._replaced(parent[1].start_byte + 1, parent[1].end_byte - 1, "")
        if place + 1 < len(members):
            return self._replaced(start, members[place + 1][0], "")
        return self._replaced(members[place - 1][1], end, "")

    # The parsed value.

    @cached_property
    def _parsed(self) -> tuple[Any, SyntaxProblem | None]:
        value, fault = parsed(self.data)
        if fault is None:
            return value, None
        return None, SyntaxProblem(fault.message, self._position(fault.offset), fault.trailing)

    def _need_json(self) -> None:
        if self.problem is not None:
            line, column = self.problem.position
            raise SpecError(
                f"this config.json is not JSON: line {line + 1}, column {column + 1}: {self.problem.message}",
                hint="Mend that first.",
            )

    # The syntax tree.

    @cached_property
    def _top(self) -> Node | None:
        """The value that the text is; of a text that is not closed, what holds its members."""
        root = _parser().parse(self.data).root_node
        if root.type == "ERROR":
            return root
        return next((node for node in root.named_children if node.type in _VALUES or node.type == "ERROR"), None)

    def _find(self, path: list[str]) -> tuple[Node | None, Node] | None:
        """The (key, value) nodes at a path; of members with the same key the last, which counts (as for Go)."""
        if self._top is None:
            return None
        key: Node | None = None
        node = self._top
        for token in path:
            found = None
            for name, member_key, child in _members(node):
                if name == token:
                    found = (member_key, child)
            if found is None:
                return None
            key, node = found
        return key, node

    # Positions.

    @cached_property
    def _line_starts(self) -> list[int]:
        starts = [0]
        place = self.data.find(b"\n")
        while place != -1:
            starts.append(place + 1)
            place = self.data.find(b"\n", place + 1)
        return starts

    def _position(self, offset: int) -> Position:
        line = bisect_right(self._line_starts, offset) - 1
        return line, len(self.data[self._line_starts[line] : offset].decode("utf-8", "surrogateescape"))

    # Edits.

    def _replaced(self, start: int, end: int, text: str) -> Document:
        return Document(self.data[:start] + text.encode("utf-8", "surrogateescape") + self.data[end:])

    def _inserted(self, parent: Node, token: str, value: Any, pointer: str) -> Document:
        members = [(key, child) for _, key, child in _members(parent)]
        if parent.type == "array":
            if token not in ("-", str(len(members))):
                raise SpecError(f"{pointer}: the array has only {len(members)} elements")
            name = ""
        elif parent.type == "object":
            name = json.dumps(token, ensure_ascii=False) + ": "
        else:
            raise SpecError(f"{pointer}: what it lies in is neither an object nor an array")
        if members:
            first = (members[0][0] or members[0][1]).start_byte
            last = members[-1][1].end_byte
            own_line = self._position(first)[0] != self._position(parent.start_byte)[0]
            indent = self._indent_at(first)
            text = ",\n" + indent if own_line else ", "
            return self._replaced(last, last, text + name + self._dump(value, indent, compact=not own_line))
        outer = self._indent_at(parent.start_byte)
        indent = outer + self._unit
        text = f"\n{indent}{name}{self._dump(value, indent)}\n{outer}"
        return self._replaced(parent.start_byte + 1, parent.end_byte - 1, text)

    def _dump(self, value: Any, indent: str, *, compact: bool = False) -> str:
        if compact:
            return json.dumps(value, ensure_ascii=False)
        text = json.dumps(value, ensure_ascii=False, indent=self._unit)
        return text.replace("\n", "\n" + indent)

    def _indent_at(self, offset: int) -> str:
        line = self.data[self._line_starts[self._position(offset)[0]] :].split(b"\n", 1)[0]
        return line[: len(line) - len(line.lstrip(b" \t"))].decode()

    @cached_property
    def _unit(self) -> str:
        """One step of indentation: that of the first indented line."""
        for line in self.data.split(b"\n", 50)[1:50]:
            if line.strip() and line[:1] in (b" ", b"\t"):
                return line[: len(line) - len(line.lstrip(b" \t"))].decode()
        return "  "


_VALUES = frozenset({"object", "array", "string", "number", "true", "false", "null"})


@lru_cache(maxsize=1)
def _parser() -> Parser:
    import tree_sitter_json
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_json.language()))


def _members(node: Node) -> Iterator[tuple[str, Node | None, Node]]:
    """The members of an object as (key, key's node, value's node), the elements of an array as (index, None, node)."""
    if node.type in ("object", "ERROR"):
        yield from _pairs(node)
    elif node.type == "array":
        elements = (child for child in node.named_children if child.type in _VALUES)
        for index, child in enumerate(elements):
            yield str(index), None, child


def _pairs(node: Node) -> Iterator[tuple[str, Node | None, Node]]:
    for child in node.named_children:
        if child.type == "ERROR":  # a missing comma puts whole members into an error node
            yield from _pairs(child)
        elif child.type == "pair":
            key, value = child.child_by_field_name("key"), child.child_by_field_name("value")
            if key is not None and value is not None and value.type in _VALUES:
                yield _key(key), key, value


def _key(node: Node) -> str:
    raw = node.text or b""
    if raw[:1] == raw[-1:] == b'"' and len(raw) > 1 and raw.isascii() and b"\\" not in raw:
        return raw[1:-1].decode()
    try:
        return str(json.loads(raw))
    except ValueError:
        return raw.decode("utf-8", "surrogateescape").strip('"')
