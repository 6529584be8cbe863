"""Keys in quick succession: each is carried out after the one before, and what a later one did stays done."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from command_line import Cutaway
from textual import events

from engine.disk import DataRoot
from tui.panes.output.tab import OutputTab

pytestmark = pytest.mark.root

DEMO = "localhost/cutaway/demo:latest"


def press(screen: Any, *keys: str) -> None:
    """All of them before the first is carried out, as from a person in a hurry while the machine is busy."""
    for key in keys:
        event = events.Key(key, key if len(key) == 1 else None)
        screen.app.post_message(event.set_sender(screen.app))


class Held:
    """What `do` does, and nothing of it before it is let go."""

    def __init__(self, do: Callable[..., Coroutine[Any, Any, None]]) -> None:
        self._do, self._kept, self._done = do, asyncio.Event(), asyncio.Event()

    @property
    def method(self) -> Callable[..., Coroutine[Any, Any, None]]:
        async def later(*arguments: Any) -> None:
            await self._kept.wait()
            await self._do(*arguments)
            self._done.set()

        return later

    async def let_go(self) -> None:
        """Until all of it is done."""
        self._kept.set()
        async with asyncio.timeout(30):
            await self._done.wait()


def place(screen: Any) -> tuple[str, str]:
    """Which pane somebody is in, and which has the focus."""
    return screen.screen.panes.place, next(n for n, f in screen.screen.panes.frames.items() if f.has_focus_within)


async def until(screen: Any, pane: str) -> None:
    """Somebody is there, and stays there when what has been sent to anything on the screen has come to it."""
    await screen.until(lambda: place(screen) == (pane, pane))
    await screen.pilot.pause()
    assert place(screen) == (pane, pane)


async def test_the_later_key_wins(
    cutaway: Cutaway, bench: Any, data_root: DataRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    cutaway("run", "-d", "--name", "db", "--network=host", DEMO, "sh", "-c", "echo database is up; sleep 600")
    async with bench(root=data_root.path) as screen:
        shell = screen.screen
        await screen.wait("database is up", "1 running")

        # Its output comes when somebody has gone on.
        slow = Held(OutputTab._follow)
        with monkeypatch.context() as patch:
            patch.setattr(OutputTab, "_follow", slow.method)
            await screen.press("4", "e")
            await screen.wait('"ociVersion"')
            shell.area.find("output").outdate()
            press(screen, "4", "l", "4")
            await screen.until(lambda: shell.looking.tab_id == "output")
            await until(screen, "containers")
            await slow.let_go()
            await screen.wait("database is up", "following · 1 line")
            await until(screen, "containers")
        press(screen, "l")
        await until(screen, "main")

        # The list is busy: its key comes back from it when the next two have been typed.
        press(screen, "4")
        await until(screen, "containers")
        busy = asyncio.Event()
        shell.container_list.list.call_later(busy.wait)
        press(screen, "l", "1", "e")
        screen.app.call_later(busy.set)  # behind all three
        await screen.wait("new container", "0 edits")
        await until(screen, "main")
        assert shell.focused is shell.area.find("config").pane.view.editor
        press(screen, *"abc", "escape")
        await screen.wait("abc{", "no JSON")

        # A config.json is made in a thread, and is there when somebody has gone elsewhere.
        shell.conductor.drafts.discard(next(iter(shell.state.drafts.values())))
        await screen.wait(without="new container")
        made = threading.Event()
        with monkeypatch.context() as patch:
            draft = shell.desk.draft
            patch.setattr(shell.desk, "draft", lambda *a: draft(*a[:-1], lambda d: made.wait() and a[-1](d)))
            press(screen, "1", "e", "4")
            await until(screen, "containers")
            made.set()
            await screen.wait("new container", "0 edits")
            await until(screen, "containers")
        press(screen, "1", "e")  # it is open already
        await until(screen, "main")


async def test_a_key_right_after_one_that_asks_answers(cutaway: Cutaway, bench: Any, data_root: DataRoot) -> None:
    cutaway("run", "-d", "--name", "db", "--network=host", DEMO, "sh", "-c", "echo database is up; sleep 600")
    async with bench(root=data_root.path) as screen:
        shell = screen.screen
        await screen.wait("database is up", "1 running")
        press(screen, "3", "T", "2")
        await screen.wait(r"1 line since \d\d:")
        await until(screen, "main")
        press(screen, "4", "x", "down", "enter")  # what the cursor is on, though enter alone would do the first
        await screen.wait('"ociVersion"', lambda _: shell.looking.tab_id == "config")
        press(screen, "4", "n", *"two", "enter")
        await screen.wait("● dbtwo", without="Rename")


async def test_focus_that_slow_work_moves_is_for_its_own_key(bench: Any) -> None:
    async with bench() as screen:
        shell = screen.screen
        await screen.wait("A container is an image", "no jobs")
        press(screen, "4")
        await until(screen, "containers")
        asked, slow = shell.state.asked, asyncio.Event()

        async def work() -> None:
            await slow.wait()
            shell.image_list.take_focus()

        shell.later(work())
        press(screen, "down")  # leads nowhere else
        await screen.until(lambda: shell.state.asked == asked + 1)
        slow.set()
        await until(screen, "images")
        assert shell.panes.go("main", asked)  # what that key did besides
