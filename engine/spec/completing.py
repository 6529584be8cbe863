"""What may stand where the cursor is in a config.json, also while it is being typed and is no JSON yet."""

from __future__ import annotations

import json
import re
import signal
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from engine.spec.document import Position
from engine.spec.fields import Field, field_at, known_words, member_names
from engine.spec.generate import STOP_SIGNAL
from engine.spec.provenance import escape

_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"?|[{}\[\],:]|[^\s{}\[\],:"]+')

_CLOSED = re.compile(r'"(?:[^"\\\n]|\\.)*"')

_FILESYSTEMS = ("bind", "cgroup", "cgroup2", "devpts", "mqueue", "overlay", "proc", "sysfs", "tmpfs")
_SIGNALS = tuple(sorted(name.name for name in signal.Signals))

_MORE_WORDS = {"/mounts/*/type": _FILESYSTEMS, f"/annotations/{escape(STOP_SIGNAL)}": _SIGNALS}
"""What the table of fields leaves open, because other words may stand there, too."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that may stand there. `text` is JSON (perhaps several lines); the cursor belongs `back` characters
    before its end. `label` is what a person looks for, `note` a line on it."""

    label: str
    text: str
    note: str
    back: int = 0


@dataclass(frozen=True, slots=True)
class Completion:
    """What is offered at a place: each choice takes the text from `start` to `end`. `typed` is what is there of it
    before the cursor, without a quotation mark. `comma` is where one is missing before it, or None."""

    pointer: str
    start: Position
    end: Position
    typed: str
    choices: tuple[Choice, ...]
    comma: Position | None = None


@dataclass
class _Frame:
    """An object or array that is open where the reader is."""

    array: bool
    pointer: str
    expects: str
    """key, colon, value or comma"""
    key: str = ""
    held: list[str] = field(default_factory=list)
    """The names of the members so far, or the elements as they are written."""

    @property
    def child(self) -> str:
        """The pointer of the value that comes next, or that was read last."""
        return f"{self.pointer}/{len(self.held) if self.array else escape(self.key)}"


def complete(text: str, line: int, column: int) -> Completion | None:
    """What may stand at a position (both counted from 0); None where nothing is known, or within a finished token
    that is no word of the format's."""
    offset, lines = _offset(text, line, column)
    stack, token, previous = _read(text, offset)
    if not stack:
        return None
    frame = stack[-1]
    start, end = token.span() if token is not None else (offset, offset)
    if token is not None and token.group()[0] == '"' and not _CLOSED.fullmatch(token.group()):
        end = offset  # the string has no end yet: what follows on the line is not its own
    after = _after(text, end)
    at_key = not frame.array and frame.expects in ("key", "comma")
    held = frame.held + _rest(text, end, array=frame.array)
    if at_key:
        pointer = frame.pointer
        choices = list(_members(pointer, set(held), named=after == ":", more=_goes_on(after)))
    else:
        pointer = frame.child
        choices = list(_values(pointer, set(held) if frame.array else set(), more=_goes_on(after)))
    if not choices:
        return None
    missing = frame.expects == "comma" and previous is not None
    comma = _position(lines, previous) if missing and previous is not None else None
    typed = text[start:offset].removeprefix('"')
    return Completion(pointer, _position(lines, start), _position(lines, end), typed, tuple(choices), comma)


def _read(text: str, offset: int) -> tuple[list[_Frame], re.Match[str] | None, int | None]:
    """The objects and arrays that are open at an offset, the word that the offset is in or after, and where the last
    token before that ends."""
    stack: list[_Frame] = []
    previous: int | None = None
    for match in _TOKEN.finditer(text):
        word = match.group()
        if match.start() >= offset:
            break
        if match.end() >= offset and word[0] not in "{}[],:":
            return stack, match, previous
        _take(stack, word)
        previous = match.end()
    return stack, None, previous


