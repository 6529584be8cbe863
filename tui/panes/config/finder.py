"""Finds texts in the editor and goes to lines and pointers, by what is typed in the bar."""

from __future__ import annotations

from collections.abc import Callable

from tui.panes.config import finding
from tui.panes.config.bar import Bar
from tui.panes.config.editor import ConfigEditor
from tui.panes.config.places import Places


class Finder:
    """Holds what is searched for and where it was found."""

    def __init__(self, editor: ConfigEditor, bar: Bar, places: Callable[[], Places | None]) -> None:
        """`places` gives what is known of the text now."""
        self._editor, self._bar, self._places = editor, bar, places
        self._wanted = ""
        self._found: list[finding.Spot] = []

    @property
    def found(self) -> bool:
        """Whether there is somewhere to step to."""
        return bool(self._found)

    def forget(self) -> None:
        """Another text is shown."""
        self._wanted, self._found = "", []

    def ask(self) -> None:
        """Open the bar to find something: what is selected, or what was searched for last."""
        selected = self._editor.selected_text
        if selected and "\n" not in selected:
            self._wanted = selected
        self._bar.open("find", "find", self._wanted)
        self.search(self._wanted)

    def ask_where(self) -> None:
        """Open the bar to go somewhere."""

        def pointers() -> list[str]:
            places = self._places()
            return [place.pointer for place in places.all] if places is not None else []

        self._bar.open("go", "go to", "/", pointers)
        self._bar.say("pointer or line · → completes · enter")

    def search(self, wanted: str) -> None:
        """Look for a text, and go to its first place from the cursor on."""
        self._wanted = wanted
        self.refresh()
        if self._found:
            self._select(finding.nearest(self._found, *self._editor.selection.start))
        else:
            self._bar.say("nothing" if wanted else "")

    def refresh(self) -> None:
        """The text has changed."""
        self._found = finding.find(self._editor.document.lines, self._wanted)
        spans: dict[int, list[tuple[int, int]]] = {}
        for row, start, end in self._found:
            spans.setdefault(row, []).append((start, end))
        self._editor.show_found(spans)

    def step(self, step: int) -> None:
        """To the next place, or the one before; round and round."""
        if self._found:
            here = self._editor.selection.start
            number = finding.nearest(self._found, *here)
            if self._found[number][:2] == here or step < 0:
                number = (number + step) % len(self._found)
            self._select(number)

    def _select(self, number: int) -> None:
        self._editor.select(*self._found[number])
        self._bar.say(f"{number + 1} of {len(self._found)}")

    def go_to_line(self, number: int) -> None:
        """To a line, counted from 1; beyond the last to that."""
        row = max(0, min(number, self._editor.document.line_count) - 1)
        self._editor.go_to((row, 0))

    def go_to(self, pointer: str, *, begun: bool = False) -> bool:
        """To a value, or to the nearest that it would lie in; False where not even that is there. `begun`: the
        pointer may be the beginning of a longer one."""
        places = self._places()
        if places is None:
            return False
        line = places.line_of(pointer)
        if line is None and begun:
            line = next((place.line for place in places.all if place.pointer.startswith(pointer)), None)
        while line is None and pointer:
            pointer = pointer.rpartition("/")[0]
            line = places.line_of(pointer)
        if line is None:
            return False
        text = self._editor.document[line]
        self._editor.go_to((line, len(text) - len(text.lstrip())))
        return True
