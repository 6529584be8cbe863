"""A process that dies at any moment leaves a store that the next one can use, and that holds nothing by halves.

The work (dying.py) is done in a forked child, which kills itself (SIGKILL) before the n-th call that changes what is on
disk, for every n; and by its parent at random times. The parent then looks at the store, and does the same work again.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import COMPILED

TESTS = Path(__file__).parents[2]


@pytest.fixture
def fast(tmp_path: Path) -> Iterator[Path]:
    """A directory in memory, where fsync(2) costs nothing: what is asked here does not depend on the disk."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path
        return
    folder = Path(tempfile.mkdtemp(prefix="cutaway-", dir="/dev/shm"))
    yield folder
    shutil.rmtree(folder)


def deaths(*words: str) -> int:
    """How many there were, all of which the store has outlived."""
    done = subprocess.run(
        [sys.executable, TESTS / "dying.py", *words],
        env={**os.environ, **COMPILED, "PYTHONPATH": str(TESTS.parent)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_killed_at_every_point(fast: Path) -> None:
    assert deaths(str(fast)) > 100


@pytest.mark.parametrize("seed", range(2))
def test_killed_at_random_times_by_two_at_once(fast: Path, seed: int) -> None:
    assert deaths(str(fast), str(seed)) == 200
