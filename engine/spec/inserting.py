"""Members of an object between others, and values as they are written, where `Document.set` appends and dumps."""

from __future__ import annotations

import json
from typing import Any

from engine.spec.document import Document, Position
from engine.spec.provenance import escape


def insert_member(document: Document, parent: str, name: str, value: Any, before: str | None) -> Document:
    """A document with a new member of the object at a pointer, before the member `before`; None: at the end.

    Raises SpecError where there is no object, or the text is not JSON.
    """
    span = document.key_span(f"{parent}/{escape(before)}") if before is not None else None
    pointer = f"{parent}/{escape(name)}"
    if span is None or document.has(pointer):
        return document.set(pointer, value)
    opened = document.span(parent)
    own_line = opened is None or opened.start[0] != span.start[0]
    line = document.text.split("\n")[span.start[0]]
    indent = line[: len(line) - len(line.lstrip(" \t"))]
    key = json.dumps(name, ensure_ascii=False)
    # The value is dumped by the document, which knows the text's indentation, and then moved to its place.
    index = _index(document.text, span.start)
    piece = f"{key}: null,\n{indent}" if own_line else f"{key}: null, "
    return Document(document.text[:index] + piece + document.text[index:]).set(pointer, value)


def written(document: Document, pointer: str) -> str:
    """The text of a value as it stands in a document; "" where there is none."""
    span = document.span(pointer)
    if span is None:
        return ""
    start, end = (_index(document.text, position) for position in span)
    return document.text[start:end]


def set_written(document: Document, pointer: str, text: str) -> Document:
    """A document with the value at a pointer, which has to be there, replaced by a piece of JSON as it is written."""
    span = document.span(pointer)
    assert span is not None
    start, end = (_index(document.text, position) for position in span)
    return Document(document.text[:start] + text + document.text[end:])


def _index(text: str, position: Position) -> int:
    start = 0
    for _ in range(position[0]):
        start = text.index("\n", start) + 1
    return start + position[1]
