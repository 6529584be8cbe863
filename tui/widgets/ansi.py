"""A program's output as styled text: as a terminal's line would look, and nothing of it sent to one.

Obeyed is what concerns a line alone: colours (SGR, ECMA-48 8.3.117), carriage return and backspace, and the cursor's
moves and erasures within the line (CHA, CUF, CUB, EL), by which progress bars are drawn. Every other control sequence
is shown: it could move the cursor elsewhere, set titles or the clipboard, or ask the terminal to answer.
"""

from __future__ import annotations

import re
from itertools import groupby
from operator import itemgetter

from rich.cells import get_character_cell_size
from rich.color import Color
from rich.style import Style
from rich.text import Text

from engine import visible

_SGR = re.compile(r"\x1b\[([0-9;:]{0,64})m")
_CONTROL = re.compile(r"[\x1b\r\b]")
_TOKEN = re.compile(
    r"\x1b\[(?P<sgr>[0-9;:]{0,64})m"
    r"|\x1b\[(?P<count>[0-9]{0,3})(?P<move>[KGCD])"
    r"|(?P<nothing>\x1b\(B)"  # the usual characters, which is what they are (`tput sgr0` says so)
    r"|(?P<text>[^\r\b\t\x1b]+|.)",
    re.DOTALL,
)
_ON = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "reverse", 9: "strike"}
_OFF = {22: ("bold", "dim"), 23: ("italic",), 24: ("underline",), 27: ("reverse",), 29: ("strike",)}

_RETURNS = 64
"""Carriage returns of a line that are gone back over; what a progress bar showed before them is overwritten."""

_WIDEST = 1 << 16
"""Cells; no move goes further."""


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


class _Line:
    """One line of a terminal: cells, and where the cursor is. A wide character has an empty cell after it."""

    def __init__(self) -> None:
        self.pen = _Pen()
        self._cells: list[tuple[str, Style]] = []
        self._at = 0

    def take(self, line: str) -> None:
        for token in _TOKEN.finditer(line):
            if (sgr := token["sgr"]) is not None:
                self.pen.obey(sgr)
            elif token["move"]:
                self._move(token["move"], token["count"])
            elif token["text"]:
                self._write(token["text"])

    def _move(self, move: str, count: str) -> None:
        match move:
            case "G":
                self._at = max(1, int(count or 1)) - 1
            case "C":
                self._at = min(_WIDEST, self._at + max(1, int(count or 1)))
            case "D":
                self._at = max(0, self._at - max(1, int(count or 1)))
            case "K" if count in ("", "0"):
                del self._cells[self._at :]
            case "K" if count == "1":
                end = min(len(self._cells), self._at + 1)
                self._cells[:end] = [(" ", Style.null())] * end
            case "K" if count == "2":
                self._cells.clear()

    def _write(self, text: str) -> None:
        match text:
            case "\r":
                self._at = 0
            case "\b":
                self._at = max(0, self._at - 1)
            case "\t":
                self._at += 8 - self._at % 8
                self._fill()
            case _:
                style = self.pen.style()
                for character in visible(text):
                    self._put(character, style)

    def _fill(self) -> None:
        self._cells += [(" ", Style.null())] * (self._at - len(self._cells))

    def _put(self, character: str, style: Style) -> None:
        width = get_character_cell_size(character)
        self._fill()
        if not width:  # it belongs to the one before
            if self._at:
                before, its_style = self._cells[self._at - 1]
                self._cells[self._at - 1] = (before + character, its_style)
            return
        cells = [(character, style), *[("", style)] * (width - 1)]
        self._cells[self._at : self._at + width] = cells
        self._at += width
        if self._at < len(self._cells) and not self._cells[self._at][0]:  # half of a wide one is left
            self._cells[self._at] = (" ", style)

    def as_text(self) -> Text:
        text = Text(no_wrap=True, end="")
        for style, run in groupby(self._cells, key=itemgetter(1)):
            text.append("".join(character for character, _ in run), style)
        return text


def styled(line: str) -> Text:
    """One line of output as text. Tabs go to the next eighth column."""
    line = line.removesuffix("\r")  # what a line of a terminal ends with
    if not _CONTROL.search(line):
        return Text(_readable(line), no_wrap=True, end="")
    drawn = _Line()
    drawn.take(_last_returns(line))
    return drawn.as_text()


def unstyled(line: str) -> str:
    """One line of output without its colours, as it may be copied or searched: the plain text of `styled`."""
    line = line.removesuffix("\r")
    if line.isprintable():
        return line
    plain = _SGR.sub("", line)
    return _readable(plain) if not _CONTROL.search(plain) else styled(line).plain


def _last_returns(line: str) -> str:
    parts = line.rsplit("\r", _RETURNS)
    if len(parts) <= _RETURNS:
        return line
    colours = "".join(match[0] for match in _SGR.finditer(parts[0][-_WIDEST:]))
    return colours + "\r".join(parts[1:])


def _readable(text: str) -> str:
    return visible(text.expandtabs(8), keep="")
