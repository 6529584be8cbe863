"""Keys one after the other, each where the one before has led.

The library offers a key to the widget that has the focus, from where it goes up from widget to widget, and some before
that to the screen: those overtake keys that were pressed earlier, and a key that opens a dialog is still on its way
when the next one asks who has the focus. So a key waits here until the one before it has been carried out.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from textual import events
from textual.app import App
from textual.message import Message
from textual.message_pump import MessagePump
from textual.screen import Screen

PATIENCE = 1.0
"""Seconds that one key may take while others wait: whoever was to have it may be gone, or busy."""


class Behind(Message):
    """Goes behind a key through the widgets that it is offered to, so that it comes to the app after it. And once more,
    behind what they told the screen because of it."""

    def __init__(self, key: events.Event, to: MessagePump, again: bool) -> None:
        super().__init__()
        self.key, self.to, self.again = key, to, again


class InTurn:
    """One for the app's life."""

    def __init__(self, app: App[None]) -> None:
        self._app = app
        self._under_way: events.Event | None = None  # the last that has been begun, until it is done
        self._stays = False  # whether that one stays where it is
        self._behind: Behind | None = None
        self._before: Screen[object] | None = None  # what was in front when it began
        self._waiting: deque[events.Event] = deque()

    async def carry_out(self, key: events.Event, do: Callable[[events.Event], Awaitable[None]]) -> None:
        """Do it if it is its turn; if not, it comes again. A key, or what was pasted: that is typed, too."""
        stays, along = self._is_staying(key), self._under_way not in (None, key)
        if along and not (stays and self._stays and not self._waiting):
            self._waiting.append(key)
            return
        self._under_way, self._stays, self._before = key, stays, self._app.screen
        asyncio.get_running_loop().call_later(PATIENCE, self._done, key)
        await do(key)
        if not along:
            self._send(self._after(key))

    def _is_staying(self, key: events.Event) -> bool:
        """Whether it is typed into what has the focus, or moves about in it: several of these come in their order
        anyway, and a key that is held down is not to be painted one by one."""
        to = self._app.focused
        if to is None or not isinstance(key, events.Key) or key.key in ("enter", "escape"):
            return False
        return to.check_consume_key(key.key, key.character) or key.key in to._bindings.key_to_bindings

    def _after(self, key: events.Event) -> Behind:
        return Behind(key, self._app.focused or self._app.screen, again=True)

    def _send(self, behind: Behind) -> None:
        self._behind = behind
        if not behind.key.is_forwarded or not behind.to.post_message(behind):
            asyncio.get_running_loop().call_soon(self._begun, behind.key)

    def came(self, behind: Behind) -> None:
        """The key has been everywhere."""
        if behind is not self._behind or self._under_way is None:
            return  # it took too long
        if behind.key is not self._under_way:  # others went along
            self._send(self._after(self._under_way))
        elif behind.again and not behind.key._stop_propagation:
            self._send(Behind(behind.key, behind.to, again=False))
        else:
            asyncio.get_running_loop().call_soon(self._begun, behind.key)

    def _begun(self, key: events.Event) -> None:
        """What it began has taken its first step. A dialog that this opened is to have the next key."""
        if self._app.is_running and (now := self._app.screen) is not self._before:
            now.call_after_refresh(self._done, key)
        else:
            self._done(key)

    def _done(self, key: events.Event) -> None:
        if self._under_way is key:
            self._behind = None
            self._stays = False  # the next is still on its way to the app: what is there before it may not go along
            self._under_way = self._waiting.popleft() if self._waiting else None
            if self._under_way is not None:
                self._app.post_message(self._under_way)
