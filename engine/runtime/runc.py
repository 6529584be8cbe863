"""runc, called: as a step that can be read, and so that its errors are told from what it says by the way. And what is
the same where conmon calls it: options, environment, and its words as an error."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import engine
from engine.errors import CommandNotExecutable, CommandNotFound, RuntimeFailed
from engine.host import HostFacts, how_it_ended
from engine.jobs import CancelToken, Job, StepDraft
from engine.runtime.state import RuntimeFiles
from engine.text import visible
from engine.trace import StepKind

_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "XDG_RUNTIME_DIR", "CUTAWAY_RUN", "CNI_PATH")
_MESSAGE_LIMIT = 2000  # characters of runc's message that are shown

_NOT_FOUND = r"(?s)exec: .*(executable file not found in|no such file or directory)|exec .*: no such file"
_NOT_EXECUTABLE = r"(?s)exec: .*(permission denied|is a directory)|exec .*: (permission denied|exec format error)"


class Runc:
    """runc as this host has it."""

    def __init__(self, facts: HostFacts) -> None:
        self._facts = facts

    def step(self, job: Job, line: list[str], files: RuntimeFiles, peer: str) -> AbstractContextManager[StepDraft]:
        """A step of a job that is one call of runc; `peer` is what podman's user would type."""
        return job.step(StepKind.RUNTIME, shlex.join(["runc", "--root", str(files.runc_root), *line]), peer=peer)

    def run(self, files: RuntimeFiles, line: list[str], token: CancelToken | None) -> str | None:
        """Run runc as `call` does; None if it succeeded, otherwise what it said."""
        failed, said = self.call(files, line, token)
        return (said or f"runc {failed} and said nothing") if failed else None

    def call(
        self,
        files: RuntimeFiles,
        line: list[str],
        token: CancelToken | None,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> tuple[str, str]:
        """Run runc, and do something `meanwhile`; how it failed ("" where it did not), and the errors that it told.
        With a `token` it can be cut short: Cancelled."""
        command = [str(self._facts.need_runc().path), "--root", str(files.runc_root), "--log-format", "json", *line]
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=environment(),
                start_new_session=True,
            )
        except OSError as error:
            return "did not start", f"{command[0]}: {error.strerror}"
        with process:
            meanwhile()
            if token is None:
                said = process.communicate()[1]
            else:
                with token.interrupting(process.kill):
                    said = process.communicate()[1]
                token.check()
        words = plain(said.decode(errors="replace"))
        return (how_it_ended(process.returncode) if process.returncode else ""), words


def runc_options(files: RuntimeFiles) -> list[str]:
    """runc's global options for the containers of this data directory."""
    return ["--root", str(files.runc_root), "--log", str(files.runc_log), "--log-format", "json"]


def environment() -> dict[str, str]:
    """What conmon, runc and the clean-up get of our environment: nothing that could be a secret."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    kept.setdefault("PATH", os.defpath)
    kept["PYTHONPATH"] = str(Path(engine.__file__).resolve().parents[1])
    return kept


def plain(said: str) -> str:
    """The errors among the lines that runc logs as JSON, without what its logger puts around them; lines that are none
    (a panic) stay. Where nothing is an error, all there is."""
    errors: list[str] = []
    rest: list[str] = []
    for line in filter(str.strip, said.splitlines()):
        try:
            entry = json.loads(line)
            (errors if entry["level"] in ("error", "fatal", "panic") else rest).append(str(entry["msg"]))
        except (ValueError, KeyError, TypeError, RecursionError):
            errors.append(line)
    return "\n".join(errors or rest)


def failure(said: str, what: str) -> RuntimeFailed:
    """What runc said, as an error: the command's own faults apart, as podman tells them (exit codes 126, 127)."""
    text = visible(re.sub(r"\s*\n\s*", "; ", said.strip()))[:_MESSAGE_LIMIT]
    message = f"{what}: {text}" if text else f"{what}: runc said nothing"
    error = RuntimeFailed(message)
    if re.search(_NOT_FOUND, said):
        error = CommandNotFound(message, hint="It is not among the container's files, or not on its PATH.")
    elif re.search(_NOT_EXECUTABLE, said):
        error = CommandNotExecutable(
            message, hint="The command is there, but cannot be executed (its mode, or it is made for another machine)."
        )
    error.said = said
    return error
