"""Cutaway's engine: pull images, expand layers, mount overlays, write config.json, drive runc.

These names are what front ends use. Those that need more than a few milliseconds to load are loaded when
first asked for, so that a command pays only for what it needs (`cutaway --help` loads no registry client).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from engine.errors import Cancelled, ContainerUnknown, CutawayError, ImageUnknown, RuntimeFailed, UsageError
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

if TYPE_CHECKING:
    from engine.committing import CommitOptions
    from engine.layers.stacking import LayerChanges
    from engine.looking import Inside
    from engine.neighbours import Neighbour
    from engine.runtime import Attachment, ContainerStats, Happening, ProcessSummary, Reading, Transcript
    from engine.spec import (
        LIMITS,
        Change,
        Diagnostic,
        Document,
        ExecOptions,
        Explained,
        Field,
        Generated,
        Note,
        Origin,
        Provenance,
        RunOptions,
        Severity,
        SourceKind,
        add_device,
        add_mount,
        args_line,
        capabilities,
        describe_field,
        explain_field,
        fields,
        known_words,
        member_names,
        namespaces,
        set_args,
        set_capability,
        set_env,
        set_limit,
        set_namespace,
    )
    from engine.tour import Page, Tour
    from engine.views import (
        Adoption,
        ContainerSummary,
        Draft,
        FileEntry,
        HistoryStep,
        ImageSummary,
        LayerSummary,
        OverlayView,
        Written,
    )
    from engine.workbench import Workbench

__version__ = "0.1.0"

__all__ = [
    "LIMITS",
    "Adoption",
    "Attachment",
    "CancelToken",
    "Cancelled",
    "Change",
    "CommitOptions",
    "ContainerStats",
    "ContainerSummary",
    "ContainerUnknown",
    "ContainersChanged",
    "CutawayError",
    "Diagnostic",
    "Document",
    "Draft",
    "Event",
    "ExecOptions",
    "Explained",
    "Field",
    "FileEntry",
    "Generated",
    "Happening",
    "HistoryStep",
    "ImageSummary",
    "ImageUnknown",
    "ImagesChanged",
    "Inside",
    "Job",
    "JobFinished",
    "JobStarted",
    "Jobs",
    "LayerChanges",
    "LayerPhase",
    "LayerProgress",
    "LayerSummary",
    "LogLine",
    "Neighbour",
    "Note",
    "Origin",
    "Outcome",
    "Output",
    "OverlayView",
    "Page",
    "Problem",
    "ProcessSummary",
    "Provenance",
    "Reading",
    "RunOptions",
    "RuntimeFailed",
    "Severity",
    "Sink",
    "SourceKind",
    "Status",
    "Step",
    "StepKind",
    "StepRecorded",
    "Stream",
    "Tour",
    "Transcript",
    "UsageError",
    "Workbench",
    "Written",
    "add_device",
    "add_mount",
    "args_line",
    "capabilities",
    "describe_field",
    "explain_field",
    "fields",
    "human_size",
    "known_words",
    "member_names",
    "namespaces",
    "set_args",
    "set_capability",
    "set_env",
    "set_limit",
    "set_namespace",
    "visible",
]

_LAZY = {
    "Page": "engine.tour",
    "Tour": "engine.tour",
    "CommitOptions": "engine.committing",
    "Adoption": "engine.views",
    "Attachment": "engine.runtime",
    "Neighbour": "engine.neighbours",
    "Note": "engine.spec",
    "ContainerSummary": "engine.views",
    "Draft": "engine.views",
    "FileEntry": "engine.views",
    "HistoryStep": "engine.views",
    "ImageSummary": "engine.views",
    "Inside": "engine.looking",
    "LayerChanges": "engine.layers.stacking",
    "LayerSummary": "engine.views",
    "OverlayView": "engine.views",
    "Workbench": "engine.workbench",
    "Written": "engine.views",
    "Diagnostic": "engine.spec",
    "Document": "engine.spec",
    "ExecOptions": "engine.spec",
    "ContainerStats": "engine.runtime",
    "Happening": "engine.runtime",
    "ProcessSummary": "engine.runtime",
    "Reading": "engine.runtime",
    "Transcript": "engine.runtime",
    "Explained": "engine.spec",
    "Field": "engine.spec",
    "Generated": "engine.spec",
    "Origin": "engine.spec",
    "Provenance": "engine.spec",
    "RunOptions": "engine.spec",
    "Severity": "engine.spec",
    "SourceKind": "engine.spec",
    "describe_field": "engine.spec",
    "explain_field": "engine.spec",
    "fields": "engine.spec",
    "known_words": "engine.spec",
    "member_names": "engine.spec",
    "LIMITS": "engine.spec",
    "Change": "engine.spec",
    "add_device": "engine.spec",
    "add_mount": "engine.spec",
    "args_line": "engine.spec",
    "capabilities": "engine.spec",
    "namespaces": "engine.spec",
    "set_args": "engine.spec",
    "set_capability": "engine.spec",
    "set_env": "engine.spec",
    "set_limit": "engine.spec",
    "set_namespace": "engine.spec",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'engine' has no attribute {name!r}")
    value = getattr(importlib.import_module(_LAZY[name]), name)
    globals()[name] = value
    return value
