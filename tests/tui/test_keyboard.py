"""Escape and a character in one piece, as slow lines and quick fingers send them."""

from __future__ import annotations

import pytest
from textual import events

from tui import keyboard
from tui.keyboard import Keyboard


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyboard.linux_driver, "XTermParser", keyboard.XTermParser)
    monkeypatch.setattr(Keyboard, "with_alt", frozenset())


def _keys(sent: str) -> list[str]:
    reader = keyboard.linux_driver.XTermParser()
    found = [*reader.feed(sent), *reader.feed("")]
    return [event.key for event in found if isinstance(event, events.Key)]


@pytest.mark.parametrize(
    ("sent", "keys"),
    [
        ("\x1bx", ["escape", "x"]),
        ("\x1b?", ["escape", "question_mark"]),
        ("\x1bD", ["escape", "D"]),
        ("\x1b3q", ["escape", "3", "q"]),
        ("\x1b[A", ["up"]),
        ("\x1bb", ["ctrl+left"]),  # a Mac's Option and an arrow
        ("\x1bOP", ["f1"]),
        ("x", ["x"]),
    ],
)
def test_they_are_two_keys(sent: str, keys: list[str]) -> None:
    keyboard.install([])
    assert _keys(sent) == keys


def test_a_key_that_was_set_stays_one() -> None:
    keyboard.install(["x,f5", "alt+x"])
    assert _keys("\x1bx") == ["alt+x"]
    assert _keys("\x1by") == ["escape", "y"]
