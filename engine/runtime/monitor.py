"""conmon: the small program that holds a container when nobody else does. How it is called, and what it answers.

It starts runc, keeps the container's streams, writes the log and the exit code, and at the end runs the clean-up.
It lives in a session of its own, so neither a closed terminal nor the end of this process reaches it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from engine.errors import RuntimeFailed, UsageError
from engine.host import Tool, how_it_ended
from engine.jobs import CancelToken
from engine.runtime.moving import moves_at_once
from engine.runtime.record import ContainerRecord
from engine.runtime.runc import environment, failure, runc_options
from engine.runtime.state import RuntimeFiles
from engine.runtime.waiting import ProcessId, wait_readable

_ANSWER_LIMIT = 64 * 1024  # bytes; conmon sends 8 KiB of runc's message at most
_PAUSE = 0.005  # seconds
_LOOK_AFTER = 1.0  # seconds without an answer
_DEATH_PATIENCE = 10.0  # seconds; a process may hang in the kernel, where no signal reaches it

_UNLESS_GONE = '{ flock 9; } 9< "$0"; [ ! -e "$0" ] || exec "$@"'
"""A container with --rm is mostly taken away by who waited for its end, and just then Python's start would be in the
way. So a shell waits, as `exit_command` does; where there is no flock(1), it leaves that to the latter."""


class Monitor(msgspec.Struct, frozen=True):
    """Calls conmon. At a container's end that has `cleanup` see what is left: `python -P -S SCRIPT ROOT ID RUN`."""

    conmon: Path
    runc: Path
    cleanup: Path

    def arguments(self, record: ContainerRecord, files: RuntimeFiles) -> list[str]:
        """conmon's command line for one container (conmon(8)). Pure."""
        line = common_arguments(self.conmon, self.runc, record, files, record.id, files.bundle)
        line += ["--container-pidfile", str(files.container_pid), "--conmon-pidfile", str(files.conmon_pid)]
        line += ["--exit-dir", str(files.exits), "--full-attach"]
        log = "passthrough" if record.passes else f"k8s-file:{files.log}" if record.logged else "none:"
        line += ["--log-path", log, "--log-level", "error"]
        if record.log_size:
            line += ["--log-size-max", str(record.log_size)]
        if record.terminal:
            line.append("--terminal")  # its input stays open when the attached terminal goes: no --stdin beside it
        elif record.interactive and not record.passes:
            line.append("--stdin")
        program, *rest = self._at_the_end(record, files)
        line += ["--exit-command", program]
        for argument in rest:
            line += ["--exit-command-arg", argument]
        return line

    def _at_the_end(self, record: ContainerRecord, files: RuntimeFiles) -> list[str]:
        root = files.root.path.absolute()
        line = [sys.executable, "-P", "-S", str(self.cleanup), str(root), record.id, str(files.root.run)]
        if not record.auto_remove:
            return line
        return ["/bin/sh", "-c", _UNLESS_GONE, str(root / "containers" / record.id), *line]

    def command(self, record: ContainerRecord, files: RuntimeFiles) -> str:
        """The shell line that starts it by hand, from the bundle, where conmon leaves the file "oom". Pure."""
        places = shlex.join(["mkdir", "-p", str(files.runc_root), str(files.exits), str(files.here)])
        return f"{places} && cd {shlex.quote(str(files.bundle))} && {shlex.join(self.arguments(record, files))}"

    def check_streams(self, record: ContainerRecord) -> None:
        """Raise UsageError where it would have our own streams, and one of these is a terminal: it could type into that
        (TIOCSTI)."""
        if record.passes and any(map(os.isatty, range(3))):
            raise UsageError(
                "--log-driver passthrough cannot be used on a terminal",
                hint="Lead its standard input, output and errors from and to files or pipes.",
            )

    def create(self, record: ContainerRecord, files: RuntimeFiles, token: CancelToken, held: Sequence[int] = ()) -> int:
        """Have the container created and held; returns the process id of its first process.

        conmon keeps the descriptors `held` open until the container's end.

        Raises RuntimeFailed with runc's own message, CommandNotFound, CommandNotExecutable, Cancelled.
        """
        reader, writer = os.pipe()
        with contextlib.ExitStack() as stack:
            stack.callback(os.close, reader)
            stack.enter_context(moves_at_once())
            try:
                process = subprocess.Popen(
                    self.arguments(record, files),
                    stdin=None if record.passes else subprocess.DEVNULL,
                    stdout=None if record.passes else subprocess.DEVNULL,
                    stderr=None if record.passes else subprocess.PIPE,
                    cwd=files.bundle,  # conmon leaves the file "oom" there
                    env={**environment(), "_OCI_SYNCPIPE": str(writer)},
                    pass_fds=(writer, *held),
                    start_new_session=True,
                )
            except OSError as error:
                raise RuntimeFailed(f"cannot start {self.conmon}: {error.strerror}") from error
            finally:
                os.close(writer)
            with process:
                try:
                    # What comes next, and now there is time to load it.
                    from engine.runtime import cgroups, foreground  # noqa: F401

                    pid, message = Answers(reader).next(token, lambda: _runc_works(files)) or (-1, "")
                except BaseException:
                    with contextlib.suppress(RuntimeFailed):  # what ended the waiting is what to tell
                        stop_creation(files)
                    raise
                said = process.stderr.read(_ANSWER_LIMIT).decode(errors="replace") if process.stderr else ""
        if pid > 0:
            return pid
        # conmon does not tell how runc ended; one that is broken altogether shows it when it is asked for its version.
        words = message or said or _log(files) or Tool("runc", self.runc).trouble
        if not words and pid == -1:  # then the words must be conmon's, and it has none
            words = f"conmon {how_it_ended(process.returncode)} and said nothing"
        raise failure(words, f"cannot create the container {record.name}")


