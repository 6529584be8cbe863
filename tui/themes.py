"""Colour schemes, read from themes/*.toml.

A file holds the fields of a Textual theme: `dark`, `ansi`, a table `colors` (primary, accent, …) and a table
`variables` with what the style sheets use beside them.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from textual.theme import Theme

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


@cache
def shipped() -> tuple[Theme, ...]:
    """Every theme that comes with Cutaway."""
    return tuple(read(path) for path in sorted(folder().glob("*.toml")))
