"""A layer's cost grows with its entries, however many directories they are in."""

from __future__ import annotations

import resource
import shutil
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest
from layer_kit import END, directory, file

from engine.digest import Digest
from engine.jobs import CancelToken
from engine.layers import unpack

pytestmark = [pytest.mark.bench, pytest.mark.root]

ROUNDS = 3
FEW, MANY = 3_000, 30_000


def members(directories: int) -> Iterator[bytes]:
    """Directories three deep, a file in each."""
    for number in range(directories):
        top, middle = number // 400, number // 20
        if number % 400 == 0:
            yield directory(f"d{top}")
        if number % 20 == 0:
            yield directory(f"d{top}/m{middle}")
        yield directory(f"d{top}/m{middle}/n{number}")
        yield file(f"d{top}/m{middle}/n{number}/file", b"content")


def cost_of_one(memory: Path, directories: int) -> float:
    """Seconds of processor time for each directory with its file."""
    tar = b"".join(members(directories)) + END
    blob = memory / "layer.tar"
    blob.write_bytes(tar)
    spent = []
    for _ in range(ROUNDS):
        staging = memory / "staging"
        staging.mkdir()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        unpack(blob, staging, diff_id=Digest.of(tar), on_progress=lambda taken: None, token=CancelToken())
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        shutil.rmtree(staging)
    return statistics.median(spent) / directories


def test_ten_times_as_many_directories_cost_ten_times_as_much(memory: Path) -> None:
    few, many = cost_of_one(memory, FEW), cost_of_one(memory, MANY)
    print(f"\na directory with a file: {few * 1e6:.0f} µs of {FEW:,}, {many * 1e6:.0f} µs of {MANY:,}")
    assert many < 1.3 * few
