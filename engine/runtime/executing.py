"""A further process in a running container: `runc exec` under a conmon of its own.

By conmon, as podman does it, and not by `runc exec` alone: what runc fails with is told apart from what the process
ends with, the terminal and its size are the same code as a container's own, and whoever detaches leaves behind a
process that somebody waits for.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from engine.errors import RuntimeFailed
from engine.host import HostFacts, find_tool
from engine.jobs import CancelToken
from engine.runtime.abandoned import ending_with_us
from engine.runtime.attach import Pump
from engine.runtime.attachment import Attachment, Ending
from engine.runtime.foreground import connected
from engine.runtime.monitor import Answers, common_arguments
from engine.runtime.moving import moves_at_once
from engine.runtime.record import ContainerRecord
from engine.runtime.runc import environment, failure, runc_options
from engine.runtime.state import RuntimeFiles, make_directory
from engine.runtime.waiting import ProcessId
from engine.text import as_json
from engine.walking import remove_quietly

_PATIENCE = 5.0  # seconds for what is not wanted any more to begin


class Session:
    """A process that has been started in a container."""

    def __init__(self, pid: int, answers: Answers, pump: Pump | None, end: Callable[[], None]) -> None:
        self.pid = pid
        self._process = ProcessId.of(pid)
        self._answers = answers
        self._pump = pump
        self._end = end

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
        with contextlib.ExitStack() as stack:
            talk = stack.enter_context(_Talk(connects=to is not None))
            end = stack.enter_context(ending_with_us(directory, talk.hears))
            make_directory(directory)
            # conmon takes the directory away at the process's end; here only where that never began.
            gone = stack.enter_context(contextlib.ExitStack())
            gone.callback(remove_quietly, directory)
            (directory / "process.json").write_bytes(as_json({**process, **_size(process, to)}))
            pump = None
            with moves_at_once():
                talk.begin(self._arguments(record, files, directory, process, to), directory)
                try:
                    if to is not None and talk.can_be_connected(token):
                        pump = stack.enter_context(connected(directory, to, has_terminal=bool(process.get("terminal"))))
                        talk.go_on()
                    pid, message = talk.answers.next(token) or (-1, "conmon ended without a word")
                except BaseException:  # conmon goes on all the same, also where it is not told so
                    talk.hang_up()
                    answer = talk.answers.next(CancelToken(), patience=_PATIENCE)
                    if answer is None or answer[0] > 0:  # otherwise nothing has begun
                        end()
                    raise
            if pid <= 0:
                raise failure(message, f"cannot start a process in the container {record.name}")
            gone.pop_all()
            yield Session(pid, talk.answers, pump, end)

    def _arguments(
        self,
        record: ContainerRecord,
        files: RuntimeFiles,
        directory: Path,
        process: dict[str, Any],
        to: Attachment | None,
    ) -> list[str]:
        conmon, runc = self._facts.need_conmon().path, self._facts.need_runc().path
        line = [*common_arguments(conmon, runc, record, files, directory.name, directory), "--exec"]
        line += ["--exec-process-spec", str(directory / "process.json")]
        line += ["--container-pidfile", str(directory / "pid"), "--full-attach", "--log-path", "none:"]
        if to is not None:
            line.append("--exec-attach")
        if process.get("terminal"):
            line.append("--terminal")
        elif to is not None and to.stdin is not None:
            line.append("--stdin")
        rm = find_tool("rm")
        line += ["--exit-command", str(rm.path) if rm else "/bin/rm"]
        for argument in ("-rf", "--", str(directory)):
            line += ["--exit-command-arg", argument]
        return line


class _Talk:
    """The pipes on which conmon is told what to do and says what came of it, closed at the end of a `with`.

    conmon answers on one. Where somebody `connects`, it waits on another until it may begin, says on a third that its
    socket is there, and waits once more before it lets the process start.
    """

    def __init__(self, *, connects: bool) -> None:
        answers, sync = os.pipe()
        self._open = {answers, sync}
        self.hears = [answers]
        self._conmons = {"_OCI_SYNCPIPE": sync}
        self.answers = Answers(answers)
        self._connecting: Answers | None = None
        self._start: int | None = None
        if connects:
            start, self._start = os.pipe()
            attached, attach = os.pipe()
            self._open |= {start, self._start, attached, attach}
            self._conmons |= {"_OCI_STARTPIPE": start, "_OCI_ATTACHPIPE": attach}
            self.hears.append(attached)
            self._connecting = Answers(attached)

    def __enter__(self) -> _Talk:
        return self

    def __exit__(self, *_: object) -> None:
        self._close(*self._open)

    def _close(self, *handles: int) -> None:
        for handle in handles:
            os.close(handle)
        self._open.difference_update(handles)

    def begin(self, command: list[str], directory: Path) -> None:
        """Start conmon; it goes into the background by itself. Raises RuntimeFailed."""
        self.go_on()
        try:
            subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=directory,
                env={**environment(), **{name: str(handle) for name, handle in self._conmons.items()}},
                pass_fds=tuple(self._conmons.values()),
                start_new_session=True,
                check=False,
            )
        except OSError as error:
            raise RuntimeFailed(f"cannot start {command[0]}: {error.strerror}") from error
        self._close(*self._conmons.values())

    def can_be_connected(self, token: CancelToken) -> bool:
        """Wait until its socket is there; False where conmon has ended. Raises Cancelled."""
        return self._connecting is not None and self._connecting.next(token) is not None

    def go_on(self) -> None:
        """Tell conmon that it may, where it waits for that."""
        if self._start is not None:
            with contextlib.suppress(BrokenPipeError):  # it has ended, and its answer says so
                os.write(self._start, b"\0")

    def hang_up(self) -> None:
        """conmon does not wait for a word any more."""
        if self._start is not None:
            self._close(self._start)


def exec_command(files: RuntimeFiles, process: dict[str, Any]) -> str:
    """The line of runc that starts such a further process, without its variables: values may be secrets. Pure."""
    line = ["runc", *runc_options(files)[:2], "exec"]
    line += ["--tty"] * bool(process.get("terminal")) + ["--cwd", process["cwd"]]
    user = process.get("user") or {}
    line += ["--user", f"{user.get('uid', 0)}:{user.get('gid', 0)}", files.id, *process["args"]]
    return shlex.join(line)


def _size(process: dict[str, Any], to: Attachment | None) -> dict[str, Any]:
    """The size that its terminal begins with: that of the caller's."""
    if not process.get("terminal") or to is None or to.stdin is None or not os.isatty(to.stdin):
        return {}
    size = os.get_terminal_size(to.stdin)
    return {"consoleSize": {"height": size.lines, "width": size.columns}} if size.lines and size.columns else {}
