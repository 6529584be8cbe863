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
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        for character in text:
            await self.pilot.press({" ": "space"}.get(character, character))

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


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens the program: `async with bench(size=(120, 36)) as screen`."""
    import textual._wait

    from tui.app import CutawayApp

    # After a key the library's pilot waits until the process is idle, in steps of 20 ms, three times. A step of 5 ms
    # tells the same, and most of the time of these tests is such waiting.
    textual._wait.SLEEP_GRANULARITY = 1 / 200
    textual._wait.SLEEP_IDLE = textual._wait.SLEEP_GRANULARITY / 20
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
        app = CutawayApp(root or tmp_path / "data", settings=settings, read_only=read_only, collecting=collecting)
        async with app.run_test(size=size, notifications=True) as pilot:
            bench = Bench(app, pilot)
            await bench.opened()
            yield bench

    os.environ.pop("COLUMNS", None)
    return opened
