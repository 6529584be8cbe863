"""The line of keys says what enter and esc do in this place; and whoever presses a key stays where it led."""

from __future__ import annotations

import re
from typing import Any

from made_up import container

from engine import Status


def keys(text: str) -> str:
    """The bottom line."""
    return text.split("\n")[-1]


async def test_enter_and_esc_where_they_do_something(bench: Any) -> None:
    async with bench() as screen:
        await screen.wait("none yet", "no jobs")
        assert not re.search(r"\benter\b|\besc\b", keys(screen.text)), "there is nothing to open"
        await screen.press("minus")
        await screen.press("M")
        await screen.wait("What was said", "There is nothing that was", lambda text: "enter more" in keys(text))
        assert "esc leave" in keys(screen.text)
        await screen.press("slash")
        await screen.type("nothing")
        await screen.wait(r"1 of 1", lambda text: "enter keep it  esc no filter" in keys(text))
        await screen.type("x")
        await screen.wait(r"0 of 1")
        await screen.press("escape")
        await screen.wait(lambda text: "enter more" in keys(text), without="0 of 1")


async def test_who_presses_a_key_at_once_stays_where_it_led(bench: Any) -> None:
    async with bench(size=(80, 24)) as screen:  # on its own it would show the first page, in place of an empty list
        await screen.opened()
        await screen.press("4")
        await screen.until(lambda: screen.screen.state.problems is not None)
        assert screen.screen.panes.place == "containers"


async def test_the_first_key_of_a_container_has_its_place_on_the_narrowest_screen(bench: Any) -> None:
    async with bench(size=(60, 18)) as screen:
        await screen.wait("A container is an image", "no jobs")
        shell = screen.screen
        await screen.wait(lambda text: shell.state.problems is not None and shell.state.neighbours is not None)
        shell.state.containers = {"web": container("web", Status.RUNNING)}
        shell.show_containers({})
        shell.action_go("containers")
        await screen.wait("web +running", lambda text: "enter open  l output" in keys(text))
        assert len(keys(screen.text).rstrip()) < 60
