"""Containers on disk and alive: records, and runc under conmon."""

from engine.runtime.attach import Ending, Pump
from engine.runtime.containers import Containers, Identity
from engine.runtime.foreground import DETACH_KEYS, Attachment
from engine.runtime.output import copy_log, read_log
from engine.runtime.processes import ProcessSummary, processes
from engine.runtime.record import ContainerRecord, Kind, check_name
from engine.runtime.runtime import Runtime, signal_number
from engine.runtime.state import LiveState

__all__ = [
    "DETACH_KEYS",
    "Attachment",
    "ContainerRecord",
    "Containers",
    "Ending",
    "Identity",
    "Kind",
    "LiveState",
    "ProcessSummary",
    "Pump",
    "Runtime",
    "check_name",
    "copy_log",
    "processes",
    "read_log",
    "signal_number",
]
