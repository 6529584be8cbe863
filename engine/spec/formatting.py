"""Puts a config.json into shape: commas where they belong, one value a line. Every value stays as it is written."""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.errors import SpecError
from engine.spec.document import Document

_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+|"')


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    start: int
    end: int

    @property
    def opens(self) -> bool:
        return self.text in "{["

    @property
    def closes(self) -> bool:
        return self.text in "}]"


def with_commas(text: str) -> str:
    """The text with the commas that are missing between values, and without those that are too many.

    Nothing else is changed; a text without such a mistake comes back as it is.
    """
    pieces: list[str] = []
    done = 0
    before: _Token | None = None
    comma: _Token | None = None
    for token in _tokens(text):
        if token.text == ",":
            if comma is not None or before is None or before.opens or before.text == ":":  # one too many
                pieces.append(text[done : token.start])
                done = token.end
            else:
                comma = token
            continue
        if comma is not None and token.closes:
            pieces.append(text[done : comma.start])
            done = comma.end
        elif comma is None and before is not None and _ends_value(before) and not (token.closes or token.text == ":"):
            pieces += [text[done : before.end], ","]
            done = before.end
        before, comma = token, None
    return "".join([*pieces, text[done:]])


def _ends_value(token: _Token) -> bool:
    return not (token.opens or token.text == ":")


def formatted(text: str, indent: str = "  ") -> str:
    """The text with one value a line; missing and superfluous commas are mended first.

    Strings and numbers stay as they are written. Raises SpecError where it is no JSON even then.
    """
    mended = with_commas(text)
    if (problem := Document(mended).problem) is not None:
        row, column = problem.position
        raise SpecError(
            f"this cannot be formatted: line {row + 1}, column {column + 1}: {problem.message}",
            hint="Mend that first.",
        )
    lines: list[str] = []
    line, depth = "", 0
    before: _Token | None = None
    for token in _tokens(mended):
        if token.closes:
            depth -= 1
            if before is None or not before.opens:
                lines.append(line)
                line = indent * depth
        elif before is not None and (before.opens or before.text == ","):
            lines.append(line)
            line = indent * depth
        line += ": " if token.text == ":" else token.text
        depth += token.opens
        before = token
    return "\n".join([*lines, line]) + "\n"


def _tokens(text: str) -> list[_Token]:
    return [_Token(match.group(), *match.span()) for match in _TOKEN.finditer(text)]
