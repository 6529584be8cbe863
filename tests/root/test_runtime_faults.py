"""Faults of the world around a container: memory, disks, odd output, clocks."""

from __future__ import annotations

import os
import resource
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from command_line import Cutaway
from waiting import until

from engine.disk import DataRoot
from engine.errors import CutawayError
from engine.events import Status
from engine.jobs import CancelToken
from engine.runtime import Attachment, Ending, Extent, copy_log

pytestmark = pytest.mark.root

MEGABYTE = 1024 * 1024


@pytest.fixture
def small_disk(data_root: DataRoot) -> Iterator[Path]:
    """The data directory on a filesystem of 4 MB."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", data_root.path], check=True)
    data_root.prepare()
    yield data_root.path
    until(
        lambda: subprocess.run(["umount", data_root.path], check=False).returncode == 0,
        lambda: "somebody still uses it",
    )


def test_out_of_memory_is_told(container: Any) -> None:
    def limit(config: dict[str, Any]) -> None:
        config["linux"]["resources"]["memory"] = {"limit": 8 * MEGABYTE, "swap": 8 * MEGABYTE}

    it = container("sh", "-c", "head -c 100000000 /dev/zero | tail", config=limit)
    it.start()
    it.runtime.wait(it.record, CancelToken())
    state = it.runtime.state(it.record)
    assert state.status is Status.EXITED
    assert state.out_of_memory
    quiet = container("true")
    quiet.start()
    quiet.runtime.wait(quiet.record, CancelToken())
    assert not quiet.runtime.state(quiet.record).out_of_memory


def test_long_lines_and_any_bytes(container: Any, tmp_path: Path) -> None:
    """Foreground and log give what was written, to the byte."""
    script = "head -c 70000 /dev/zero | tr '\\000' x; echo; head -c 300000 /dev/urandom | tee /copy; echo -n end"
    it = container("sh", "-c", script)
    it.create()
    with (
        (tmp_path / "out").open("wb") as out,
        it.runtime.connect(it.record, Attachment(None, out.fileno(), out.fileno())) as pump,
    ):
        it.runtime.start(it.record, it.job)
        assert pump.run(CancelToken()) is Ending.ENDED
    expected = b"x" * 70000 + b"\n" + (it.path / "merged/copy").read_bytes() + b"end"
    assert (tmp_path / "out").read_bytes() == expected
    with (tmp_path / "log").open("wb") as log:
        copy_log(it.path / "output.log", log.fileno(), log.fileno(), Extent(), CancelToken())
    assert (tmp_path / "log").read_bytes() == expected


def test_a_full_disk_in_the_container(small_disk: Path, container: Any) -> None:
    it = container("sh", "-c", "head -c 100000000 /dev/zero > /fill && exit 0; exit 28")
    with it.containers.lock(it.record.id):
        it.start()
        assert it.runtime.wait(it.record, CancelToken()) == 28
        assert it.runtime.state(it.record).exit_code == 28
        it.away()
        # The code stays known where the disk has no room for it.
        assert it.runtime.state(it.record).exit_code == 28
        it.containers.remove(it.record.id)


def test_a_full_disk_under_the_log(small_disk: Path, container: Any) -> None:
    it = container("sh", "-c", "head -c 12000000 /dev/zero | tr '\\000' x; exit 9")
    it.start()
    assert it.runtime.wait(it.record, CancelToken()) == 9
    with open(os.devnull, "wb") as nowhere:
        copy_log(it.path / "output.log", nowhere.fileno(), nowhere.fileno(), Extent(), CancelToken())


def test_one_that_runs_on_a_full_disk_can_be_handled(small_disk: Path, tmp_path: Path, rootfs_dir: Path) -> None:
    cutaway = Cutaway(small_disk, tmp_path / "run")
    cutaway("run", "-d", "--name=full", "--network=none", "--rootfs", str(rootfs_dir), "sleep", "600")
    try:
        journal = small_disk / "containers" / cutaway.json("inspect", "full")[0]["id"] / "trace.jsonl"
        with journal.open("ab") as file:
            file.write(b"\n" * (-file.tell() % resource.getpagesize()))  # no room is left in its last page
        with (small_disk / "filler").open("wb", 0) as filler, suppress(OSError):
            while filler.write(b"\0" * 4096):
                pass
        for words in ("kill -s WINCH full", "pause full", "unpause full", "stop -t 0 full"):
            said = cutaway(*words.split()).stderr
            assert "missing in the trace" in said
            assert "No space left" in said
        assert "The disk is full" in cutaway("rename", "full", "other", code=125).stderr
        assert cutaway.json("ps", "-a", "--json")[0]["exit_code"] == 137
        assert "lines may be missing" in cutaway("logs", "full").stderr
        (small_disk / "filler").unlink()
        assert cutaway("logs", "full").stderr == ""
    finally:
        (small_disk / "filler").unlink(missing_ok=True)
        cutaway("rm", "--force", "full")


def test_no_room_for_a_container(small_disk: Path, container: Any) -> None:
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space"):
        filler.write_bytes(b"\0" * 8 * MEGABYTE)
    with pytest.raises(CutawayError) as caught:
        container("true")
    assert "full" in caught.value.hint
    filler.unlink()
    assert list((small_disk / "containers").iterdir()) == list((small_disk / "tmp").iterdir()) == []


def test_many_at_once(container: Any) -> None:
    """Creation, start and end of several containers at the same time do not meet."""
    made = [container("sh", "-c", f"echo {number}; exit {number}") for number in range(8)]
    codes: dict[int, int] = {}

    def live(number: int) -> None:
        it = made[number]
        with it.containers.lock(it.record.id):
            it.start()
        codes[number] = it.runtime.wait(it.record, CancelToken())

    threads = [threading.Thread(target=live, args=(number,)) for number in range(len(made))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == {number: number for number in range(len(made))}


def test_states_of_many_containers_are_read_without_a_process(container: Any) -> None:
    """As `ps` sees them: a few files of each are read, and no thread or process is started."""
    running = [container("sleep", "60") for _ in range(3)]
    for it in running:
        it.start()
    for _ in range(17):
        container("true")
    containers, runtime = running[0].containers, running[0].runtime
    before, read = threads_and_children(), reads()
    states = [runtime.state(record).status for record in containers.all()]
    read = reads() - read
    assert states.count(Status.RUNNING) == 3
    assert states.count(Status.CREATED) == 17
    assert threads_and_children() == before
    assert read <= 5 * len(states)


def reads() -> int:
    """Calls of read(2) by this process until now (proc_pid_io(5))."""
    return int(Path("/proc/self/io").read_text().split("syscr:")[1].split()[0])


def threads_and_children() -> tuple[int, list[str]]:
    return threading.active_count(), Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
