"""The first screen of an empty machine: what this is, and the next useful key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.text import Text
from textual.widgets import Static

from engine import visible
from tui.bench import Bench
from tui.deeds import ALL_DEEDS
from tui.widgets.key_line import shown_key

if TYPE_CHECKING:
    from engine import Problem


class Welcome(Static, can_focus=True):
    """What can be done first, and what the host lacks."""

    def __init__(self, bench: Bench) -> None:
        super().__init__("", id="welcome", markup=False)
        self._bench = bench

    def show(self) -> None:
        """Draw what is known now."""
        state = self._bench.state
        page = Text()
        page.append("A container is an image, a config.json and runc.\n", "bold")
        page.append("Cutaway shows you each, and lets you change it before it starts.\n\n")
        for id, words, more in (
            ("host.tour", "take the tour on the built-in image", "(about 5 minutes)"),
            ("host.pull", "pull an image", "$ cutaway pull NAME"),
            ("host.demo", "open the built-in image, without a network", "$ cutaway demo"),
            ("host.adopt", f"adopt a container{_neighbours(state.neighbours)}", ""),
            ("bench.host", "what this host has, and what it lacks", "$ cutaway system info"),
            ("bench.help", "every key of the place you are in", ""),
        ):
            page.append(f"  {_key(id, state.keys)}   ", "bold")
            line = f"{words:<46}{more}" if more else words
            page.append(line if len(line) + 6 <= self.size.width else words).append("\n")
        for problem in state.unread.values():
            page.append(f"\n✗ {visible(problem.message)}\n", "bold").append(f"{visible(problem.hint)}\n")
        page.append("\n").append_text(about(state.problems))
        self.update(page)

    def on_resize(self) -> None:
        self.show()


def _key(id: str, keys: Mapping[str, str]) -> str:
    usual = {"bench.host": "i", "bench.help": "question_mark"}
    key = keys.get(id) or (ALL_DEEDS[id].key if id in ALL_DEEDS else usual[id])
    return shown_key(key.partition(",")[0])


def _neighbours(counts: Mapping[str, int] | None) -> str:
    """`: podman (2), docker (0) are here`."""
    if counts is None:
        return " of podman, docker or runc"
    return f": {', '.join(f'{engine} ({count})' for engine, count in counts.items())} are here"


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
