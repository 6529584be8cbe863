"""Containers on disk and alive: records, and runc under conmon."""

from typing import TYPE_CHECKING

from engine.lazy import provide

if TYPE_CHECKING:
    from engine.runtime.attach import Pump
    from engine.runtime.attachment import Attachment, Ending
    from engine.runtime.containers import Containers, Identity, NameTaken
    from engine.runtime.ending import last_run, put_back
    from engine.runtime.executing import exec_command
    from engine.runtime.happenings import Happening, Happenings
    from engine.runtime.logfile import Extent
    from engine.runtime.output import copy_log, read_log
    from engine.runtime.processes import ProcessSummary, processes
    from engine.runtime.record import ContainerRecord, Kind, now
    from engine.runtime.runtime import Runtime
    from engine.runtime.signals import signal_number
    from engine.runtime.state import LiveState
    from engine.runtime.statistics import ContainerStats, Reading, compared, no_usage, read_usage
    from engine.runtime.transcript import Transcript
    from engine.runtime.watching import Watcher

provide(
    __name__,
    {
        "attach": "Pump",
        "containers": "Containers Identity NameTaken",
        "attachment": "Attachment Ending",
        "ending": "last_run put_back",
        "executing": "exec_command",
        "happenings": "Happening Happenings",
        "logfile": "Extent",
        "output": "copy_log read_log",
        "processes": "ProcessSummary processes",
        "record": "ContainerRecord Kind now",
        "runtime": "Runtime",
        "signals": "signal_number",
        "state": "LiveState",
        "statistics": "ContainerStats Reading compared no_usage read_usage",
        "transcript": "Transcript",
        "watching": "Watcher",
    },
)

__all__ = [
    "Attachment",
    "ContainerRecord",
    "ContainerStats",
    "Containers",
    "Ending",
    "Extent",
    "Happening",
    "Happenings",
    "Identity",
    "Kind",
    "LiveState",
    "NameTaken",
    "ProcessSummary",
    "Pump",
    "Reading",
    "Runtime",
    "Transcript",
    "Watcher",
    "compared",
    "copy_log",
    "exec_command",
    "last_run",
    "no_usage",
    "now",
    "processes",
    "put_back",
    "read_log",
    "read_usage",
    "signal_number",
]
