"""Copying out of a terminal, over SSH too.

OSC 52 asks the terminal itself. tmux drops it from programs by default (set-clipboard external), so below tmux
the text goes into tmux's own buffer, and with -w from there to the outer terminal (tmux(1), load-buffer).
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Awaitable, Callable, Mapping


def copy(text: str, osc52: Callable[[str], None], environment: Mapping[str, str] = os.environ) -> str:
    """Copy `text`; returns where it went, in words. `osc52` writes the escape sequence."""
    if environment.get("TMUX"):
        try:
            subprocess.run(
                ["tmux", "load-buffer", "-w", "-"], input=text.encode("utf-8", "replace"), timeout=5, check=True,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            return "to tmux (prefix ] pastes) and the terminal's clipboard"
        except (OSError, subprocess.SubprocessError):
            pass
    osc52(text)
    return "to the terminal's clipboard"


async def copied(
    text: str,
    what: str,
    off_thread: Callable[[Callable[[], str]], Awaitable[str]],
    to_terminal: Callable[[str], None],
) -> str:
    """Copy, off the screen's thread, and return a sentence on what was copied and where to."""
    if not text:
        return "There is nothing to copy here."
    return f"Copied {what} {await off_thread(lambda: copy(text, to_terminal))}."