def stop_creation(files: RuntimeFiles) -> None:
    """Stop a creation that nobody waits for any more: kill conmon, the runc that it started, and that one's hooks.

    The caller holds the container's lock, so a creation under way is one whose starter was killed or gave up. Its
    processes are told by their arguments; conmon may not have written its pid file yet.
    Raises RuntimeFailed for one that does not die.
    """
    if files.container_pid.exists():  # runc's last act: the creation is complete
        return
    deadline = time.monotonic() + _DEATH_PATIENCE
    while found := _with_argument(os.fsencode(files.bundle)):
        if time.monotonic() > deadline:
            pids = ", ".join(str(process.pid) for _, process in found)
            raise RuntimeFailed(
                f"what creates the container {files.id} does not end within {_DEATH_PATIENCE:.0f} s of SIGKILL: {pids}",
                hint="It may hang in the kernel (state D in ps): a dead disk or network filesystem.",
            )
        for _, process in found:
            with process.opened() as handle, contextlib.suppress(ProcessLookupError):
                if handle is None:
                    continue
                group = os.getpgid(process.pid)
                signal.pidfd_send_signal(handle, signal.SIGKILL)
                if group != os.getpgrp():
                    os.killpg(group, signal.SIGKILL)
        time.sleep(_PAUSE)


def _with_argument(argument: bytes) -> list[tuple[bytes, ProcessId]]:
    """The conmon and runc processes that have this argument, with the program's name.

    A process can call itself what it likes: only those are looked for that are in our own process namespace, where what
    runs in containers is not.
    """
    found = []
    ours = os.stat("/proc/self/ns/pid")
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/cmdline", "rb", buffering=0) as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        program = words[0].rpartition(b"/")[2]
        if argument not in words or program not in (b"conmon", b"runc"):
            continue
        with contextlib.suppress(OSError):  # it has just ended
            if os.path.samestat(os.stat(f"/proc/{entry}/ns/pid"), ours) and (process := ProcessId.of(int(entry))):
                found.append((program, process))
    return found


def monitors(files: RuntimeFiles) -> list[int]:
    """The process ids of conmon and runc at work on a container, whatever runtime directory they use."""
    return [process.pid for _, process in _with_argument(files.id.encode())]


def common_arguments(
    conmon: Path, runc: Path, record: ContainerRecord, files: RuntimeFiles, unique: str, bundle: Path
) -> list[str]:
    """How each command line of conmon begins, for a container's first process or a further one. Pure."""
    line = [str(conmon), "--api-version", "1"]
    line += ["--cid", record.id, "--cuuid", unique, "--name", record.name]
    line += ["--runtime", str(runc), "--bundle", str(bundle)]
    for argument in runc_options(files):
        line += ["--runtime-arg", argument]
    return line


class Answers:
    """What conmon says on a pipe, a line each: a number, and perhaps words."""

    def __init__(self, reader: int) -> None:
        self._reader = reader
        self._rest = b""

    def next(
        self, token: CancelToken, runc_works: Callable[[], bool] | None = None, *, patience: float | None = None
    ) -> tuple[int, str] | None:
        """The next answer, a process id or an exit code, and words; -1 where it makes no sense, None where conmon has
        ended without one, or none has come in so many seconds of `patience`.

        A runc that is killed while it creates leaves its child with conmon, and conmon waits for words of it for ever.
        So where the answer takes long (a hook may be slow), `runc_works` is asked. Raises RuntimeFailed where it does
        not, Cancelled.
        """
        idle = 0
        while b"\n" not in self._rest and len(self._rest) < _ANSWER_LIMIT:
            if not wait_readable([self._reader], token, _LOOK_AFTER if runc_works else patience):
                if runc_works is None:
                    return None
                idle = 0 if runc_works() else idle + 1
                if idle == 3:
                    raise RuntimeFailed("runc was killed while it created the container", hint="See: dmesg | tail")
                continue
            piece = os.read(self._reader, 8192)
            if not piece:
                break
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        return _parsed(line) if line else None


def _parsed(line: bytes) -> tuple[int, str]:
    try:
        answer = _loaded(line.decode(errors="replace"))
        return int(answer["data"]), str(answer.get("message", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return -1, ""


def _loaded(said: str) -> Any:
    try:
        return json.loads(said)
    except ValueError:  # conmon leaves some control characters of runc's as they are
        return json.loads(said, strict=False)


def _runc_works(files: RuntimeFiles) -> bool:
    return any(name == b"runc" for name, _ in _with_argument(os.fsencode(files.bundle)))


def _log(files: RuntimeFiles) -> str:
    """The last error in runc's own log."""
    try:
        lines = files.runc_log.read_bytes()[-_ANSWER_LIMIT:].splitlines()
    except OSError:
        return ""
    for line in reversed(lines):
        try:
            entry = json.loads(line)
            if entry["level"] in ("error", "fatal"):
                return str(entry["msg"])
        except (ValueError, KeyError, TypeError):
            continue
    return ""
