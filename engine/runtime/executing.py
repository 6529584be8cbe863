"""A further process in a running container: `runc exec` under a conmon of its own.

By conmon, as podman does it, and not by `runc exec` alone: what runc fails with is told apart from what the process
ends with, the terminal and its size are the same code as a container's own, and whoever detaches leaves behind a
process that somebody waits for.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.errors import RuntimeFailed
from engine.host import HostFacts
from engine.jobs import CancelToken
from engine.runtime.attach import Pump
from engine.runtime.attachment import Attachment, Ending
from engine.runtime.foreground import connected
from engine.runtime.monitor import environment, failure, parse_answer, runc_options
from engine.runtime.moving import moves_at_once
from engine.runtime.orphaned import ending_with_us
from engine.runtime.record import ContainerRecord
from engine.runtime.state import RuntimeFiles, make_directory
from engine.runtime.waiting import ProcessId, wait_readable

_ANSWER_LIMIT = 64 * 1024  # bytes
_GRACE = 1.0  # seconds from asking an abandoned process to end until it is killed


class Session:
    """A process that has been started in a container."""

    def __init__(self, pid: int, answers: _Answers, pump: Pump | None) -> None:
        self.pid = pid
        self._process = ProcessId.of(pid)
        self._answers = answers
        self._pump = pump

    def run(self, token: CancelToken) -> int | None:
        """Carry its streams until it ends, and return its exit code; None if the user detached, and it goes on.

        A cancelled one ends, and where this process is killed: nobody could come back to it. Raises Cancelled,
        RuntimeFailed (the exit code is lost, or what it prints cannot be written any more, and it goes on).
        """
        assert self._pump is not None
        try:
            ending = self._pump.run(token)
            said = self._answers.next(token) if ending is Ending.ENDED else None
        except BaseException:
            self._end()
            raise
        if ending is Ending.DETACHED:
            return None
        if ending is Ending.LOST:
            raise RuntimeFailed("what it prints cannot be written to standard output any more; it goes on")
        if said is None or said[0] < 0:
            runs = self._process is not None and self._process.alive
            raise RuntimeFailed(
                "conmon, which held the process, was killed; the process "
                + ("goes on" if runs else "has ended, and its exit code is lost")
            )
        return said[0]

    def _end(self) -> None:
        """End it with its process group, which it leads (runc gives it a session of its own). HUP is what a shell
        listens to, and what a lost terminal sends."""
        if self._process is None:
            return
        with self._process.opened() as handle, contextlib.suppress(ProcessLookupError):
            if handle is not None:
                os.killpg(self.pid, signal.SIGHUP)
                if not wait_readable([handle], CancelToken(), _GRACE):
                    os.killpg(self.pid, signal.SIGKILL)


class Executor:
    """Starts processes in running containers."""

    def __init__(self, facts: HostFacts) -> None:
        self._facts = facts

    @contextlib.contextmanager
    def start(
        self,
        record: ContainerRecord,
        files: RuntimeFiles,
        process: dict[str, Any],
        to: Attachment | None,
        token: CancelToken,
    ) -> Iterator[Session]:
        """Start `process` (runtime-spec) in a running container, connected `to` the caller's descriptors, if any.

        It starts when the connection is there, so nothing of its output is lost. Raises RuntimeFailed with runc's
        message, CommandNotFound, CommandNotExecutable, ToolMissing, StoreError, Cancelled.
        """
        directory = files.here / f"exec-{os.urandom(6).hex()}"
        make_directory(directory)
        what = f"cannot start a process in the container {record.name}"
        with contextlib.ExitStack() as stack:
            # conmon takes the directory away at the process's end; here only where that never began.
            gone = stack.enter_context(contextlib.ExitStack())
            gone.callback(shutil.rmtree, directory, ignore_errors=True)
            (directory / "process.json").write_text(json.dumps({**process, **_size(process, to)}))
            sync, start, attach = (stack.enter_context(_Pipe()) for _ in range(3))
            handles = {"_OCI_SYNCPIPE": sync.writer}
            end = stack.enter_context(ending_with_us(directory))
            if to is not None:
                handles |= {"_OCI_STARTPIPE": start.reader, "_OCI_ATTACHPIPE": attach.writer}
                os.write(start.writer, b"\0")  # conmon may begin; a second one lets it start the process
            with moves_at_once():
                _call(self._arguments(record, files, directory, process, to), directory, handles)
                try:
                    for pipe in (sync, attach):
                        pipe.close_writer()
                    answers, pump = _Answers(sync.reader), None
                    if to is not None and _Answers(attach.reader).next(token) is not None:
                        pump = stack.enter_context(connected(directory, to, has_terminal=bool(process.get("terminal"))))
                        os.write(start.writer, b"\0")
                    pid, message = answers.next(token) or (-1, "conmon ended without a word")
                except BaseException:  # conmon goes on all the same, also where it does not get its second word
                    start.close_writer()
                    end()
                    raise
            if pid <= 0:
                raise failure(message, what)
            gone.pop_all()
            yield Session(pid, answers, pump)

    def _arguments(
        self,
        record: ContainerRecord,
        files: RuntimeFiles,
        directory: Path,
        process: dict[str, Any],
        to: Attachment | None,
    ) -> list[str]:
        line = [str(self._facts.need_conmon().path), "--api-version", "1", "--exec"]
        line += ["--cid", record.id, "--cuuid", directory.name, "--name", record.name]
        line += ["--runtime", str(self._facts.need_runc().path), "--bundle", str(directory)]
        for argument in runc_options(files):
            line += ["--runtime-arg", argument]
        line += ["--exec-process-spec", str(directory / "process.json")]
        line += ["--container-pidfile", str(directory / "pid"), "--full-attach", "--log-path", "none:"]
        if to is not None:
            line.append("--exec-attach")
        if process.get("terminal"):
            line.append("--terminal")
        elif to is not None and to.stdin is not None:
            line.append("--stdin")
        line += ["--exit-command", shutil.which("rm") or "/bin/rm"]
        for argument in ("-rf", "--", str(directory)):
            line += ["--exit-command-arg", argument]
        return line


class _Pipe:
    """Both ends of a pipe, closed at the end of a `with`."""

    def __enter__(self) -> _Pipe:
        self.reader, self.writer = os.pipe()
        self._open = {self.reader, self.writer}
        return self

    def close_writer(self) -> None:
        os.close(self.writer)
        self._open.discard(self.writer)

    def __exit__(self, *_: object) -> None:
        for handle in self._open:
            os.close(handle)


class _Answers:
    """What conmon says on a pipe: a number and perhaps words, a line each."""

    def __init__(self, reader: int) -> None:
        self._reader = reader
        self._rest = b""

    def next(self, token: CancelToken) -> tuple[int, str] | None:
        """The next answer; None where conmon has ended. Raises Cancelled."""
        while b"\n" not in self._rest and len(self._rest) < _ANSWER_LIMIT:
            wait_readable([self._reader], token)
            piece = os.read(self._reader, 8192)
            if not piece:
                break
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        return parse_answer(line) if line else None


def _size(process: dict[str, Any], to: Attachment | None) -> dict[str, Any]:
    """The size that its terminal begins with: that of the caller's."""
    if not process.get("terminal") or to is None or to.stdin is None or not os.isatty(to.stdin):
        return {}
    size = os.get_terminal_size(to.stdin)
    return {"consoleSize": {"height": size.lines, "width": size.columns}} if size.lines and size.columns else {}


def _call(command: list[str], directory: Path, handles: dict[str, int]) -> None:
    """Start conmon; it goes into the background by itself. Raises RuntimeFailed."""
    try:
        subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=directory,
            env={**environment(), **{name: str(handle) for name, handle in handles.items()}},
            pass_fds=tuple(handles.values()),
            start_new_session=True,
            check=False,
        )
    except OSError as error:
        raise RuntimeFailed(f"cannot start {command[0]}: {error.strerror}") from error
