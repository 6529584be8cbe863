"""Cutaway's engine: pull images, expand layers, mount overlays, write config.json, drive runc.

The names below are what front ends use. They are loaded when first asked for, so that a command pays only
for what it needs (`cutaway --help` never loads the registry client).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "Workbench": "workbench",
    "visible": "text",
    "human_size": "text",
    **dict.fromkeys(
        ("CutawayError", "UsageError", "Cancelled", "ContainerUnknown", "ImageUnknown", "RuntimeFailed"), "errors"
    ),
    **dict.fromkeys(
        (
            "ContainersChanged",
            "Event",
            "ImagesChanged",
            "JobFinished",
            "JobStarted",
            "LayerPhase",
            "LayerProgress",
            "LogLine",
            "Outcome",
            "Output",
            "Problem",
            "Sink",
            "Status",
            "StepRecorded",
            "Stream",
        ),
        "events",
    ),
    **dict.fromkeys(("Step", "StepKind"), "trace"),
    **dict.fromkeys(("Job", "Jobs", "CancelToken"), "jobs"),
}

if TYPE_CHECKING:
    from engine.errors import (
        Cancelled,
        ContainerUnknown,
        CutawayError,
        ImageUnknown,
        RuntimeFailed,
        UsageError,
    )
    from engine.events import (
        ContainersChanged,
        Event,
        ImagesChanged,
        JobFinished,
        JobStarted,
        LayerPhase,
        LayerProgress,
        LogLine,
        Outcome,
        Output,
        Problem,
        Sink,
        Status,
        StepRecorded,
        Stream,
    )
    from engine.jobs import CancelToken, Job, Jobs
    from engine.text import human_size, visible
    from engine.trace import Step, StepKind
    from engine.workbench import Workbench

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'engine' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"engine.{home}"), name)
    globals()[name] = value
    return value
