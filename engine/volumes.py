"""Named volumes: directories that outlive the containers that they are bound into, `volumes/<name>/_data`.

A config.json says which it binds, so nothing else has to be remembered: who uses a volume is read there.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from engine.disk import DataRoot, store_error
from engine.errors import StoreError, UsageError
from engine.jobs import Job
from engine.spec import directory_in
from engine.text import visible
from engine.trace import StepKind
from engine.views import VolumeSummary

_NAME = r"[a-zA-Z0-9][a-zA-Z0-9_.-]*"
_DATA = "_data"


class Volumes:
    """The named volumes of a data directory."""

    def __init__(self, root: DataRoot) -> None:
        self._root = root
        self.base = root.path / "volumes"

    def path(self, name: str) -> Path:
        """The directory that is bound. Raises UsageError for what is no volume's name."""
        if not re.fullmatch(_NAME, name) or len(name) > 200:
            raise UsageError(
                f"not a volume's name: {visible(name)[:80]!r}",
                hint="It starts with a letter or digit; letters, digits, '_', '.' and '-' follow (200 at most).",
            )
        return self.base / name / _DATA

    def all(self) -> list[VolumeSummary]:
        """Every volume by name, with the containers whose config.json binds it."""
        users: dict[str, list[str]] = {}
        for directory in sorted(self._root.containers.glob("*")):
            for name, _, _ in self._places(directory / "config.json"):
                users.setdefault(name, []).append(directory.name)
        names = [path.name for path in sorted(self.base.glob("*")) if re.fullmatch(_NAME, path.name)]
        return [VolumeSummary(name, self.path(name), tuple(dict.fromkeys(users.get(name, ())))) for name in names]

    def bound(self, config: Path) -> Iterator[tuple[str, str]]:
        """The volumes that a config.json binds: the name, and where it is mounted in the container."""
        return ((name, destination) for name, below, destination in self._places(config) if not below)

    def _places(self, config: Path) -> Iterator[tuple[str, str, str]]:
        """As `bound`, also of what is below a volume's directory: the name, the path there ("" for the volume itself),
        and where it is mounted."""
        try:
            mounts = json.loads(config.read_bytes()).get("mounts")
        except (OSError, ValueError, RecursionError, AttributeError):
            return
        here = os.path.realpath(self.base)
        for mount in mounts if isinstance(mounts, list) else ():
            entry: dict[str, Any] = mount if isinstance(mount, dict) else {}
            source, destination = entry.get("source"), entry.get("destination")
            if not isinstance(source, str) or not isinstance(destination, str) or "\0" in source:
                continue
            # However it is spelt, relative to the bundle, too, and by whatever link the data directory was reached; a
            # volume may be a link itself.
            place = os.path.normpath(os.path.join(config.parent, source))
            directory, data, below = place.partition(f"/{_DATA}")
            base, name = os.path.split(directory)
            if data and below[:1] in ("", "/") and re.fullmatch(_NAME, name) and os.path.realpath(base) == here:
                yield name, below, destination

    def make(self, config: Path, job: Job) -> None:
        """Make the volumes of a config.json that are not there yet. Raises StoreError."""
        self._make(self.bound(config), job)

    def _make(self, bound: Iterable[tuple[str, str]], job: Job) -> None:
        for name, _ in bound:
            path = self.path(name)
            if not path.is_dir():
                with job.step(StepKind.STORE, shlex.join(["mkdir", "-p", str(path)])):
                    self._made(path)

    def _made(self, path: Path) -> None:
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o755)
        except OSError as error:
            raise store_error(error, f"cannot make {path}") from error

    def fill(self, config: Path, merged: Path, job: Job) -> None:
        """Before a start: a volume that is empty takes what the image has at its place, as podman and docker do.

        Raises StoreError.
        """
        bound = list(self.bound(config))
        self._make(bound, job)
        for name, destination in bound:
            path, theirs = self.path(name), directory_in(merged, destination)
            if theirs is None or any(os.scandir(path)):
                continue
            status = theirs.stat()
            os.chown(path, status.st_uid, status.st_gid)
            os.chmod(path, status.st_mode & 0o7777)
            if not any(os.scandir(theirs)):
                continue
            command = ["cp", "--archive", "--no-target-directory", str(theirs), str(path)]
            with job.step(StepKind.STORE, shlex.join(command)) as step:
                done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
                if done.returncode:
                    raise StoreError(f"the volume {name} cannot be filled: {visible(done.stderr.strip())[:500]}")
                step.detail = f"the volume {name} was empty: it has now what the image has there"

    def remove(self, name: str) -> None:
        """Take a volume away with all that is in it. Raises UsageError where there is none, or a container binds it."""
        path = self.path(name).parent
        found = next((each for each in self.all() if each.name == name), None)
        if found is None:
            raise UsageError(f"there is no volume {visible(name)}", hint="cutaway volume ls lists them.")
        if found.containers:
            raise UsageError(
                f"the volume {visible(name)} is bound by {', '.join(found.containers)}",
                hint="Remove these containers first.",
            )
        try:
            with self._root.staging("removed") as staging:  # the end of the block deletes it
                os.rename(path, staging / name)
        except OSError as error:
            raise store_error(error, f"cannot remove {path}") from error
