"""What is drawn, its places and its colours, beside what was drawn before.

A view at one size is a file of three parts: what it says, how each character looks as a letter in the same place, and
what the letters mean in each theme, so that a difference can be read and a new look is a new table. Where a change is
meant:

    CUTAWAY_RECORD=1 .venv/bin/python -m pytest tests/tui/test_*pictures.py
"""

from __future__ import annotations

import difflib
import functools
import os
import string
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.color import blend_rgb
from rich.style import Style
from rich.terminal_theme import SVG_EXPORT_THEME
from textual.strip import Strip
from textual.widgets import Input, TextArea

RECORDED = Path(__file__).parent / "recorded" / "screens"
THEMES = ("dark", "light", "mono")
SIZES = ((120, 36), (80, 24), (60, 18))
EACH_SIZE = pytest.mark.parametrize("size", SIZES, ids=["x".join(map(str, size)) for size in SIZES])

_LETTERS = string.ascii_letters + string.digits + string.punctuation
_DEFAULT = SVG_EXPORT_THEME

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
        await self._screen.settled()
        blinking = [f for f in (*app.screen.query(Input), *app.screen.query(TextArea)) if f.cursor_blink]
        for field in blinking:
            field.cursor_blink = False
        if blinking:
            await self._screen.pilot.pause()
        seen = self._seen.setdefault(name, {})
        drawn = app.screen._compositor.render_update(full=True, screen_stack=app._background_screens)
        seen[app.theme.removeprefix("cutaway-")] = Picture(drawn.strips)

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
    """`text` is its lines, `styles` how each cell of each line looks."""

    def __init__(self, lines: Iterable[Iterable[Strip]]) -> None:
        text: list[str] = []
        self.styles: list[list[str]] = []
        for line in lines:
            said: list[str] = []
            looks: list[str] = []
            for part, style, _ in Strip.join(line):
                ink, ground = _look(style or Style.null())
                shown = f"{ink} {ground}".strip()
                blank = shown if "line" in ink else ground  # below it, or through it
                if part.isascii() and part.isprintable():
                    said += part
                    looks += [blank if character == " " else shown for character in part]
                    continue
                for character in part.replace("\xa0", " "):
                    cells = cell_len(character)
                    if not cells and said:
                        said[-1] += character
                    said += [character] + [""] * (cells - 1) if cells else []
                    looks += [blank if character == " " else shown] * cells
            text.append("".join(said).rstrip())
            self.styles.append(looks)
        self.text = tuple(text)


@functools.cache
def _look(style: Style) -> tuple[str, str]:
    """What is written, `#c5c8c6 bold`, and what it stands on."""
    colors = []
    for color, default in ((style.color, _DEFAULT.foreground_color), (style.bgcolor, _DEFAULT.background_color)):
        colors.append(default if color is None or color.is_default else color.get_truecolor(_DEFAULT))
    ink, ground = reversed(colors) if style.reverse else colors
    if style.dim:
        ink = blend_rgb(ink, ground, 0.4)
    has = ("bold", style.bold), ("italic", style.italic), ("underline", style.underline), ("line-through", style.strike)
    plain = not style.reverse and (style.bgcolor is None or style.bgcolor.is_default)
    return " ".join([ink.hex, *(word for word, so in has if so)]), "" if plain else f"on {ground.hex}"


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
    """Times of day are those of UTC."""
    with monkeypatch.context() as patched:
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
