"""The workbench's own keys: those that work in every place."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from tui.deeds import DEEDS, keys_of
from tui.subjects import OfHost

LETTERS = {
    *("go", "next_pane", "menu", "filter", "turn", "record", "jobs", "messages", "zoom", "before"),
    *("copy", "host", "palette", "help", "leave"),
}
"""Actions whose keys are letters and signs: they are typed where something is being written."""


def _keys(id: str, key: str, action: str, words: str, *, show: bool = False) -> tuple[Binding, Binding]:
    """A key that is looked at twice: before the place that has the focus, so that a quick next key finds the place that
    this one went to; and after it, for one that was pressed while something was still being written there."""
    return (
        Binding(key, action, words, show=show, priority=True, id=id),
        Binding(key, action, words, show=show, id=id),
    )


KEYS: list[BindingType] = [
    *_keys("go.images", "1", "go('images')", "to the images"),
    *_keys("go.layers", "2", "go('layers')", "to the layers"),
    *_keys("go.main", "3", "go('main')", "to the main area"),
    *_keys("go.containers", "4", "go('containers')", "to the containers"),
    *_keys("go.next", "tab", "next_pane(1)", "next pane"),
    *_keys("go.previous", "shift+tab", "next_pane(-1)", "previous pane"),
    *{deed.id: deed.binding for deeds in DEEDS.values() for deed in deeds if deed.everywhere}.values(),
    *keys_of(OfHost),
    *_keys("bench.menu", "x", "menu", "actions", show=True),
    *_keys("bench.filter", "slash", "filter", "filter", show=True),
    *_keys("tab.previous", "left_square_bracket", "turn(-1)", "previous tab"),
    *_keys("tab.next", "right_square_bracket", "turn(1)", "next tab"),
    *_keys("bench.record", "at", "record", "log", show=True),
    *_keys("bench.jobs", "J", "jobs", "jobs"),
    *_keys("bench.messages", "M", "messages", "messages"),
    *_keys("zoom.in", "plus", "zoom(True)", "zoom"),
    *_keys("zoom.out", "underscore", "zoom(False)", "zoom out"),
    *_keys("copy.this", "y", "copy", "copy"),
    Binding("ctrl+y", "copy_command", "copy the last command", show=False, id="copy.command"),
    *_keys("bench.host", "i", "host", "this host"),
    *_keys("go.before", "minus", "before", "the last view"),
    Binding("escape", "back", "back", show=False, id="go.back"),
    *_keys("bench.palette", "colon", "palette", "palette", show=True),
    *_keys("bench.help", "question_mark", "help", "help", show=True),
    *_keys("bench.quit", "q", "leave", "quit", show=True),
]
