"""Hostile text made visible.

Names, messages and output come from images, registries and processes. A terminal obeys control
sequences in them, and bidirectional overrides make a line read as something it is not (CVE-2021-42574).
"""

from __future__ import annotations

import re

# C0, DEL, C1, line and paragraph separators, zero-width and bidirectional controls, BOM, tags, lone surrogates.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)


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
        return _UNSAFE.sub(_show, text)
    return _UNSAFE.sub(lambda match: match.group() if match.group() in keep else _show(match), text)


_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def human_size(count: int) -> str:
    """Return a number of bytes as people read it: decimal units, three significant digits (`71.2 MB`)."""
    value = float(count)
    for unit in _UNITS:
        if abs(value) < 999.5 or unit == _UNITS[-1]:
            return f"{count} B" if unit == "B" else f"{value:.3g} {unit}"
        value /= 1000
    raise AssertionError("unreachable")
