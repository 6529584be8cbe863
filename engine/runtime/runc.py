"""runc, called: as a step that can be read, and so that its errors are told from what it says by the way."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager

from engine.host import HostFacts, how_it_ended
from engine.jobs import CancelToken, Job, StepDraft
from engine.runtime.monitor import environment, plain
from engine.runtime.state import RuntimeFiles
from engine.trace import StepKind


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
