"""Fixtures that several folders of tests have in common; the conftest.py of each takes those that it wants."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.disk import DataRoot
from engine.jobs import Job
from engine.store import Store


@pytest.fixture
def job() -> Job:
    """One that tells nobody."""
    return Job("test", lambda event: None)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty one."""
    store = Store(DataRoot(tmp_path / "root"))
    store.prepare()
    return store
