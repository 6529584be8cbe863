"""Looks at what a container writes, again and again while its overlay is shown."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from textual.timer import Timer

from tui.bench import Bench
from tui.subjects import OfContainer

if TYPE_CHECKING:
    from tui.panes.files.reading import Opened
    from tui.panes.files.tab import FilesTab

EVERY = 1.0
"""Seconds between two looks; more where one look takes long."""

_REST = 10
"""How many times as long as a look takes nobody looks after it."""


class Live:
    """At most one container at a time."""

    def __init__(self, bench: Bench, tab: FilesTab) -> None:
        self._bench, self._tab = bench, tab
        self._timer: Timer | None = None
        self._looking = False
        self._next = 0.0

    async def begin(self, subject: OfContainer, opened: Opened) -> None:
        """Show the overlay of this container, and keep on looking."""
        tab = self._tab
        view = await self._bench.desk.ask(lambda workbench: workbench.overlay(subject.id))
        if tab.subject != subject or tab.opened is not opened:
            return
        self._bench.show_command(view.command)
        tab.overlay.show(view, opened.layers)
        tab.front("overlay")
        await self._look(subject, opened)
        self.stop()
        self._timer = tab.set_interval(EVERY, lambda: self._look_again(subject, opened))

    def stop(self) -> None:
        """Nobody looks any more."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def _look_again(self, subject: OfContainer, opened: Opened) -> None:
        if not self._looking and time.monotonic() >= self._next and self._tab.display:
            self._bench.later(self._look(subject, opened))

    async def _look(self, subject: OfContainer, opened: Opened) -> None:
        self._looking = True
        began = time.monotonic()
        try:
            below, _ = await self._bench.desk.off_thread(lambda: opened.up_to(opened.depth - 1))
            written = await self._bench.desk.ask(lambda workbench: workbench.written(subject.id, below))
        finally:
            self._looking = False
            self._next = time.monotonic() + _REST * (time.monotonic() - began)
        if self._tab.subject == subject and self._tab.page == "overlay":
            self._tab.overlay.take(written, below)
            self._tab.post_message(self._tab.Changed())
