"""What tests of the screen press again and again."""

from __future__ import annotations

import re
from collections.abc import Callable

from pilot import Bench
from textual import events


async def choose(screen: Bench, typed: str, wanted: str) -> None:
    """Find an action in the palette by a part of its words, and do it."""
    await screen.press("ctrl+p")
    await screen.type(typed)
    await screen.wait(wanted)
    await screen.press("enter")
    await screen.until(lambda: screen.app.screen.__class__.__name__ != "CommandPalette")


async def paste(screen: Bench, text: str) -> None:
    """What is long comes from the clipboard, not key by key."""
    screen.app.screen.post_message(events.Paste(text))
    await screen.until(lambda: text in getattr(screen.app.screen.focused, "value", ""))


async def replace(screen: Bench, text: str) -> None:
    """Type over what is in the field."""
    await screen.press("ctrl+u")
    await paste(screen, text)


def line(screen: Bench, wanted: str) -> Callable[[str], bool]:
    """For `wait`: whether the command line that the dialog in front shows, however it is wrapped, has this in it."""
    return lambda _: any(re.search(wanted, str(shown.render())) for shown in screen.app.screen.query("#line"))
