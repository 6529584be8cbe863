"""Colour schemes, read from themes/*.toml.

A file holds the fields of a Textual theme: `dark`, `ansi`, a table `colors` (primary, accent, …) and a table
`variables` with what the style sheets use beside them.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from textual.color import Color, ColorParseError
from textual.theme import Theme

from engine import visible

DEFAULT = "cutaway-dark"
WITHOUT_COLOR = "cutaway-mono"
"""The theme in which everything can be read when the terminal gets no colours."""


def folder() -> Path:
    """Where the files are: within an installed package, or beside it in a checkout."""
    inside = Path(__file__).parent / "themes"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "themes"


def read(path: Path) -> Theme:
    """One theme; its name is `cutaway-` and the file's. Raises OSError, ValueError (TOML) or TypeError (fields)."""
    data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    return Theme(
        name=f"cutaway-{path.stem}",
        dark=data.get("dark", True),
        ansi=data.get("ansi", False),
        variables=dict(data.get("variables", {})),
        **data["colors"],
    )


def own(folder: Path) -> tuple[list[Theme], list[str]]:
    """A person's own themes, and in words what is wrong with those that cannot be had."""
    found, wrong = [], []
    for path in sorted(folder.glob("*.toml")):
        try:
            theme = read(path)
            theme.to_color_system().generate()
            found.append(theme)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, ColorParseError) as error:
            why = f"there is no table [{error.args[0]}]" if isinstance(error, KeyError) else str(error)
            wrong.append(visible(f"themes/{path.name}: {why}")[:200])
    return found, wrong


@cache
def shipped() -> tuple[Theme, ...]:
    """Every theme that comes with Cutaway."""
    return tuple(read(path) for path in sorted(folder().glob("*.toml")))


def rich_color(name: str) -> str | None:
    """A CSS colour of a theme as Rich writes it; None for what is none."""
    try:
        return Color.parse(name).rich_color.name
    except ColorParseError:
        return None
