"""The commands that the trace tells for an image's layers, typed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from layer_kit import snapshot
from small_image import small_image

from engine import Workbench
from engine.jobs import Job
from engine.trace import StepKind

pytestmark = pytest.mark.root


def content(directory: Path) -> dict[str, tuple[Any, ...]]:
    """All but the times: a directory's changes with what is done in it."""
    return snapshot(directory, times=False)


def test_they_make_of_an_archive_what_the_engine_makes(workbench: Workbench, job: Job, tmp_path: Path) -> None:
    name = workbench.pull(f"oci:{small_image(tmp_path / 'image')}", job).reference
    told = [step.command for step in workbench.trace(name) if step.kind is StepKind.LAYER]
    assert len(told) == 3, "two archives, of which one hides something of the other"
    again = tmp_path / "again"
    for command in told:
        there = command.replace(str(workbench.root.layers), str(again))
        subprocess.run(["sh", "-euc", there], check=True, env={"PATH": os.defpath + ":/usr/sbin:/sbin"})
    for layer in workbench.layers(name):
        assert content(again / Path(layer.path).relative_to(workbench.root.layers)) == content(Path(layer.path))
