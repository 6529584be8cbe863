"""Programs found on this machine, what they say of themselves, and the known holes of runc's versions."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from functools import cached_property
from pathlib import Path

import msgspec

from engine.text import visible

RUNC_HOLES: tuple[tuple[tuple[int, int, int], str, str], ...] = (
    ((1, 1, 12), "CVE-2024-21626", "a container can reach the host's files through a leaked working directory"),
    ((1, 2, 8), "CVE-2025-31133", "a container can have masked paths of the host opened"),
    ((1, 2, 8), "CVE-2025-52565", "a race on /dev/console can lead out of the container"),
    ((1, 2, 8), "CVE-2025-52881", "writes to /proc can be redirected"),
)
"""(first good version, CVE, what it allows); 1.3.0 to 1.3.2 have the three of 2025 too. Source: runc's advisories."""


_MENDED: tuple[tuple[str, str], ...] = ((r"1\.1\.5\+ds1-1\+deb12u\d", "CVE-2024-21626"),)
"""(a distribution's version, the CVE that it has mended without another number). Source: the packages' changelogs."""


class Tool(msgspec.Struct, frozen=True, dict=True):
    """A program found on this machine."""

    name: str
    path: Path

    @property
    def version(self) -> str:
        """What it calls itself; empty where it would not say. Asked when first needed: it starts a process."""
        match = re.search(r"\d+\.\d+\S*", self._answer[0])
        return match[0] if match else ""

    @property
    def build(self) -> str:
        """The commit or package that it says it was built from, "1.1.5+ds1-1+deb12u1"; empty where it says none."""
        match = re.search(r"^commit: *(\S+)", self._answer[0], re.MULTILINE)
        return match[1] if match else ""

    @property
    def trouble(self) -> str:
        """Why it did not even tell its version: "runc --version ended with 3 and said nothing"; "" where it did."""
        return self._answer[1]

    @cached_property
    def _answer(self) -> tuple[str, str]:
        """What `--version` printed, and what went wrong."""
        try:
            done = subprocess.run(
                [self.path, "--version"], capture_output=True, text=True, errors="replace", timeout=10, check=False
            )
        except subprocess.TimeoutExpired:
            return "", f"{self.name} --version did not end within 10 s"
        except OSError as error:
            return "", f"{self.name} cannot be executed: {error.strerror}"
        if done.returncode == 0:
            return done.stdout, ""
        said = visible(" ".join((done.stderr or done.stdout).split()))[:200]
        return "", f"{self.name} --version {how_it_ended(done.returncode)} and said {said or 'nothing'}"

    @property
    def numbers(self) -> tuple[int, int, int]:
        """The version as numbers; (0, 0, 0) where unknown."""
        match = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", self.version)
        return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else (0, 0, 0)


def known_holes(runc: Tool) -> list[tuple[str, str]]:
    """The (CVE, what it allows) that a runc of this version has. An unknown version has none that we know."""
    version = runc.numbers
    if version == (0, 0, 0):
        return []
    mended = {cve for pattern, cve in _MENDED if re.search(pattern, runc.build)}
    holes = [(cve, what) for good, cve, what in RUNC_HOLES if version < good]
    if (1, 3, 0) <= version < (1, 3, 3):
        holes += [(cve, what) for good, cve, what in RUNC_HOLES if good == (1, 2, 8)]
    return [hole for hole in holes if hole[0] not in mended]


def how_it_ended(code: int) -> str:
    """A process's return code, as subprocess gives it, in words: "ended with 3", "was ended by SIGKILL"."""
    if code >= 0:
        return f"ended with {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    return f"was ended by {name}"


def find_tool(name: str, more: str = "") -> Tool | None:
    """Look a program up on PATH, in the system's own folders, and in `more`.

    Not in the current directory or below it, which an empty or relative entry of PATH means: anybody may have made it.
    """
    path = os.environ.get("PATH", os.defpath) + f":/usr/local/sbin:/usr/sbin:/sbin:{more}"
    for directory in path.split(":"):
        place = f"{directory}/{name}"
        if directory.startswith("/") and os.path.isfile(place) and os.access(place, os.X_OK):
            return Tool(name, Path(place))
    return None
