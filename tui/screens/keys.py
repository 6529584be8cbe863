"""The workbench's own keys: those that work in every place."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from tui.deeds import DEEDS

LETTERS = {
    *("go", "next_pane", "pull", "demo", "menu", "filter", "turn", "trace", "zoom"),
    *("copy", "host", "palette", "help", "leave"),
}
"""Actions whose keys are letters and signs: they are typed where something is being written."""


def _keys(key: str, action: str, words: str = "", *, show: bool = False) -> tuple[Binding, Binding]:
    """A key that is looked at twice: before the place that has the focus, so that a quick next key finds the place that
    this one went to; and after it, for one that was pressed while something was still being written there."""
    return Binding(key, action, words, show=show, priority=True), Binding(key, action, words, show=show)


KEYS: list[BindingType] = [
    *_keys("1", "go('images')"),
    *_keys("2", "go('layers')"),
    *_keys("3", "go('main')"),
    *_keys("4", "go('containers')"),
    *_keys("tab", "next_pane(1)", "next pane"),
    *_keys("shift+tab", "next_pane(-1)", "previous pane"),
    *[deed.binding for deeds in DEEDS.values() for deed in deeds if deed.everywhere],
    *_keys("p", "pull", "pull", show=True),
    *_keys("d", "demo", "demo", show=True),
    *_keys("x", "menu", "actions", show=True),
    *_keys("slash", "filter", "filter", show=True),
    *_keys("left_square_bracket", "turn(-1)", "previous tab"),
    *_keys("right_square_bracket", "turn(1)", "next tab"),
    *_keys("at", "trace", "trace", show=True),
    *_keys("plus", "zoom(True)", "zoom"),
    *_keys("underscore", "zoom(False)", "zoom out"),
    *_keys("y", "copy", "copy"),
    Binding("ctrl+y", "copy_command", "copy the last command", show=False),
    *_keys("i", "host", "this host"),
    Binding("escape", "back", "back", show=False),
    *_keys("colon", "palette", "palette", show=True),
    *_keys("question_mark", "help", "help", show=True),
    *_keys("q", "leave", "quit", show=True),
]
