"""The order of keys, without the workbench: an app that has nothing but a line to type into."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.widgets import Input

from tui.in_turn import Behind, InTurn


class Typed(App[None]):
    """Keeps what is carried out, and does nothing else about it."""

    def __init__(self) -> None:
        super().__init__()
        self.in_turn = InTurn(self)
        self.done = ""

    def compose(self) -> ComposeResult:
        yield Input()

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key):
            await self.come(event)
        else:
            await super().on_event(event)

    def on_behind(self, event: Behind) -> None:
        self.in_turn.came(event)

    async def come(self, key: events.Key) -> None:
        await self.in_turn.carry_out(key, self._note)

    async def _note(self, key: events.Event) -> None:
        assert isinstance(key, events.Key)
        self.done += key.character or "."


@pytest.fixture
async def app() -> AsyncIterator[Typed]:
    app = Typed()
    async with app.run_test() as pilot:
        await pilot.pause()
        assert isinstance(app.focused, Input)
        yield app


def key(character: str) -> events.Key:
    """A letter stays where it is typed, and "." (Enter) leads elsewhere."""
    return events.Key("enter", None) if character == "." else events.Key(character, character)


async def carried_out(app: Typed, many: int) -> str:
    async with asyncio.timeout(20):
        while len(app.done) < many:
            await asyncio.sleep(0.01)
    return app.done


async def test_a_letter_does_not_overtake_the_key_whose_turn_has_just_come(app: Typed) -> None:
    await app.come(key("a"))
    await app.come(key("."))
    assert app.done == "a"
    await asyncio.sleep(0)  # "a" has led, and what waited for it is on its way to the app, behind what is there already
    await app.come(key("c"))
    assert await carried_out(app, 3) == "a.c"


async def test_letters_go_along_with_one_that_is_under_way(app: Typed) -> None:
    for _ in range(2):
        app.done = ""
        for _ in range(5):
            await app.come(key("j"))
        assert app.done == "jjjjj"
        await app.come(key("."))
        await app.come(key("k"))
        assert app.done == "jjjjj"
        assert await carried_out(app, 7) == "jjjjj.k"
