"""Processes that die while they change a store, and what they leave: a program, `dying.py DIRECTORY [SEED]`.

With a seed they die at random times, without one at every point. It is a program and no test because it forks for each
death, and a fork of pytest, which has every test in memory, costs several times as much.
"""

from __future__ import annotations

import gc
import hashlib
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from engine import disk
from engine.digest import Digest, chain_ids
from engine.disk import DataRoot
from engine.errors import ImageUnknown
from engine.jobs import CancelToken
from engine.oci import CONFIG, LAYER, MANIFEST, Descriptor, ImageConfig, Manifest, RootFS, encode
from engine.store import LayerRecord, Store

CHANGING = ("rename", "fsync", "unlink", "mkdir", "rmdir", "ftruncate", "pwrite", "write", "fchmod")
ONE, TWO = "localhost/one:latest", "localhost/two:latest"
BASE, TOP, OTHER = b"base" * 100, b"top" * 100, b"other" * 100


def pull(store: Store, name: str, *layers: bytes) -> None:
    """Put an image into the store in the order of a pull."""
    token, blobs = CancelToken(), []
    with store.holding(token):
        chain = chain_ids(Digest.of(content) for content in layers)
        for number, content in enumerate(layers):
            blob = Descriptor(LAYER, Digest.of(content), len(content))
            blobs.append(blob)
            with store.stage_layer(chain[number], token) as staging:
                with store.ingest(blob, token) as writer:
                    for at in range(writer.offset, len(content), 150):
                        writer.write(content[at : at + 150])
                    writer.commit()
                if staging is None:
                    continue
                (staging / "diff").mkdir()
                (staging / "diff/content").write_bytes(store.blob_path(blob.digest).read_bytes())
                parent = chain[number - 1] if number else None
                record = LayerRecord(chain[number], blob.digest, parent, blob.digest, len(content), 1)
                store.publish_layer(staging, record)
        config = encode(ImageConfig("amd64", "linux", RootFS("layers", [blob.digest for blob in blobs])))
        manifest = encode(Manifest(2, store.put_blob(config, CONFIG), blobs, MANIFEST))
        store.tag(name, store.put_blob(manifest, MANIFEST))


def story(root: DataRoot) -> None:
    """Come, share, move, go: all that changes a store. It can be told again from any point."""
    store = Store(root)
    store.prepare()
    root.clear_leftovers(lambda path: None)
    pull(store, ONE, BASE, TOP)
    pull(store, TWO, BASE, OTHER)
    pull(store, ONE, BASE)
    with suppress(ImageUnknown):  # another process was faster
        store.remove(ONE, lambda: [])


def verify(root: DataRoot) -> Store:
    """Everything that can be seen is whole; what cannot be used is gone or resumable."""
    store = Store(root)
    store.prepare()
    root.clear_leftovers(lambda path: None)
    assert all(path.name.endswith(".part") for path in root.tmp.iterdir())
    assert list(root.locks.iterdir()) == []
    for blob in (root.images / "blobs/sha256").iterdir():
        assert hashlib.sha256(blob.read_bytes()).hexdigest() == blob.name
    for home in root.layers.iterdir():
        record = store.layer(Digest.parse(f"sha256:{home.name}"))
        assert record is not None
        assert Digest.of((home / "diff/content").read_bytes()) == record.diff_id
    images = store.images()
    assert len(images) == len((root.images / "index.json").read_bytes().split(b"ref.name")) - 1
    for image in images:
        assert all(store.layer(chain_id) for chain_id in image.chain_ids)
        assert all(store.has_blob(layer.digest) for layer in image.manifest.layers)
    return store


def in_child(work: Callable[[], object]) -> int:
    """Do it in a forked process; returns its pid."""
    pid = os.fork()
    if pid:
        return pid
    try:
        work()
        os._exit(0)
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
        os._exit(1)


def ended(pid: int) -> int:
    """The exit code, or minus the signal."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


class Countdown:
    """Wraps the calls that change the disk; when `left` of them are over, the process ends there and then."""

    def __init__(self, left: int) -> None:
        self.left = left
        self.calls = 0

    def arm(self) -> None:
        for name in CHANGING:
            setattr(os, name, self._wrap(getattr(os, name)))
        for name in ("remove_tree", "remove_quietly"):
            setattr(disk, name, self._wrap(getattr(disk, name)))

    def _wrap(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **options: Any) -> Any:
            self._tick()  # as if this call had not been made, and the one before had been the last thing
            return call(*args, **options)

        return wrapped

    def _tick(self) -> None:
        self.calls += 1
        if self.calls == self.left:
            os.kill(os.getpid(), signal.SIGKILL)


def count(root: DataRoot) -> int:
    """How often `story` calls what changes the disk."""
    read, write = os.pipe()

    def work() -> None:
        countdown = Countdown(-1)
        countdown.arm()
        story(root)
        calls = countdown.calls
        with open(write, "w") as file:
            file.write(str(calls))

    pid = in_child(work)
    os.close(write)
    with open(read) as file:
        told = file.read()
    assert ended(pid) == 0
    return int(told)


def at_every_point(folder: Path) -> int:
    """Returns how many there are."""
    calls = count(DataRoot(folder / "count"))
    verify(DataRoot(folder / "count"))
    for point in range(1, calls + 1):
        root = DataRoot(folder / str(point))

        def work(root: DataRoot = root, point: int = point) -> None:
            Countdown(point).arm()
            story(root)

        try:
            assert ended(in_child(work)) == -signal.SIGKILL
            verify(root)
            story(root)
            assert [image.name for image in verify(root).images()] == [TWO]
            assert list(root.tmp.iterdir()) == []
        except AssertionError as error:
            error.add_note(f"It was killed before call {point} of {calls}.")
            raise
        shutil.rmtree(root.path)
    return calls


def at_random_times_by_two_at_once(folder: Path, seed: int) -> int:
    """The store lives on through all rounds; nobody cleans it up but those who work on it. Returns how many died."""
    chance = random.Random(seed)
    root = DataRoot(folder / "root")
    Store(root).prepare()

    def work() -> None:
        while True:
            story(root)

    died = 0
    for _ in range(100):
        pids = [in_child(work), in_child(work)]
        time.sleep(chance.uniform(0.0, 0.015))  # a story takes half of that
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        assert [ended(pid) for pid in pids] == [-signal.SIGKILL] * 2
        died += len(pids)
        verify(root)
    story(root)
    assert [image.name for image in verify(root).images()] == [TWO]
    return died


if __name__ == "__main__":
    gc.freeze()  # no child is to copy what is there for a collection's sake
    folder, seed = Path(sys.argv[1]), sys.argv[2:]
    print(at_random_times_by_two_at_once(folder, int(seed[0])) if seed else at_every_point(folder))
