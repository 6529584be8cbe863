"""The program under a pilot, without a terminal: real engine, data directory of its own, read as a person reads it.

The screen is imported by the first test that opens it: others of tests/root do without.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine import Settings

if TYPE_CHECKING:
    from textual.strip import Strip

    from tui.app import CutawayApp
    from tui.collecting import Collecting
    from tui.screens.workbench import WorkbenchScreen

PATIENCE = 30.0
"""Seconds to wait for something to come up. Long, because nothing waits for all of it but a failure."""


class Bench:
    """One running application."""

    def __init__(self, app: CutawayApp, pilot: Any) -> None:
        self.app, self.pilot = app, pilot
        pilot._wait_for_screen = self._heard
        self._drawn = True
        display = app._display

        def drawn(*what: Any) -> None:
            self._drawn = True
            display(*what)

        app._display = drawn  # type: ignore[method-assign]

    @property
    def screen(self) -> WorkbenchScreen:
        from tui.screens.workbench import WorkbenchScreen

        return next(screen for screen in self.app.screen_stack if isinstance(screen, WorkbenchScreen))

    async def opened(self) -> None:
        """The workbench has taken the place of its outline."""
        from tui.screens.workbench import WorkbenchScreen

        deadline = time.monotonic() + PATIENCE
        while not isinstance(self.app.screen, WorkbenchScreen) or not self.app.screen.is_mounted:
            assert time.monotonic() < deadline, "the workbench did not open"
            await asyncio.sleep(0.01)

    @property
    def strips(self) -> list[Strip]:
        """What is on the screen, line by line."""
        from textual._context import visible_screen_stack

        # Whoever draws tells a dialog what lies below it. It keeps what it drew: without this the next picture on the
        # screen, too, had nothing below it.
        visible_screen_stack.set(self.app._background_screens)
        return self.app.screen._compositor.render_strips()[: self.app.size.height]

    @property
    def text(self) -> str:
        """The words of it."""
        return "\n".join(strip.text.ljust(self.app.size.width) for strip in self.strips)

    async def press(self, *keys: str) -> None:
        """One after the other, each carried out, and what came of it laid out on the screen."""
        for key in keys:
            await self.pilot.press(key)
            await self.settled()

    async def type(self, text: str) -> None:
        """As who types fast, or on a slow line: all is there before the first character is carried out."""
        from textual.events import Key
        from textual.keys import _character_to_key

        for character in text:
            key = Key(_character_to_key(character), character)
            self.app.post_message(key.set_sender(self.app))
        await self.pilot.press("wait:0")
        await self.settled()

    async def settled(self) -> None:
        """Every key has been carried out, what came of it is laid out, and what came of that, too."""
        deadline = time.monotonic() + PATIENCE
        while self.app.is_running:
            assert time.monotonic() < deadline, f"the screen does not come to rest; it is\n{self.text}"
            to_come = self._to_come()
            self.app.screen._on_timer_update()
            await self._heard()
            if not to_come and not self._to_come():  # who was heard may have asked for more
                break
            await asyncio.sleep(0.002)

    def _to_come(self) -> object:
        now = self.app.screen
        to_do = now._layout_required or now._scroll_required or now._repaint_required or now._dirty_widgets
        return to_do or now._callbacks or self.app._in_turn._under_way is not None

    async def _heard(self) -> bool:
        """Everybody on the screen has dealt with what had been sent to them. The library's pilot sends each widget a
        message to learn that, which is much of what a key costs; who waits for a message has none to deal with."""
        left = 0

        def heard() -> None:
            nonlocal left
            left -= 1

        for pump in (self.app, *self.app.screen.walk_children(with_self=True)):
            ready = pump._message_queue.ready_event
            if ready.is_set() or not ready._waiters:  # type: ignore[attr-defined]
                left += pump.call_later(heard)
        await self.until(lambda: not left or self.app._exception_event.is_set(), 0.002)
        return not left

    async def until(self, there: Callable[[], object], step: float = 0.01) -> None:
        """Wait for what is not read from the screen; `step`: seconds between two looks."""
        deadline = time.monotonic() + PATIENCE
        while not there():
            assert time.monotonic() < deadline, f"it did not come to be; the screen is\n{self.text}"
            await asyncio.sleep(step)

    async def wait(self, *wanted: str | Callable[[str], object], without: str = "") -> str:
        """Wait until all of `wanted` (regular expressions or questions) is on the screen, and `without` is not."""

        def there(text: str) -> bool:
            found = all(re.search(w, text) if isinstance(w, str) else w(text) for w in wanted)
            return found and not (without and re.search(without, text))

        deadline, text = time.monotonic() + PATIENCE, self.text
        while not there(text):
            if time.monotonic() > deadline:
                raise AssertionError(f"did not come: {wanted} without {without!r}; the screen is\n{text}")
            self._drawn = False
            await asyncio.sleep(0.02)
            if self._drawn:  # to look at all of it is work
                text = self.text
        return text


Open = Callable[..., Any]


def _wait_in_short_steps(patch: pytest.MonkeyPatch) -> None:
    """After a key the library's pilot waits until the process is idle, in steps of 20 ms, three times. A step of 5 ms
    tells the same, and most of the time of these tests is such waiting."""
    import textual._wait

    patch.setattr(textual._wait, "SLEEP_GRANULARITY", 1 / 200)
    patch.setattr(textual._wait, "SLEEP_IDLE", 1 / 4000)


@pytest.fixture
def drawn_when_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """The screen is drawn when a test looks at it, and not for nobody in between: that would be a fifth of the work.
    What goes to a terminal, part by part, is for tests/tui/test_repainted.py and those in tmux to see. For the same
    reason it is laid out not sixty times a second, but after each key and at twenty."""
    from textual._compositor import Compositor

    draw = Compositor.render_update

    def when_wanted(self: Compositor, *, full: bool = False, **more: Any) -> Any:
        if full:
            return draw(self, full=True, **more)
        return self._dirty_regions.clear()

    monkeypatch.setattr(Compositor, "render_update", when_wanted)
    monkeypatch.setattr("textual.screen.UPDATE_PERIOD", 1 / 20)
    _wait_in_short_steps(monkeypatch)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawn_when_looked_at: None) -> Open:
    """Opens the program: `async with bench(size=(120, 36)) as screen`."""
    from tui.app import CutawayApp

    _wait_in_short_steps(monkeypatch)
    if "CUTAWAY_RUN" not in os.environ:
        monkeypatch.setenv("CUTAWAY_RUN", str(tmp_path / "run"))
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("TMUX", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))

    @asynccontextmanager
    async def opened(
        *,
        size: tuple[int, int] = (120, 36),
        settings: Settings | None = None,
        read_only: bool = False,
        root: Path | None = None,
        collecting: Collecting | None = None,
    ) -> AsyncIterator[Bench]:
        if "CONTAINERS_CONF" not in os.environ:  # what other engines have on this host is nobody's here
            monkeypatch.setattr("engine.neighbours.Neighbours.listed", lambda self: ([], []))
        settings = settings or Settings(tmp_path / "config.toml")  # beside which there are no themes of one's own
        app = CutawayApp(root or tmp_path / "data", settings=settings, read_only=read_only, collecting=collecting)
        async with app.run_test(size=size, notifications=True) as pilot:
            bench = Bench(app, pilot)
            await bench.opened()
            yield bench

    os.environ.pop("COLUMNS", None)
    return opened
