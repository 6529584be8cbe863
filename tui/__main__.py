"""The command `cutaway`: the command line, and the screen where no command is given."""

from __future__ import annotations

import gc
import os
import signal
import sys

TYPE_CHECKING = False  # typing makes thousands of objects: it comes when `main` has told the collector
if TYPE_CHECKING:
    from pathlib import Path

    from engine import Settings


def main() -> None:
    """The console entry."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # ctrl+c while all of it is loaded: there is nothing to tell
    gc.set_threshold(50_000, 20, 100)  # what is imported stays: nothing to be found among it
    from engine import later

    later.install()
    from engine.cli import main as command_line

    command_line(screen=start_screen, default_settings=default_settings)


def default_settings() -> str:
    """The text of `cutaway config-file`."""
    from tui.settings import default_text

    return default_text()


def start_screen(root: Path | None, settings: Settings, read_only: bool) -> int:
    """Open the workbench on a data directory; `read_only`: nothing may be changed. Returns the exit code."""
    obstacle = _obstacle()
    if obstacle:
        print(f"cutaway: {obstacle}. Every action is a command too: cutaway --help.", file=sys.stderr)
        return 1
    from tui.collecting import Collecting

    collecting = Collecting()
    from tui import keyboard
    from tui.app import CutawayApp

    keyboard.install(settings.keys.values())
    # A thread that computes, the engine's or one that reads, gives way to the screen's after half a millisecond and not
    # after five: a key waits for it.
    sys.setswitchinterval(0.0005)
    app = CutawayApp(root, settings=settings, read_only=read_only, collecting=collecting)
    app.run()
    return app.return_code or 0


def _obstacle() -> str:
    """Why there can be no screen here; "" where there can."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return "the workbench needs a terminal, and this is none"
    if os.environ.get("TERM", "") in ("", "dumb"):
        return f"the workbench cannot be drawn on this terminal (TERM is {os.environ.get('TERM') or 'not set'})"
    return ""


if __name__ == "__main__":
    main()
