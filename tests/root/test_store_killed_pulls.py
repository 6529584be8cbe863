"""Pulls that are killed at any moment: the store stays whole, no worker lives on, and the next pull completes."""

from __future__ import annotations

import hashlib
import os
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from command_line import Cutaway
from forked import Forked
from real_registry import make_layout
from waiting import until

from engine.disk import DataRoot
from engine.jobs import CancelToken, Job
from engine.oci import Platform
from engine.pulling import pull
from engine.store import LayoutSource, Store

pytestmark = pytest.mark.root

ROUNDS = int(os.environ.get("CUTAWAY_KILL_ROUNDS", "12"))


def start(root: Path, layout: Path) -> Forked:
    return Cutaway(root, root.parent / "run").start("pull", "--platform", "linux/amd64", f"oci:{layout}")


def children(pid: int) -> list[int]:
    """The processes that `pid` started."""
    found: list[str] = []
    for thread in Path(f"/proc/{pid}/task").glob("*"):
        with suppress(FileNotFoundError):  # it has ended since
            found += (thread / "children").read_text().split()
    return [int(each) for each in found]


def wait_until_gone(servers: list[int], folder: Path) -> None:
    """Until what forks for layers has ended, and after it what it has forked."""
    until(
        lambda: not any(Path(f"/proc/{pid}/cwd").exists() for pid in servers) and not unpacking_below(folder),
        lambda: "a worker outlives the pull that started it",
    )


def unpacking_below(folder: Path) -> bool:
    """Whether a process is at work on a layer there, by what it has open: who forked it may have gone."""
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if b"engine.layers.worker" in (place / "cmdline").read_bytes():
                for opened in (place / "fd").iterdir():
                    with suppress(FileNotFoundError):  # closed since
                        if os.readlink(opened).startswith(f"{folder}/"):
                            return True
    return False


@pytest.fixture
def in_memory() -> Iterator[Path]:
    """A directory in memory: what is asked here does not depend on the disk."""
    with tempfile.TemporaryDirectory(prefix="cutaway-", dir="/dev/shm") as folder:
        yield Path(folder)


def test_pulls_killed_at_random_times(in_memory: Path) -> None:
    files = {f"d{n % 20}/f{n}": os.urandom(3000) for n in range(800)}
    layout = make_layout(in_memory / "layout", [files, {"d0/f0": b"new"}, {f"e/{n}": b"x" * 999 for n in range(300)}])
    root = DataRoot(in_memory / "root")
    root.prepare()
    process, began = start(in_memory / "first", layout), time.monotonic()
    process.communicate()
    whole = time.monotonic() - began
    chance = random.Random(3)
    interrupted = 0
    for _ in range(ROUNDS):
        process = start(root.path, layout)
        time.sleep(chance.uniform(0, whole))
        servers = children(process.pid)
        process.kill()
        said = process.communicate()
        assert process.returncode in (0, -9), said
        interrupted += process.returncode == -9
        wait_until_gone(servers, in_memory)
        store = Store(root)
        root.clear_leftovers(lambda path: None)
        assert store.check(lambda: [], CancelToken()) == []
        assert all(path.name.endswith(".part") for path in root.tmp.iterdir())
        for image in store.images():
            assert all(store.layer(chain_id) for chain_id in image.chain_ids)
            store.remove(image.name, lambda: [])
    assert interrupted > ROUNDS / 4
    store = Store(root)
    job = Job("pull", lambda event: None)
    image = pull(LayoutSource(layout), store, root, Platform("amd64", "linux"), job)
    bottom = store.layer_path(image.chain_ids[0])
    found = {
        str(path.relative_to(bottom)): hashlib.sha256(path.read_bytes()).digest()
        for path in bottom.rglob("*")
        if path.is_file()
    }
    assert found == {name: hashlib.sha256(content).digest() for name, content in files.items()}
    assert list(root.tmp.iterdir()) == []


def test_two_pulls_at_once_share_the_work(in_memory: Path) -> None:
    files = {f"d{n % 20}/f{n}": os.urandom(3000) for n in range(1000)}
    layout = make_layout(in_memory / "layout", [files, {"top": b"x"}])
    root = DataRoot(in_memory / "root")
    both = [start(root.path, layout), start(root.path, layout)]
    said = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    store = Store(root)
    assert len(store.images()) == 1
    assert store.check(lambda: [], CancelToken()) == []
    assert list(root.tmp.iterdir()) == []
