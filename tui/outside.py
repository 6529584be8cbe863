"""The editor or pager of somebody's own choice, which gets the terminal for a while."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from engine import UsageError

_EDITORS = ("editor", "nano", "vi")
"""Looked for where neither VISUAL nor EDITOR names one."""

_PAGERS = ("less", "more")
"""Looked for where PAGER names none."""


def _code(returned: int) -> int:
    """As a shell tells it: 128 and the signal's number for a process that one ended."""
    return 128 - returned if returned < 0 else returned


@contextmanager
def _interrupts_passing() -> Iterator[None]:
    """ctrl+c goes to every process on the terminal; it is meant for the other one."""
    # A function, not SIG_IGN, which the program would inherit.
    before = signal.signal(signal.SIGINT, lambda number, frame: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def editor(environment: Mapping[str, str] = os.environ) -> list[str]:
    """The command of somebody's own editor. Raises UsageError where there is none."""
    return _chosen("editor", ("VISUAL", "EDITOR"), _EDITORS, environment)


def pager(environment: Mapping[str, str] = os.environ) -> list[str]:
    """The command of somebody's own pager. Raises UsageError where there is none."""
    return _chosen("pager", ("PAGER",), _PAGERS, environment)


def _chosen(kind: str, variables: Sequence[str], usual: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    for name in variables:
        if said := environment.get(name, "").strip():
            try:
                return shlex.split(said)
            except ValueError as error:
                raise UsageError(f"${name} cannot be read: {error}") from error
    found = next(filter(None, map(shutil.which, usual)), None)
    if found is None:
        hint = f"Set {variables[-1]}, for example to {usual[-2]}."
        raise UsageError(f"no {kind} is set, and none found", hint=hint)
    return [found]


def run(command: Sequence[str], path: Path) -> int:
    """Have a program open a file, and return its exit code as a shell tells it; call it within `Bench.at_terminal`.

    Raises UsageError where the program is not there.
    """
    try:
        with _interrupts_passing():
            return _code(subprocess.run([*command, str(path)], check=False).returncode)
    except OSError as error:
        raise UsageError(f"{command[0]}: {error.strerror}", hint="Set a program that is here.") from error


def edit(text: str, command: Sequence[str]) -> str:
    """Let a program change a text, as a file config.json; call it within `Bench.at_terminal`.

    Raises UsageError where the program is not there or fails, or leaves no text.
    """
    with tempfile.TemporaryDirectory(prefix="cutaway-edit-") as directory:
        path = Path(directory, "config.json")
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        if code := run(command, path):
            raise UsageError(
                f"{command[0]} ended with {code}: what it wrote is not taken", hint="The text is as it was."
            )
        try:
            return path.read_bytes().decode("utf-8")
        except OSError as error:
            raise UsageError(f"{command[0]} left no file: {error.strerror}", hint="The text is as it was.") from error
        except UnicodeDecodeError as error:
            raise UsageError(
                f"{command[0]} wrote what is not UTF-8 text", hint="The text here is as it was."
            ) from error
