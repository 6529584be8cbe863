"""Hostile text made visible; sizes and durations in words; what is kept as JSON.

Names, messages and output come from images, registries and processes. A terminal obeys control
sequences in them, and bidirectional overrides make a line read as something it is not (CVE-2021-42574).
"""

from __future__ import annotations

import json
import re
import shlex
from functools import cache
from pathlib import Path
from typing import Any

_UNSAFE = (
    "["
    "\x00-\x1f\x7f-\x9f"  # C0, DEL, C1
    "\u2028-\u202e\u2066-\u2069\u061c\u200e\u200f"  # line and paragraph separators, bidirectional controls
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d"  # unseen
    "\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0"  # unseen
    "\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"  # annotations, tags, selectors
    "\ud800-\udfff"  # surrogates: bytes that were not UTF-8, decoded by surrogateescape, and what cannot be written
    "]"
)


@cache
def _unsafe() -> re.Pattern[str]:
    return re.compile(_UNSAFE)  # most commands meet nothing that has to be shown


def _show(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was not UTF-8, decoded by surrogateescape
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def visible(text: str, *, keep: str = "") -> str:
    """Return `text` with every character that a terminal would obey shown instead (ESC as ␛).

    Characters in `keep` (say "\\n\\t") pass unchanged.
    """
    if text.isascii() and text.isprintable():
        return text
    if not keep:
        return _unsafe().sub(_show, text)
    return _unsafe().sub(lambda match: match.group() if match.group() in keep else _show(match), text)


def as_json(value: Any, *, indent: int | None = None) -> bytes:
    """A value, of a Struct too, as JSON to be kept, on one line without an `indent`.

    What was no UTF-8 (surrogates) is escaped in it; then `json.loads` reads it, and msgspec does not.
    """
    import msgspec  # the process that unpacks layers keeps none

    try:
        raw = msgspec.json.encode(value, enc_hook=_plain)
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(value, enc_hook=_plain), indent=indent).encode()
    return raw if indent is None else msgspec.json.format(raw, indent=indent)


def _plain(value: Any) -> str:
    """A text of a kind of its own (a Digest) as such."""
    if isinstance(value, str):
        return str.__str__(value)
    raise TypeError(f"a {type(value).__name__} has no place in JSON")


def storable(text: str) -> bool:
    """Whether a JSON file, and a process's arguments and variables, can carry it: no NUL, nothing but Unicode."""
    if text.isascii():
        return "\0" not in text
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:  # bytes that were not UTF-8, as surrogates
        return False


def clock(seconds: float) -> str:
    """A duration in whole seconds: `1:02:03`, or `2:03` under an hour."""
    hours, rest = divmod(int(seconds), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def shortened(text: str, path: Path, word: str) -> str:
    """A command's text with `word` for a directory, where it and paths below it stand; not those beside it
    (`/data-old` for `/data`). As it is where the shell would need quotes around the directory, and not see `word`."""
    if shlex.quote(str(path)) != str(path):
        return text
    return re.sub(rf"(?<![\w/.-]){re.escape(str(path))}(?![^/:,;=\s'\"])", lambda _: word, text)


_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def human_size(count: int) -> str:
    """Return a number of bytes as people read it: decimal units, three significant digits (`71.2 MB`)."""
    value = float(count)
    for unit in _UNITS:
        if abs(value) < 999.5 or unit == _UNITS[-1]:
            return f"{count} B" if unit == "B" else f"{value:.3g} {unit}"
        value /= 1000
    raise AssertionError("unreachable")
