"""Pulls that are killed at any moment: the store stays whole, no worker lives on, and the next pull completes."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from real_registry import make_layout
from waiting import until

from engine.disk import DataRoot
from engine.jobs import CancelToken, Job
from engine.oci import Platform
from engine.pulling import pull
from engine.store import LayoutSource, Store

pytestmark = pytest.mark.root

ROUNDS = int(os.environ.get("CUTAWAY_KILL_ROUNDS", "12"))
PULL = """
import sys
from pathlib import Path
from engine.disk import DataRoot
from engine.jobs import Job
from engine.oci import Platform
from engine.pulling import pull
from engine.store import LayoutSource, Store

store = Store(DataRoot(Path(sys.argv[1])))
store.prepare()
store.root.clear_leftovers(lambda path: None)
print("ready", flush=True)
with store.holding():
    source = LayoutSource(Path(sys.argv[2]))
    pull(source, store, store.root, Platform("amd64", "linux"), Job("pull", lambda event: None))
"""


def start(root: Path, layout: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", PULL, str(root), str(layout)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def children(pid: int) -> list[int]:
    """The processes that `pid` started."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    threads = [path for path in Path(f"/proc/{pid}/task").iterdir() if path.name != str(pid)]
    for thread in threads:
        try:
            found += (thread / "children").read_text().split()
        except FileNotFoundError:
            continue
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
    whole = time.monotonic()
    process = start(in_memory / "first", layout)
    process.communicate()
    whole = time.monotonic() - whole
    chance = random.Random(3)
    interrupted = 0
    for _ in range(ROUNDS):
        process = start(root.path, layout)
        time.sleep(chance.uniform(0, whole))
        servers = children(process.pid) if process.poll() is None else []
        process.kill()
        process.communicate()
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
    for process in both:
        process.communicate()
    assert [process.returncode for process in both] == [0, 0]
    store = Store(root)
    assert len(store.images()) == 1
    assert store.check(lambda: [], CancelToken()) == []
    assert list(root.tmp.iterdir()) == []
