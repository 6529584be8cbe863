"""A program's output as styled text: colours are interpreted, every other control sequence is shown.

Only SGR (ECMA-48 8.3.117, `ESC [ … m`) gets through, because it cannot move the cursor, set titles or the
clipboard, or ask the terminal to answer.
"""

from __future__ import annotations

import re

from rich.color import Color
from rich.style import Style
from rich.text import Text

from engine import visible

_SGR = re.compile(r"\x1b\[([0-9;:]{0,64})m")
_ON = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "reverse", 9: "strike"}
_OFF = {22: ("bold", "dim"), 23: ("italic",), 24: ("underline",), 27: ("reverse",), 29: ("strike",)}


class _Pen:
    """The state that SGR parameters change."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.attributes: dict[str, bool] = {}
        self.color: Color | None = None
        self.background: Color | None = None

    def style(self) -> Style:
        return Style(color=self.color, bgcolor=self.background, **self.attributes)  # type: ignore[arg-type]

    def obey(self, parameters: str) -> None:
        codes = [int(code or 0) % 1000 for code in re.split("[;:]", parameters)]
        while codes:
            code = codes.pop(0)
            if code == 0:
                self.reset()
            elif code in _ON:
                self.attributes[_ON[code]] = True
            elif code in _OFF:
                for name in _OFF[code]:
                    self.attributes.pop(name, None)
            elif 30 <= code <= 37 or 90 <= code <= 97:
                self.color = Color.from_ansi(code - 30 if code < 40 else code - 82)
            elif 40 <= code <= 47 or 100 <= code <= 107:
                self.background = Color.from_ansi(code - 40 if code < 50 else code - 92)
            elif code in (38, 48):
                chosen = _extended(codes)
                if code == 38:
                    self.color = chosen
                else:
                    self.background = chosen
            elif code == 39:
                self.color = None
            elif code == 49:
                self.background = None


def _extended(codes: list[int]) -> Color | None:
    """A colour of 256 (5;n) or a true colour (2;r;g;b), taken off the front of `codes`."""
    kind = codes.pop(0) if codes else 0
    if kind == 5 and codes:
        return Color.from_ansi(min(codes.pop(0), 255))
    if kind == 2 and len(codes) >= 3:
        red, green, blue = (min(codes.pop(0), 255) for _ in range(3))
        return Color.from_rgb(red, green, blue)
    return None


def styled(line: str) -> Text:
    """One line of output as text. Tabs go to the next eighth column."""
    if "\x1b" not in line:
        return Text(_readable(line), no_wrap=True, end="")
    pen = _Pen()
    text = Text(no_wrap=True, end="")
    place = 0
    for match in _SGR.finditer(line):
        text.append(_readable(line[place : match.start()]), pen.style())
        pen.obey(match[1])
        place = match.end()
    text.append(_readable(line[place:]), pen.style())
    return text


def unstyled(line: str) -> str:
    """One line of output without its colours, as it may be copied or searched."""
    return _readable(_SGR.sub("", line))


def _readable(text: str) -> str:
    return visible(text.expandtabs(8), keep="")
