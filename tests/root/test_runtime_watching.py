"""Changes of containers are told as they happen, whoever makes them, and nothing is done while nothing happens."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from waiting import until, until_asleep

from engine import Job, Workbench
from engine.disk import DataRoot
from engine.errors import Cancelled
from engine.events import Status, ignore
from engine.jobs import CancelToken
from engine.runtime import Watcher, watching
from engine.runtime.state import RuntimeFiles

pytestmark = pytest.mark.root


class Ears:
    """A watcher in a thread of its own, and what it has told."""

    def __init__(self, root: DataRoot, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.told: list[str] = []
        self._token = CancelToken()
        self._news = threading.Condition()
        watcher = Watcher(root, self._hear, lambda: self._hear(("images",)))
        meanwhile()
        self._thread = threading.Thread(target=self._listen, args=(watcher,))
        self._thread.start()

    def _listen(self, watcher: Watcher) -> None:
        try:
            watcher.run(self._token)
        except Cancelled:
            pass

    def _hear(self, ids: tuple[str, ...]) -> None:
        with self._news:
            self.told += ids
            self._news.notify_all()

    def wait(self, name: str, until: Callable[[], bool] = lambda: True) -> None:
        """Wait until something is told of this container and the condition holds then; forget what came before."""
        with self._news:
            assert self._news.wait_for(lambda: name in self.told and until(), 20), (name, self.told)
            self.told.clear()

    def until_asleep(self) -> None:
        """Wait for a second in which nothing wakes its thread."""
        assert self._thread.native_id
        until_asleep(self._thread.native_id)

    def close(self) -> None:
        self._token.cancel()
        self._thread.join(10)
        assert not self._thread.is_alive()


@pytest.fixture
def ears(data_root: DataRoot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ears]:
    """Without the look at everything that comes now and then: events alone have to tell."""
    monkeypatch.setattr(watching, "_ROUND", 3600.0)
    made = Ears(data_root)
    until(RuntimeFiles(data_root, "").exits.is_dir)  # what is there when it begins is no change
    yield made
    made.close()


def test_a_life_is_told_step_by_step(container: Any, ears: Ears) -> None:
    it = container("sh", "-c", "read line; exit 3", interactive=True)

    def is_now(status: Status) -> Callable[[], bool]:
        return lambda: it.runtime.state(it.record).status is status

    ears.wait(it.record.id, is_now(Status.CREATED))
    it.start()
    it.containers.happenings.add(it.record, "start")
    ears.wait(it.record.id, is_now(Status.RUNNING))
    it.runtime.pause(it.record, it.job)
    it.containers.happenings.add(it.record, "pause")
    ears.wait(it.record.id, is_now(Status.PAUSED))
    it.runtime.unpause(it.record, it.job)
    it.containers.happenings.add(it.record, "unpause")
    ears.wait(it.record.id, is_now(Status.RUNNING))
    it.runtime.stop(it.record, 0, it.job)
    ears.wait(it.record.id, lambda: it.runtime.state(it.record).exit_code == 137)
    it.away()
    it.containers.remove(it.record.id)
    ears.wait(it.record.id, lambda: not it.path.exists())


def test_an_end_without_conmon_is_told(container: Any, ears: Ears) -> None:
    it = container("sleep", "300")
    it.start()
    it.containers.happenings.add(it.record, "start")
    ears.wait(it.record.id, lambda: it.runtime.state(it.record).status is Status.RUNNING)
    os.kill(int((it.root.run / "containers" / it.record.id / "conmon.pid").read_text()), signal.SIGKILL)
    os.kill(it.runtime.state(it.record).pid, signal.SIGKILL)
    ears.wait(it.record.id, lambda: it.runtime.state(it.record).status is Status.EXITED)


def test_what_is_done_while_it_begins_is_told(container: Any, data_root: DataRoot) -> None:
    it = container("true")
    ears = Ears(data_root, meanwhile=lambda: it.containers.happenings.add(it.record, "rename"))
    try:
        ears.wait(it.record.id)
    finally:
        ears.close()


def test_the_runtime_directory_is_cleared_meanwhile(container: Any, ears: Ears) -> None:
    """As by a reboot of whoever else uses it: the watch goes on with the new directories."""
    first, second = container("sleep", "300"), container("true")
    ears.wait(second.record.id)
    first.start()
    first.away()
    ears.wait(first.record.id)
    shutil.rmtree(first.root.run)
    second.start()
    ears.wait(second.record.id, lambda: second.runtime.state(second.record).status is Status.EXITED)


def test_a_data_directory_that_comes_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUTAWAY_RUN", str(tmp_path / "run"))
    monkeypatch.setattr(watching, "_COMING", 0.05)
    root = DataRoot(tmp_path / "later")
    ears = Ears(root)
    try:
        root.prepare()
        for number in range(500):  # the first ones may come before the watch: it looks at everything when it begins
            (root.containers / f"{number:012x}").mkdir()
            (root.containers / f"{number:012x}" / "container.json").touch()
        ears.wait(f"{499:012x}")
    finally:
        ears.close()


def test_nothing_is_done_while_nothing_happens(container: Any, ears: Ears) -> None:
    running = [container("sleep", "300") for _ in range(4)]
    for it in running:
        it.start()
        it.containers.happenings.add(it.record, "start")
    ears.wait(running[-1].record.id)
    ears.until_asleep()


def test_images_that_somebody_else_has_made_are_told(data_root: DataRoot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_ROUND", 3600.0)
    job = Job("test", ignore)
    other = Workbench(data_root.path)
    demo = other.demo(job).reference
    ears = Ears(data_root)
    try:
        ears.until_asleep()
        other.tag(demo, "localhost/second:1", job)
        ears.wait("images")
        other.untag("localhost/second:1", job)
        ears.wait("images")
    finally:
        ears.close()
        other.close()
