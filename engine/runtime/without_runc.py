"""What is done to a container that runc takes for another than it is, or whose state it cannot read."""

from __future__ import annotations

import signal

from engine.errors import RuntimeFailed
from engine.jobs import CancelToken
from engine.runtime import cgroups
from engine.runtime.ending import wait_for_end
from engine.runtime.state import RuntimeFiles
from engine.text import visible
from engine.walking import remove_quietly

_PATIENCE = 10.0  # seconds from the end of its processes until conmon must have written it down


def signalled(files: RuntimeFiles, number: int, said: str) -> bool:
    """Signal the first process where runc takes it for one that has ended, as its first thread has, and others go on;
    whether that was so, going by what runc `said`."""
    state = files.runc_state()
    if "container not running" not in said or state is None:
        return False
    with state.process.opened() as handle:
        if handle is not None:
            signal.pidfd_send_signal(handle, number)
        return handle is not None


def end(files: RuntimeFiles) -> None:
    """End what runs in a container whose state runc cannot read, and have runc forget it.

    By the control groups that its config.json names now, and by those that every container begins with. Raises
    RuntimeFailed where something of it lives on.
    """
    for path in {cgroups.configured_path(files.bundle / "config.json"), f"/cutaway/{files.id}"} - {""}:
        cgroups.clear(path, files.id)
    if not wait_for_end(files, CancelToken(), _PATIENCE):
        pid = files.container_pid.read_text() if files.container_pid.exists() else "?"
        raise RuntimeFailed(
            f"what runs in the container {files.id} could not be ended: runc's state of it cannot be read",
            hint=f"Its first process was {visible(pid)[:20]}: kill that, and try again.",
        )
    remove_quietly(files.runc_root / files.id)


def cleared(files: RuntimeFiles) -> bool:
    """Clear away what runc cannot, as it cannot read its own state; whether that was so. Raises RuntimeFailed."""
    try:
        files.runc_state()
    except ValueError:
        end(files)
        return True
    return False
