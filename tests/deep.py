"""Directories within each other, deeper than a path can name."""

from __future__ import annotations

import os
from pathlib import Path


def nest(top: Path, levels: int, content: bytes = b"") -> None:
    """Make `top` with directories `d` below it, and in the lowest a file with `content`."""
    top.mkdir()
    here = os.open(top, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    with open(os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=here), "wb") as file:
        file.write(content)
    os.close(here)
