"""Waits that end by an event."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

from engine.errors import Cancelled, StoreError
from engine.jobs import CancelToken
from engine.runtime.waiting import CREATED, MOVED_HERE, ProcessId, Watch, wait_readable


def test_the_end_of_a_process() -> None:
    process = subprocess.Popen(["sleep", "60"])
    identity = ProcessId.of(process.pid)
    assert identity is not None
    assert identity.alive
    assert ProcessId.of(os.getpid()) is not None
    assert not ProcessId(process.pid, identity.start + 1).alive  # another process with its number
    threading.Timer(0.1, process.kill).start()
    with identity.opened() as handle:
        assert handle is not None
        assert wait_readable([handle], CancelToken(), 5) == {handle}
    assert not identity.alive  # a zombie does not live
    process.wait()
    assert ProcessId.of(process.pid) is None
    with identity.opened() as handle:
        assert handle is None


def test_files_that_come(tmp_path: Path) -> None:
    with Watch(tmp_path, CREATED | MOVED_HERE) as watch:
        assert watch.read() == []
        assert wait_readable([watch.fileno()], CancelToken(), 0.01) == set()
        (tmp_path / "new").write_text("")
        os.rename(tmp_path / "new", tmp_path / "na me")
        assert wait_readable([watch.fileno()], CancelToken(), 5) == {watch.fileno()}
        assert watch.read() == [(CREATED, "new"), (MOVED_HERE, "na me")]


def test_nothing_to_watch(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(StoreError):
        Watch(tmp_path / "no", CREATED)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_wait_can_be_cancelled() -> None:
    token = CancelToken()
    threading.Timer(0.1, token.cancel).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        wait_readable([], token, 30)
    assert time.monotonic() - began < 20  # long before the 30 seconds
    with pytest.raises(Cancelled):
        wait_readable([], token, 0)
