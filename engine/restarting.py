"""What `exit_command` does for a container with --restart that has ended: start it again, where and once it is due."""

from __future__ import annotations

from pathlib import Path

from engine.disk import DataRoot
from engine.errors import ContainerUnknown, CutawayError
from engine.events import ignore
from engine.host import probe
from engine.jobs import Job
from engine.launching import Launcher
from engine.network import Networks
from engine.runtime import Containers, Runtime, coming_back


def start_again(root: str, container: str) -> int:
    """The exit code. Nobody reads what it says, so it says nothing; why it failed is in the container's trace."""
    data = DataRoot(Path(root))
    facts = probe()
    containers, runtime, networks = Containers(data), Runtime(data, facts), Networks(data, facts)
    launcher, job = Launcher(data, facts, containers, runtime, networks), Job("start again", ignore)
    try:
        record = containers.find(container)
        launcher.tidy(record, job)
        home, ended = containers.path(record.id), runtime.state(record)

        def is_due() -> bool:
            state = runtime.state(record)
            # Of another run that a person began, and that has ended, too, another process takes care.
            return state.started == ended.started and coming_back.is_due(record.restart, home, state)

        if is_due() and coming_back.wait(home, coming_back.delay(home, ended), is_due):
            launcher.start_again(containers.find(container), job)  # it may have another name by now
    except ContainerUnknown:
        return 0  # it has been removed
    except (CutawayError, OSError):
        return 1
    return 0
