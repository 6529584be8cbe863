"""What a key does beside typing itself: brackets and quotes in pairs, indentation, and a comma that is missing above.

Pure: a line as it is before and after the cursor goes in, what is to be typed comes out.
"""

from __future__ import annotations

from dataclasses import dataclass

_PAIRS = {"{": "}", "[": "]", '"': '"'}
_STARTS_VALUE = frozenset('{["-0123456789tfn')


@dataclass(frozen=True, slots=True)
class Typed:
    """`text` goes in at the cursor, which is left `back` characters before its end. `skip`: nothing goes in, and the
    cursor steps over the character after it. `dedent`: so many blanks before the cursor go first. `comma`: one is
    missing after the value above."""

    text: str = ""
    back: int = 0
    skip: bool = False
    dedent: int = 0
    comma: bool = False


def in_string(before: str) -> bool:
    """Whether the end of a line's part is within a string; no string of JSON goes over the end of a line."""
    inside = escaped = False
    for letter in before:
        if escaped:
            escaped = False
        elif inside and letter == "\\":
            escaped = True
        elif letter == '"':
            inside = not inside
    return inside


def typed(character: str, before: str, after: str, above: str, below: str, indent: int) -> Typed:
    """What a character does on a line. `above` is the last that is not blank before the line, `below` the first after
    it, both "" where there is none; `indent` is one step of indentation."""
    inside = in_string(before)
    escaped = (len(before) - len(before.rstrip("\\"))) % 2 == 1
    if character == '"' and inside and not escaped and after.startswith('"'):
        return Typed(skip=True)
    if inside:
        return Typed(character)
    if character in "}]":
        if after.startswith(character):
            return Typed(skip=True)
        blank = not before.strip()
        return Typed(character, dedent=min(indent, len(before)) if blank else 0)
    fresh = not before.strip() and character in _STARTS_VALUE
    comma = fresh and above != "" and above not in ",{[:"
    if character not in _PAIRS or not _may_end(after):
        return Typed(character, comma=comma)
    # Between two values of a list the new one needs a comma after it, too.
    tail = "," if fresh and not after.strip() and below not in ("", "}", "]", ",") else ""
    return Typed(character + _PAIRS[character] + tail, back=1 + len(tail), comma=comma)


def new_line(before: str, after: str, indent: int) -> Typed:
    """What Enter does: the indentation goes on, one step deeper after an opening bracket."""
    margin = before[: len(before) - len(before.lstrip(" \t"))]
    if in_string(before):
        return Typed("\n" + margin)
    opener = before.rstrip()[-1:]
    if opener not in ("{", "["):
        return Typed("\n" + margin)
    deeper = "\n" + margin + " " * indent
    rest = after.lstrip()
    if rest.startswith(_PAIRS[opener]):
        close = "\n" + margin
        return Typed(deeper + close, back=len(close))
    return Typed(deeper)


def is_empty_pair(before: str, after: str) -> bool:
    """Whether the cursor is between two brackets or quotes that hold nothing: they go together."""
    opener = before[-1:]
    if opener == '"' and (not in_string(before) or before.endswith('\\"')):
        return False
    return opener in _PAIRS and opener != "" and after[:1] == _PAIRS[opener]


def _may_end(after: str) -> bool:
    """Whether a pair may be closed at once, as nothing follows that would then be outside of it."""
    rest = after.lstrip()
    return rest == "" or rest[0] in ",:]}"
