"""The real program in a real terminal: a tmux of the test's own, whose screen is read and whose keys are pressed."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from command_line import COMPILED

PATIENCE = 30.0
"""Seconds to wait for something to come up on the screen. Long, because nothing waits for all of it but a failure."""

CHECKOUT = Path(__file__).parent.parent


def settings_alone(folder: Path) -> str:
    """An XDG_CONFIG_HOME with which the screen shows nothing of other engines."""
    path = folder / "cutaway" / "config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("neighbours = false\n")
    return str(folder)


class Terminal:
    """One window of a private tmux server; `close` ends it with all that runs in it."""

    def __init__(self, folder: Path, columns: int, rows: int) -> None:
        self._socket = folder / "tmux"
        self._size = ["-x", str(columns), "-y", str(rows)]

    def run(self, *command: str, environment: dict[str, str] | None = None) -> None:
        """Start a command. When it ends its exit code is shown as `[ended 0]`, and the screen stays."""
        line = f'{shlex.join(command)}; echo "[ended $?]"; exec sleep 600'
        variables = {"PYTHONPATH": str(CHECKOUT), **COMPILED, **(environment or {})}
        flags = [word for name, value in variables.items() for word in ("-e", f"{name}={value}")]
        if self._alive:
            self._tmux("respawn-window", "-k", *flags, "sh", "-c", line)
        else:
            self._tmux("-f", "/dev/null", "new-session", "-d", *self._size, *flags, "sh", "-c", line)
            self._tmux("set-option", "-g", "status", "off")

    def cutaway(self, root: Path, **environment: str) -> None:
        """Start the workbench on a data directory. What other engines have on this host is nobody's here, but where
        there is a podman of the test's own."""
        if "XDG_CONFIG_HOME" not in environment and "CONTAINERS_CONF" not in os.environ:
            environment["XDG_CONFIG_HOME"] = settings_alone(self._socket.with_name("settings"))
        run = {name: os.environ[name] for name in ("CUTAWAY_RUN",) if name in os.environ}
        self.run(sys.executable, "-m", "tui", "--root", str(root), environment={**run, **environment})

    @property
    def screen(self) -> str:
        """What is on the screen now."""
        return self._tmux("capture-pane", "-p")

    @property
    def styled(self) -> str:
        """The same with its escape sequences."""
        return self._tmux("capture-pane", "-p", "-e")

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names: Enter, Down, C-l, x."""
        self._tmux("send-keys", *keys)

    def type(self, text: str) -> None:
        """Type characters as they are."""
        self._tmux("send-keys", "-l", text)

    def wait(self, *wanted: str | Callable[[str], object], without: str = "", seconds: float = PATIENCE) -> str:
        """Wait until all of `wanted` (regular expressions, or questions) is on the screen, and `without` is not."""

        def there(screen: str) -> bool:
            found = all(re.search(w, screen) if isinstance(w, str) else w(screen) for w in wanted)
            return found and not (without and re.search(without, screen))

        deadline = time.monotonic() + seconds
        while not there(screen := self.screen):
            if time.monotonic() > deadline:
                raise AssertionError(f"did not come: {wanted} without {without!r}; the screen is\n{screen}")
            time.sleep(0.02)
        return screen

    def close(self) -> None:
        subprocess.run(["tmux", "-S", self._socket, "kill-server"], capture_output=True, check=False)

    @property
    def _alive(self) -> bool:
        asked = subprocess.run(["tmux", "-S", self._socket, "list-sessions"], capture_output=True, check=False)
        return asked.returncode == 0

    def _tmux(self, *words: str) -> str:
        # What pytest says of its own terminal must not reach the programs in this one.
        environment = {
            name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")
        }
        command = ["tmux", "-S", self._socket, *words]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout
