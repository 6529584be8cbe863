"""Containers on disk and alive: records, and runc under conmon."""

from engine.runtime.attach import Ending, Pump
from engine.runtime.containers import Containers, Identity
from engine.runtime.output import copy_log, read_log
from engine.runtime.record import ContainerRecord, Kind, check_name
from engine.runtime.runtime import DETACH_KEYS, Runtime, signal_number
from engine.runtime.state import LiveState

__all__ = [
    "DETACH_KEYS",
    "ContainerRecord",
    "Containers",
    "Ending",
    "Identity",
    "Kind",
    "LiveState",
    "Pump",
    "Runtime",
    "check_name",
    "copy_log",
    "read_log",
    "signal_number",
]