def _take(stack: list[_Frame], word: str) -> None:
    frame = stack[-1] if stack else None
    match word:
        case "{" | "[":
            array = word == "["
            stack.append(_Frame(array, frame.child if frame else "", "value" if array else "key"))
        case "}" | "]":
            if stack:
                stack.pop()
            if stack:
                _filled(stack[-1], "")
        case ",":
            if frame is not None:
                frame.expects = "value" if frame.array else "key"
        case ":":
            if frame is not None:
                frame.expects = "value"
        case _ if frame is not None:
            if not frame.array and frame.expects in ("key", "comma"):
                frame.key, frame.expects = _plain(word), "colon"
                frame.held.append(frame.key)
            else:
                _filled(frame, word)


def _filled(frame: _Frame, word: str) -> None:
    """A value has ended."""
    frame.expects = "comma"
    if frame.array:
        frame.held.append(_plain(word))


def _rest(text: str, offset: int, *, array: bool) -> list[str]:
    """What the object or array that is open at an offset holds after it: names, or elements."""
    depth, found = 0, []
    last = ""
    for match in _TOKEN.finditer(text, offset):
        word = match.group()
        if word in "{[":
            depth += 1
        elif word in "}]":
            depth -= 1
            if depth < 0:
                break
        elif depth == 0:
            if word == ":" and not array:
                found.append(_plain(last))
            elif array and word != ",":
                found.append(_plain(word))
        last = word
    return found


def _after(text: str, offset: int) -> str:
    """The first character of the next token, or ""."""
    match = _TOKEN.search(text, offset)
    return match.group()[0] if match else ""


def _goes_on(after: str) -> bool:
    """Whether another member follows without a comma between."""
    return after not in ("", ",", "}", "]", ":")


def _members(pointer: str, held: set[str], *, named: bool, more: bool) -> Iterator[Choice]:
    for name in member_names(pointer):
        if name in held:
            continue
        below = f"{pointer}/{escape(name)}"
        known = field_at(below)
        key = json.dumps(name)
        note = f"{known.type_text}: {known.meaning}" if known else ""
        if named or known is None:
            yield Choice(name, key, note)
            continue
        value, back = _skeleton(known)
        tail = "," if more else ""
        yield Choice(name, f"{key}: {value}{tail}", note, back + len(tail))


def _skeleton(known: Field) -> tuple[str, int]:
    """What a new member starts with, and how far before its end the cursor belongs."""
    match known.kind:
        case "object" | "map":
            return "{}", 1
        case "array":
            return "[]", 1
        case "bool":
            return "true", 0
        case "integer":
            return json.dumps(known.example), 0
        case _:
            return '""', 1


def _values(pointer: str, held: set[str], *, more: bool) -> Iterator[Choice]:
    known = field_at(pointer)
    if known is None:
        return
    tail = "," if more else ""
    words = sorted(known_words(pointer)) or list(_MORE_WORDS.get(known.pattern, _MORE_WORDS.get(pointer, ())))
    for word in words:
        if word not in held:
            yield Choice(word, json.dumps(word) + tail, known.meaning)
    if words:
        return
    if known.kind == "bool":
        for value in ("true", "false"):
            yield Choice(value, value + tail, known.meaning)
    else:
        text = json.dumps(known.example, ensure_ascii=False, indent=2 if _deep(known.example) else None) + tail
        yield Choice(json.dumps(known.example, ensure_ascii=False), text, f"an example. {known.meaning}", len(tail))


def _deep(value: Any) -> bool:
    return isinstance(value, dict | list) and any(isinstance(each, dict | list) for each in _within(value))


def _within(value: Any) -> Iterator[Any]:
    return iter(value.values() if isinstance(value, dict) else value)


def _plain(word: str) -> str:
    try:
        return str(json.loads(word))
    except ValueError:
        return word.strip('"')


def _offset(text: str, line: int, column: int) -> tuple[int, list[int]]:
    """The index of a position, and where each line starts."""
    starts = [0]
    place = text.find("\n")
    while place != -1:
        starts.append(place + 1)
        place = text.find("\n", place + 1)
    return min(len(text), starts[min(line, len(starts) - 1)] + column), starts


def _position(starts: list[int], offset: int) -> Position:
    line = bisect_right(starts, offset) - 1
    return line, offset - starts[line]
