"""The end of a container: waited for, and its exit code put where it lasts."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping, Sequence

from engine.errors import StoreError
from engine.events import Status
from engine.jobs import CancelToken
from engine.runtime import coming_back
from engine.runtime.monitor import monitors
from engine.runtime.state import EXIT, OOM, STARTED, LiveState, RuntimeFiles, read_state
from engine.runtime.waiting import ProcessId, wait_readable

_LOOK = 1.0  # seconds between two looks whether what is to come back has, where nothing tells that
_PAUSE = 0.1  # seconds
_SHORTEST_LOOK, _LONGEST_LOOK = 0.0005, 0.05  # seconds between two, from the first one on
_EXIT_KEPT = 300.0  # seconds, as podman keeps exit codes of containers that are gone


def wait_for_end(files: RuntimeFiles, token: CancelToken, timeout: float | None) -> bool:
    """Wait until the container has ended and conmon has said so (or is gone); False after `timeout` seconds.

    Its process is waited for, and then conmon's word, which comes a moment later, is looked for and not watched for: to
    close a watch takes the kernel up to 15 ms.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    ended: ProcessId | None = None
    pause = _SHORTEST_LOOK
    while not files.exit_signal.exists():
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            return False
        process = _process(files)
        if process is not None and ended not in (None, process):
            return True  # that is the next run's: the word has come, and gone with its beginning
        if process is not None and process.alive:
            ended = process if _ends(process, token, left) else None
            continue
        ended = ended or process
        if (monitor := files.conmon()) is None:
            return True  # nobody will write the exit down
        _ends(monitor, token, pause if left is None else min(pause, left))
        pause = min(2 * pause, _LONGEST_LOOK)
    return True


def _ends(process: ProcessId, token: CancelToken, timeout: float | None) -> bool:
    """Wait for a process; whether it has ended. Raises Cancelled."""
    with process.opened() as handle:
        return handle is None or bool(wait_readable([handle], token, timeout))


def comes_back(files: RuntimeFiles, policy: str, state: LiveState) -> bool:
    """Whether a container in that state, with this `ContainerRecord.restart`, is just about to be started again."""
    return bool(_starters(files, policy, state))


def _starters(files: RuntimeFiles, policy: str, state: LiveState) -> list[int]:
    """The processes of which one lives until a container in that state has been started again, or is not to be: conmon
    waits for what it has begun at the end (its `--exit-command`). None where it does not come back."""
    if not policy or state.pid:
        return []
    if (
        state.status is Status.EXITED
        and state.exit_code is not None
        and not coming_back.is_due(policy, files.bundle, state)
        and not coming_back.is_beginning(files.bundle, state)
    ):
        return []
    return monitors(files)


def wait_for_last(files: RuntimeFiles, policy: str, token: CancelToken) -> LiveState:
    """Wait until the container has ended and does not come back; its state then. Raises Cancelled."""
    while True:
        wait_for_end(files, token, None)
        state = read_state(files)
        starters = _starters(files, policy, state)
        if not policy or not (state.pid or starters):
            return state
        _wait_for_any(starters, token, _LOOK if starters else _PAUSE)


def _wait_for_any(pids: Sequence[int], token: CancelToken, timeout: float) -> None:
    """Until one of these processes has ended, or `timeout` seconds. Raises Cancelled."""
    with contextlib.ExitStack() as stack, contextlib.suppress(ProcessLookupError):  # it has ended already
        handles: list[int] = []
        for pid in pids:
            handles.append(os.pidfd_open(pid))
            stack.callback(os.close, handles[-1])
        wait_readable(handles, token, timeout)


def keep_exit(files: RuntimeFiles) -> None:
    """Put the exit code where it outlives a reboot."""
    with contextlib.suppress(FileNotFoundError, StoreError):  # no exit, or a full disk: then it stays there alone
        end = files.exit_signal.stat()
        if not (files.bundle / EXIT).exists():
            files.root.write(files.bundle / EXIT, files.exit_signal.read_bytes())
            os.utime(files.bundle / EXIT, ns=(end.st_atime_ns, end.st_mtime_ns))


def forget_exits(files: RuntimeFiles) -> None:
    """Take old exit codes out of the runtime directory. There they stay for a while: somebody may wait for a container
    that removes itself."""
    with contextlib.suppress(FileNotFoundError):
        for entry in os.scandir(files.exits):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - entry.stat().st_mtime > _EXIT_KEPT:
                    bundle = files.root.containers / entry.name
                    if (bundle / EXIT).exists() or not bundle.exists():
                        os.unlink(entry)


def last_run(files: RuntimeFiles) -> Mapping[str, tuple[bytes, int]]:
    """What tells of a container's last run, if that has ended: content and time (nanoseconds) by the file's name."""
    found = {}
    for name, path in ((EXIT, files.ending()), (STARTED, files.bundle / STARTED), (OOM, files.bundle / OOM)):
        with contextlib.suppress(OSError):
            found[name] = (path.read_bytes(), path.stat().st_mtime_ns)
    return found if EXIT in found else {}


def put_back(files: RuntimeFiles, run: Mapping[str, tuple[bytes, int]]) -> None:
    """Have that be its last run again: the start of another one failed, and nothing has run since."""
    if not run:
        return
    with contextlib.suppress(OSError, StoreError):  # a full disk: it is as one that has never run then
        files.exit_signal.unlink(missing_ok=True)
        for name, (content, moment) in run.items():
            files.root.write(files.bundle / name, content)
            os.utime(files.bundle / name, ns=(moment, moment))


def _process(files: RuntimeFiles) -> ProcessId | None:
    """The container's first process, which may have ended; None where runc knows none."""
    try:
        state = files.runc_state()
    except ValueError:
        return None
    return None if state is None else state.process
