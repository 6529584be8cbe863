"""Reads a config.json strictly, as JSON is defined (RFC 8259), and says in plain words why a text is none."""

from __future__ import annotations

import json
import re
from itertools import accumulate
from typing import Any, NamedTuple

MAX_DEPTH = 100
"""Levels of nesting; a config.json needs ten. Deeper text is refused before anything recurses into it."""


class Fault(NamedTuple):
    """Why a text is not JSON, and at which byte. `trailing`: only something after the end, which runc passes over."""

    message: str
    offset: int
    trailing: bool = False


def parsed(data: bytes) -> tuple[Any, Fault | None]:
    """The value of a text, or None and why it is no JSON."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return None, Fault("it is not UTF-8 text", error.start)
    if text.startswith("\ufeff"):
        return None, Fault("it starts with a byte order mark, which JSON does not allow", 0)
    if (place := _too_deep(text)) is not None:
        return None, Fault(f"it is nested more than {MAX_DEPTH} levels deep", _bytes(text, place))
    try:
        return json.loads(text, parse_constant=_no_constant), None
    except json.JSONDecodeError as error:
        place = max(0, min(error.pos, len(text)))
        return None, Fault(_plain(error, text), _bytes(text, place), error.msg == "Extra data")
    except ValueError as error:
        return None, Fault(str(error), 0)


def _bytes(text: str, index: int) -> int:
    return len(text[:index].encode("utf-8", "surrogateescape"))


_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_BRACKET = re.compile(r"[\[{\]}]")
_STRING_OR_BRACKET = re.compile(f"{_STRING.pattern}|{_BRACKET.pattern}", re.DOTALL)


def _too_deep(text: str) -> int | None:
    """The index where the nesting passes MAX_DEPTH, or None."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return None
    brackets = _BRACKET.findall(_STRING.sub("", text))
    if max(accumulate(1 if bracket in "[{" else -1 for bracket in brackets), default=0) <= MAX_DEPTH:
        return None
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        if match.group() in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                return match.start()
        elif match.group() in "]}":
            depth -= 1
    return None


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is not a JSON value")


def _plain(error: json.JSONDecodeError, text: str) -> str:
    """The decoder's message in words for people."""
    near = text[: error.pos].rstrip()
    if error.pos >= len(text.rstrip()) and text.strip():
        return "the text ends too early: a bracket or quotation mark is not closed"
    if error.msg.startswith("Expecting property name") and near.endswith(","):
        return "a comma before the closing bracket is one too many"
    if error.msg.startswith("Expecting value") and near.endswith(",") and text[error.pos : error.pos + 1] == "]":
        return "a comma before the closing bracket is one too many"
    return {
        "Expecting property name enclosed in double quotes": 'a key in double quotes ("…") is missing here',
        "Expecting value": "a value is missing here, or this is none",
        "Expecting ',' delimiter": "a comma or a closing bracket is missing here",
        "Expecting ':' delimiter": "a colon is missing after the key",
        "Unterminated string starting at": "this string has no closing quotation mark",
        "Invalid control character at": "a string may not contain a line break or another control character",
        "Invalid \\escape": "this \\ escape is not known to JSON",
        "Invalid \\uXXXX escape": "after \\u four hexadecimal digits are wanted",
        "Extra data": "something follows after the end of the configuration",
    }.get(error.msg.rstrip(": "), error.msg)
