"""The command line as a person has it: a process of its own, real exit codes, real output.

What is run or started here is forked (forked.py); whoever needs a start of Python runs `Cutaway.command`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forked import Forked, Forker, Wish, forker

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cutaway-tests"
"""What tests keep from one run to the next."""
COMPILED = (
    {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(CACHE / "python")} if sys.dont_write_bytecode else {}
)
"""Modules are compiled once, as on any system where the program is installed: beside their sources, or, where tests
leave nothing in the checkout, in a place of their own."""
_FOR_PYTHON = ("PYTHON", "LANG", "LC_")
"""Variables that Python looks at when it begins."""


@dataclass(frozen=True)
class Cutaway:
    """`cutaway` on one data directory. `run` holds what does not outlive a reboot; sockets need it short."""

    root: Path
    run: Path

    def command(self, *words: str) -> list[str]:
        """The line that starts it, for subprocess or a terminal; with `environment`."""
        return [sys.executable, "-m", "tui", "--root", str(self.root), *words]

    @property
    def environment(self) -> dict[str, str]:
        checkout = str(Path(__file__).parents[1])
        return {
            **os.environ,
            **COMPILED,
            "CUTAWAY_RUN": str(self.run),
            "XDG_CONFIG_HOME": os.environ.get("XDG_CONFIG_HOME", str(self.run / "settings")),  # not whose host it is
            "PYTHONPATH": checkout,
            "CUTAWAY_DEBUG": "",
        }

    def start(self, *words: str, session: bool = False) -> Forked:
        """In the background, in a session of its own if asked for; whoever calls waits for it."""
        return self._forker().start(self._wish(words, session=session))

    def __call__(self, *words: str, code: int = 0, timeout: float = 90) -> subprocess.CompletedProcess[str]:
        """Run to the end; it must end with `code`."""
        done = self.ended(*words, timeout=timeout)
        assert done.returncode == code, f"cutaway {' '.join(words)}: exit code {done.returncode}\n{done.stderr}"
        return done

    def ended(self, *words: str, timeout: float = 90) -> subprocess.CompletedProcess[str]:
        """Run to the end, whichever that is."""
        return self._forker().run(self._wish(words), timeout)

    def _wish(self, words: Sequence[str], *, network: str = "", session: bool = False) -> Wish:
        words = ["--root", str(self.root), *words]
        return Wish(words=words, environment=self.environment, directory=os.getcwd(), network=network, session=session)

    def _forker(self) -> Forker:
        begun = tuple((name, value) for name, value in self.environment.items() if name.startswith(_FOR_PYTHON))
        return forker(begun)

    def out(self, *words: str) -> str:
        """What it prints on stdout, without the last line end."""
        return self(*words).stdout.removesuffix("\n")

    def json(self, *words: str) -> Any:
        return json.loads(self(*words).stdout)

    def remove_everything(self) -> None:
        for container in reversed(self.json("ps", "--all", "--json")):  # who shares another's network goes first
            self("rm", "--force", container["id"])


@contextmanager
def passable() -> Iterator[Cutaway]:
    """On a path that other users of this host can pass through, as /var/lib is and pytest's directories are not."""
    home = Path(tempfile.mkdtemp(prefix="cutaway-", dir="/tmp"))
    home.chmod(0o711)
    made = Cutaway(home / "data", home / "run")
    try:
        yield made
        made.remove_everything()
    finally:
        shutil.rmtree(home)
