"""What tests of several parts of the engine begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.disk import DataRoot
from engine.jobs import Job
from engine.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty one."""
    store = Store(DataRoot(tmp_path / "root"))
    store.prepare()
    return store


@pytest.fixture
def job() -> Job:
    return Job("test", lambda event: None)
