"""What is drawn, its places and its colours, beside what was drawn before.

A view at one size is a file of three parts: what it says, how each character looks as a letter in the same place, and
what the letters mean in each theme, so that a difference can be read and a new look is a new table. It is made of
`export_screenshot`'s picture. Where a change is meant:

    CUTAWAY_RECORD=1 .venv/bin/python -m pytest tests/tui/test_*pictures.py
"""

from __future__ import annotations

import difflib
import html
import os
import re
import string
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from textual._compositor import Compositor
from textual.widgets import Input, TextArea

RECORDED = Path(__file__).parent / "recorded" / "screens"
THEMES = ("dark", "light", "mono")
SIZES = ((120, 36), (80, 24), (60, 18))
EACH_SIZE = pytest.mark.parametrize("size", SIZES, ids=["x".join(map(str, size)) for size in SIZES])

_LETTERS = string.ascii_letters + string.digits + string.punctuation
_TEXT = re.compile(r'<text class="\S*?-(r\d+)" x="([\d.]+)" y="([\d.]+)"[^>]*>(.*?)</text>')
_GROUND = re.compile(r'<rect fill="(#\w+)" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"')
_WIDTH, _HEIGHT = 12.2, 24.4
"""Of a character in Rich's pictures."""

Size = tuple[int, int]


class Pictures:
    """Those of one size, each taken in every theme, and then compared."""

    def __init__(self, screen: Any, size: Size) -> None:
        self._screen, self._size = screen, size
        self._seen: dict[str, dict[str, Picture]] = {}

    def themes(self) -> Iterator[str]:
        """Each theme, in which the screen then is."""
        for theme in THEMES:
            self._screen.app.theme = f"cutaway-{theme}"
            yield theme

    async def take(self, name: str) -> None:
        """What is in front now."""
        app = self._screen.app
        await self._screen.pilot.pause()
        blinking = [f for f in (*app.screen.query(Input), *app.screen.query(TextArea)) if f.cursor_blink]
        for field in blinking:
            field.cursor_blink = False
        if blinking:
            await self._screen.pilot.pause()
        seen = self._seen.setdefault(name, {})
        seen[app.theme.removeprefix("cutaway-")] = Picture(app.export_screenshot(), self._size)

    def compare(self) -> None:
        """Fail where any is not what was recorded."""
        width, height = self._size
        changes = []
        for name, seen in self._seen.items():
            assert tuple(seen) == THEMES, f"{name} was not taken in each theme"
            for theme, picture in seen.items():
                said = [line + "\n" for line in seen[THEMES[0]].text], [line + "\n" for line in picture.text]
                differences = difflib.unified_diff(*said, f"{name} {THEMES[0]}", theme, n=0)
                assert picture.text == seen[THEMES[0]].text, "".join(differences)
            path, now = RECORDED / f"{name}-{width}x{height}.txt", _written(seen)
            if os.environ.get("CUTAWAY_RECORD"):
                path.parent.mkdir(exist_ok=True)
                path.write_text("\n".join(now) + "\n")
            before = path.read_text().splitlines() if path.exists() else []
            changes += difflib.unified_diff(before, now, f"recorded {path.name}", "now", lineterm="", n=0)
        assert not changes, "\n".join(changes)


class Picture:
    """One of `export_screenshot`: `text` is its lines, `styles` how each cell of each line looks."""

    def __init__(self, svg: str, size: Size) -> None:
        width, height = size
        said = [[" "] * width for _ in range(height)]
        ink = [[""] * width for _ in range(height)]
        ground = [[""] * width for _ in range(height)]
        for color, x, y, length in _GROUND.findall(svg):
            row, column = round((float(y) - 1.5) / _HEIGHT), round(float(x) / _WIDTH)
            for place in range(column, column + round(float(length) / _WIDTH)):
                ground[row][place] = color
        rules = {name: _short(rule) for name, rule in re.findall(r"\.terminal-\S*?-(r\d+) \{([^}]*)\}", svg)}
        for style, x, y, text in _TEXT.findall(svg):
            row, column = round((float(y) - 18.5) / _HEIGHT), round(float(x) / _WIDTH)
            for character in html.unescape(text).replace("\xa0", " "):
                cells = cell_len(character)
                if not cells and column:
                    said[row][column - 1] += character
                elif character != " " or "line" in rules[style]:
                    said[row][column : column + cells] = [character] + [""] * (cells - 1)
                    ink[row][column : column + cells] = [rules[style]] * cells
                column += cells
        self.text = tuple("".join(line).rstrip() for line in said)
        self.styles = [
            [f"{over} on {under}".strip() for over, under in zip(*lines, strict=True)]
            for lines in zip(ink, ground, strict=True)
        ]


def _short(rule: str) -> str:
    """A rule of the picture's CSS: `#c5c8c6 bold`."""
    return " ".join(part.rpartition(":")[2].strip() for part in rule.split(";") if part.strip())


def _written(seen: dict[str, Picture]) -> list[str]:
    """The lines of the file of a view."""
    letters: dict[tuple[str, ...], str] = {}
    looks = []
    for row in zip(*(picture.styles for picture in seen.values()), strict=True):
        cells = list(zip(*row, strict=True))
        for cell in cells:
            letters.setdefault(cell, _LETTERS[len(letters)])
        looks.append("".join(letters[cell] for cell in cells))
    columns = [seen, *letters]
    wide = [max(len(column[number]) for column in map(tuple, columns)) for number in range(len(seen))]
    table = [
        f"{letter} {'  '.join(style.ljust(width) for style, width in zip(column, wide, strict=True))}".rstrip()
        for letter, column in [(" ", tuple(seen)), *((letter, cell) for cell, letter in letters.items())]
    ]
    return [*next(iter(seen.values())).text, "", *looks, "", *table]


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times of day are those of UTC, and the screen is drawn when a picture is taken, not for nobody in between: that
    would be a third of the work."""
    draw = Compositor.render_update

    def when_wanted(self: Compositor, *, full: bool = False, **more: Any) -> Any:
        return draw(self, full=True, **more) if full else None

    with monkeypatch.context() as patched:
        patched.setattr(Compositor, "render_update", when_wanted)
        patched.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


async def make_still(screen: Any) -> None:
    """Nothing of this host is to be seen, and nothing moves."""
    shell = screen.screen
    await screen.wait("A container is an image", "no jobs")
    await screen.wait(lambda text: shell.state.problems is not None and shell.state.neighbours is not None)
    shell.state.problems, shell.state.neighbours = [], {"podman": 2, "docker": 0, "runc": 1}
    shell.area.welcome.show()
    shell.show_host(["web01", "root", "runc 1.1.5", "overlay", "cgroup v2"])
