"""The editor by its keys: what they make of the text, and what is said beside it."""

from __future__ import annotations

import gc
import json
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from textual import on
from textual.app import App, ComposeResult

from engine import Draft, Origin, Provenance, RunOptions, SourceKind, Workbench
from tui import themes
from tui.panes.config.analysis import analyse
from tui.panes.config.editor import ConfigEditor
from tui.panes.config.text_view import TextView

CONFIG = {
    "ociVersion": "1.0.2",
    "process": {
        "user": {"uid": 0, "gid": 0},
        "args": ["sh", "-c", "echo hello"],
        "env": ["A=1", "B=2"],
        "cwd": "/",
        "capabilities": {"bounding": ["CAP_KILL", "CAP_CHOWN"]},
    },
    "root": {"path": "merged"},
    "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
    "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}]},
    "mine": {"unknown": [1.50]},
}
TEXT = json.dumps(CONFIG, indent=2).replace("1.5", "1.50") + "\n"


class Editing(App[None]):
    """The view alone, with the real engine's analysis."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.view = TextView(id="text")
        self.workbench = Workbench(folder)
        origin = Origin(SourceKind.IMAGE, "image config Cmd[2]")
        self.draft = Draft(
            image="i", image_digest="", layers=(), id="1" * 12, name="n", options=RunOptions(), text=TEXT,
            provenance=Provenance({"/process/args/2": origin}), files={}, steps=(),
        )  # fmt: skip
        self.copied: list[str] = []
        for theme in themes.shipped():
            self.register_theme(theme)
        self.theme = themes.DEFAULT

    def compose(self) -> ComposeResult:
        yield self.view

    @on(TextView.Stale)
    def _look(self) -> None:
        self.view.take(analyse(self.workbench, self.view.editor.text, self.draft.provenance, self.draft, TEXT))

    @on(ConfigEditor.Copy)
    def _copy(self, event: ConfigEditor.Copy) -> None:
        self.copied.append(event.text)


class Keys:
    """Presses keys and waits for what is known of the text then."""

    def __init__(self, app: Editing, press: Callable[..., Awaitable[None]]) -> None:
        self.app, self.view, self.editor, self._press = app, app.view, app.view.editor, press

    async def press(self, *keys: str) -> None:
        await self._press(*keys)

    async def type(self, text: str) -> None:
        names = {" ": "space", "/": "slash", '"': "quotation_mark", "_": "underscore", ",": "comma", ":": "colon"}
        for letter in text:
            await self._press(names.get(letter, letter))

    async def known(self) -> None:
        """The text has been looked at as it is now."""
        while self.view.analysis is None or self.view.analysis.text != self.editor.text:
            await self._press()

    @property
    def value(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.editor.text)
        return found

    @property
    def said(self) -> str:
        return str(self.view.query_one("#about").render())

    def at(self, pointer: str) -> None:
        assert self.view.go_to(pointer)


Editor = Callable[[], AbstractAsyncContextManager[Keys]]


@pytest.fixture
def editing(tmp_path: Path) -> Editor:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Keys]:
        app = Editing(tmp_path)
        async with app.run_test(size=(110, 34)) as pilot:

            async def press(*keys: str) -> None:
                if keys:
                    await pilot.press(*keys)
                else:
                    await pilot.pause(0.02)

            app.view.show(TEXT, writable=True, writing=True, original=TEXT)
            app.view.editor.focus()
            keys = Keys(app, press)
            await keys.known()
            yield keys

    return opened


Open = Callable[[], object]


async def test_a_capability_is_completed(editing: Open) -> None:
    async with editing() as keys:
        keys.at("/process/capabilities/bounding/1")
        await keys.press("end", "enter")
        await keys.type('"')
        await keys.press("ctrl+space")
        await keys.type("net_r")
        assert keys.view.completer.open
        await keys.press("enter")
        assert not keys.view.completer.open
        # The comma that was missing above came with the quotation mark.
        assert keys.value["process"]["capabilities"]["bounding"] == ["CAP_KILL", "CAP_CHOWN", "CAP_NET_RAW"]
        await keys.known()
        assert "u" in {keys.view.editor._marks[n][0].strip() for n in keys.view.editor._marks}


async def test_a_field_is_completed_with_its_value(editing: Open) -> None:
    async with editing() as keys:
        keys.at("/process/cwd")
        await keys.press("end", "enter", "ctrl+space")
        await keys.type("termi")
        await keys.press("tab")
        assert keys.value["process"]["terminal"] is True
        await keys.press("ctrl+z")
        assert "terminal" not in keys.editor.text


async def test_find_and_go_to(editing: Open) -> None:
    async with editing() as keys:
        await keys.press("ctrl+f")
        await keys.type("cap_")
        assert "1 of 2" in str(keys.view.query_one("#bar-said").render())
        await keys.press("enter")
        assert keys.editor.selected_text == "CAP_"
        await keys.press("f3")
        assert "CAP_CHOWN" in keys.editor.document[keys.editor.cursor_location[0]]
        await keys.press("ctrl+g")
        await keys.type("linux/nam")
        await keys.press("enter")
        assert '"namespaces"' in keys.editor.document[keys.editor.cursor_location[0]]
        await keys.press("ctrl+g", "backspace", "3", "enter")
        assert keys.editor.cursor_location[0] == 2


async def test_what_is_selected_while_writing_is_copied_as_the_screen_copies(editing: Open) -> None:
    async with editing() as keys:
        keys.at("/process/args/2")
        await keys.press("home", "shift+end", "ctrl+c")
        assert [text.strip() for text in keys.app.copied] == ['"echo hello"']


async def test_edits_are_told_and_put_back_one_by_one(editing: Open) -> None:
    async with editing() as keys:
        keys.view.change_to(TEXT.replace("echo hello", "echo bye").replace('"A=1",', '"A=7",\n      "C=3",'))
        await keys.known()
        assert " 3 edits " in keys.view.summary
        keys.at("/process/args/2")
        await keys.press("up", "down")
        assert 'Before: "echo hello", from the image: Cmd[2].' in keys.said
        await keys.press("ctrl+r")
        await keys.known()
        assert keys.value["process"]["args"] == CONFIG["process"]["args"]  # type: ignore[index]
        assert keys.value["process"]["env"] == ["A=7", "C=3", "B=2"]
        keys.at("/process/env/1")
        await keys.press("ctrl+r")
        await keys.known()
        keys.at("/process/env/0")
        await keys.press("ctrl+r")
        await keys.known()
        assert keys.editor.text == TEXT  # with all that nobody knows, as it was written
        await keys.press("ctrl+z", "ctrl+z", "ctrl+z")
        assert "echo bye" in keys.editor.text


async def test_texts_that_were_shown_before_are_let_go(editing: Open) -> None:
    async with editing() as keys:
        before = weakref.ref(keys.editor.document)
        await keys.type("x")
        keys.view.show("{}", writable=True)
        await keys.known()
        gc.collect()
        assert before() is None


async def test_the_cursor_goes_to_what_a_form_has_added(editing: Open) -> None:
    async with editing() as keys:
        long = "B=" + "2" * 90
        before = TEXT.replace('"B=2"', f'"{long}"')
        keys.view.change_to(before)
        keys.view.change_to(before.replace(f'"{long}"', f'"{long}",\n      "C=3"'), follow=True)
        await keys.known()
        row, column = keys.editor.cursor_location
        assert keys.editor.document[row][column:] == '"C=3"'  # and not the comma before it, far to the right
        await keys.press()
        assert keys.editor.scroll_offset.x == 0
        assert keys.said.startswith("/process/env/")


async def test_commas_are_mended_and_a_problem_is_found(editing: Open) -> None:
    async with editing() as keys:
        keys.view.change_to(TEXT.replace('"A=1",', '"A=1"'))
        await keys.known()
        assert "no JSON" in keys.view.summary
        await keys.press("f8")
        assert "B=2" in keys.editor.document[keys.editor.cursor_location[0]]
        await keys.press("f5")
        assert keys.editor.text == TEXT


async def test_the_outline_folds_and_leads(editing: Open) -> None:
    async with editing() as keys:
        await keys.press("ctrl+o")
        outline = keys.view.outline
        assert outline.has_focus
        outline.move_to("/process/capabilities")
        before = outline.count
        await keys.press("right", "down", "right")
        assert outline.count == before + 3  # bounding, and its two
        await keys.press("left", "left", "left")
        assert outline.count == before
        await keys.press("escape")
        assert keys.editor.has_focus
        await keys.press("ctrl+o", "enter")
        assert keys.editor.has_focus
        assert '"capabilities"' in keys.editor.document[keys.editor.cursor_location[0]]


async def test_colours_stay_right_where_only_one_line_is_drawn_anew(editing: Open) -> None:
    async with editing() as keys:
        keys.at("/process/args/0")
        await keys.press("home", "shift+end", "delete")
        await keys.type('"x')
        quick = {row: list(spans) for row, spans in keys.editor._highlights.items() if spans}
        keys.editor._coloured = range(0)
        keys.editor._colour(keys.editor.scroll_offset.y)
        assert {row: list(spans) for row, spans in keys.editor._highlights.items() if spans} == quick
        row = keys.editor.cursor_location[0]
        drawn = keys.editor.render_line(row - keys.editor.scroll_offset.y).text
        keys.editor._line_cache.clear()
        assert keys.editor.render_line(row - keys.editor.scroll_offset.y).text == drawn
