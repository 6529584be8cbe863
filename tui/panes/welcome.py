"""The first screen of an empty machine: what this is, and the next useful key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text
from textual.widgets import Static

from engine import visible

if TYPE_CHECKING:
    from engine import Problem

_KEYS = (
    ("p", "pull an image", "cutaway pull NAME"),
    ("d", "open the built-in demo image, without a network", "cutaway demo"),
    ("i", "what this host has, and what it lacks", "cutaway system info"),
    ("?", "every key of the place you are in", ""),
)


class Welcome(Static, can_focus=True):
    """Static words, and what the host lacks."""

    def __init__(self) -> None:
        super().__init__("", id="welcome", markup=False)
        self._problems: Sequence[Problem] | None = None

    def show(self, problems: Sequence[Problem] | None) -> None:
        """`problems` is None until the host has been looked at."""
        self._problems = problems
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        page = Text()
        page.append("A container is an image, a config.json and runc.\n", "bold")
        page.append("Cutaway shows you each, and lets you change it before it starts.\n\n")
        for key, words, command in _KEYS:
            page.append(f"  {key}   ", "bold")
            line = f"{words:<49}$ {command}" if command else words
            fits = len(line) + 6 <= self.size.width
            page.append(line if fits else words)
            page.append("\n")
        page.append("\n")
        page.append_text(about(self._problems))
        self.update(page)


def about(problems: Sequence[Problem] | None) -> Text:
    """The state of the host in a sentence or a few."""
    if problems is None:
        return Text("This host: looking…")
    if not problems:
        return Text("This host: everything needed is here.")
    text = Text("This host:\n")
    for problem in problems:
        text.append("  ! ", "bold").append(f"{visible(problem.message)}\n")
    text.append("  i", "bold").append("   what that means, and what to do")
    return text
