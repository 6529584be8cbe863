"""What `exit_command` does for a container with --restart that has ended: start it again, where that is due."""

from __future__ import annotations

from pathlib import Path

from engine.disk import DataRoot
from engine.errors import CutawayError
from engine.events import ignore
from engine.host import probe
from engine.jobs import Job
from engine.launching import Launcher
from engine.network import Networks
from engine.runtime import Containers, Runtime


def start_again(root: str, container: str) -> int:
    """The exit code. Nobody reads what it says, so it says nothing; why it failed is in the container's trace."""
    data = DataRoot(Path(root))
    facts = probe()
    containers, runtime, networks = Containers(data), Runtime(data, facts), Networks(data, facts)
    try:
        record = containers.find(container)
        Launcher(data, facts, containers, runtime, networks).start_again(record, Job("start again", ignore))
    except (CutawayError, OSError):
        return 1
    return 0
