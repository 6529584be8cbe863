"""The data directory: locks between threads and processes, whole files, what is left over."""

import errno
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from engine import disk
from engine.disk import DataRoot, default_root
from engine.errors import Cancelled, StoreError
from engine.jobs import CancelToken
from engine.runtime.state import bind_run


@pytest.fixture
def root(tmp_path: Path) -> DataRoot:
    root = DataRoot(tmp_path / "root")
    root.prepare()
    return root


def child(root: DataRoot, code: str) -> "subprocess.Popen[str]":
    """Another process with `root`, that says when it is ready, and goes on when its stdin is closed."""
    script = (
        "import sys, os, signal\nfrom pathlib import Path\nfrom engine.disk import DataRoot\n"
        f"root = DataRoot(Path({str(root.path)!r}))\n"
        "def ready():\n    print('ready', flush=True)\n    sys.stdin.read()\n" + code
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def end(process: "subprocess.Popen[str]", *, kill: bool = False) -> None:
    if kill:
        process.kill()
    process.communicate("")
    assert process.returncode == (-9 if kill else 0)


def test_prepare_can_be_repeated_and_lets_nobody_else_in(root: DataRoot) -> None:
    root.prepare()
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in root.path.iterdir()}
    others = {name: mode for name, mode in modes.items() if mode != "0o700"}
    assert others == {"containers": "0o711"}
    assert root.path.stat().st_mode & 0o777 == 0o711


def test_prepare_says_what_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot prepare"):
        DataRoot(tmp_path / "file" / "root").prepare()


def test_the_usual_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUTAWAY_ROOT", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert default_root() == Path("/var/lib/cutaway")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("HOME", "/home/guest")
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert default_root() == Path("/home/guest/.local/share/cutaway")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert default_root() == Path("/data/cutaway")
    monkeypatch.setenv("CUTAWAY_ROOT", "/elsewhere")
    assert default_root() == Path("/elsewhere")


# -- whole files ------------------------------------------------------------------------------------------


def test_write_replaces_a_file_as_a_whole(root: DataRoot) -> None:
    target = root.images / "x.json"
    root.write(target, b"old")
    with target.open("rb") as reader:
        root.write(target, b"new", mode=0o600)
        assert reader.read() == b"old"
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode & 0o777 == 0o600
    assert list(root.tmp.iterdir()) == []


def test_a_failed_write_leaves_the_old_file_and_no_rest(root: DataRoot, monkeypatch: pytest.MonkeyPatch) -> None:
    target = root.images / "x.json"
    root.write(target, b"old")

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"cannot write .*x\.json: No space left") as caught:
        root.write(target, b"new")
    assert "disk is full" in caught.value.hint
    assert target.read_bytes() == b"old"
    assert list(root.tmp.iterdir()) == []


# -- locks ------------------------------------------------------------------------------------------------


def test_a_lock_keeps_threads_apart_and_leaves_no_file(root: DataRoot) -> None:
    inside, most, gate = 0, 0, threading.Lock()

    def work() -> None:
        nonlocal inside, most
        for _ in range(20):
            with root.lock("x", token=CancelToken()):
                with gate:
                    inside += 1
                    most = max(most, inside)
                time.sleep(0.0005)
                with gate:
                    inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert list(root.locks.iterdir()) == []


def test_a_lock_keeps_processes_apart(root: DataRoot) -> None:
    """Each counts on from what the file says: one lost turn, and the sum is wrong."""
    counter = root.path / "counter"
    counter.write_text("0")
    code = (
        "ready()\nfor _ in range(100):\n    with root.lock('x'):\n"
        "        path = root.path / 'counter'\n        path.write_text(str(int(path.read_text()) + 1))\n"
    )
    processes = [child(root, code) for _ in range(3)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
    assert [process.wait(30) for process in processes] == [0, 0, 0]
    for process in processes:
        assert process.stdout is not None
        process.stdout.close()
    assert counter.read_text() == "300"


def test_a_killed_process_lets_go(root: DataRoot) -> None:
    process = child(root, "with root.lock('x'):\n    ready()\n")
    with root.try_lock("x") as held:
        assert not held
    end(process, kill=True)
    with root.try_lock("x") as held:
        assert held
    assert list(root.locks.iterdir()) == []


def test_shared_holders_keep_out_one_who_wants_it_alone(root: DataRoot) -> None:
    with root.lock("x", shared=True), root.lock("x", shared=True), root.try_lock("x") as alone:
        assert not alone
    with root.lock("x"):
        pass
    with root.lock("x", shared=True):
        pass


def test_waiting_for_a_lock_can_be_cancelled(root: DataRoot) -> None:
    token = CancelToken()
    threading.Timer(0.1, token.cancel).start()
    with root.lock("x"), pytest.raises(Cancelled), root.lock("x", token=token):
        raise AssertionError("got a lock that is taken")


def test_a_name_cannot_lead_out_of_locks(root: DataRoot) -> None:
    for name in ("../x", "", ".", "..", "a/b", "a\0b"):
        with pytest.raises(ValueError, match="name of a lock"), root.lock(name):
            raise AssertionError
    (root.locks / "link").symlink_to(root.path / "victim")
    with pytest.raises(StoreError), root.lock("link"):
        raise AssertionError
    assert not (root.path / "victim").exists()


# -- work in progress -------------------------------------------------------------------------------------


def test_staging_goes_unless_it_was_renamed(root: DataRoot) -> None:
    with root.staging("a") as first:
        (first / "x").write_text("")
    with root.staging("a") as second:
        (second / "x").write_text("")
        second.rename(root.layers / "kept")
    assert list(root.tmp.iterdir()) == []
    assert (root.layers / "kept/x").exists()
    with pytest.raises(KeyError), root.staging("a") as third:
        raise KeyError
    assert not third.exists()


def test_a_partial_file_stays_for_the_next_one_unless_it_is_empty(root: DataRoot) -> None:
    with root.partial("blob") as (path, handle):
        os.write(handle, b"half")
    with root.partial("blob") as (_, handle):
        assert os.read(handle, 10) == b"half"
        os.ftruncate(handle, 0)
    assert not path.exists()


def test_a_partial_file_is_one_process_s(root: DataRoot) -> None:
    process = child(root, "with root.partial('blob') as (path, handle):\n    os.write(handle, b'half')\n    ready()\n")
    token = CancelToken()
    threading.Timer(0.1, token.cancel).start()
    with pytest.raises(Cancelled), root.partial("blob", token):
        raise AssertionError("two work on one file")
    end(process, kill=True)
    with root.partial("blob") as (_, handle):
        assert os.read(handle, 10) == b"half"


def test_one_who_waited_for_a_file_that_was_finished_gets_a_new_one(root: DataRoot) -> None:
    got: list[bytes] = []
    waits = threading.Event()

    class Token(CancelToken):
        """Tells when it is taken for a wait."""

        def sleep(self, seconds: float) -> None:
            waits.set()
            super().sleep(seconds)

    def wait() -> None:
        with root.partial("blob", Token()) as (_, handle):
            got.append(os.read(handle, 10))

    waiter = threading.Thread(target=wait)
    with root.partial("blob") as (path, handle):
        os.write(handle, b"whole")
        waiter.start()
        assert waits.wait(20)
        path.rename(root.images / "whole")
    waiter.join()
    assert got == [b""]
    assert list(root.tmp.iterdir()) == []


def test_left_overs_of_the_dead_go_and_what_is_in_use_stays(root: DataRoot) -> None:
    code = (
        "with root.staging('s') as path, root.partial('p') as (_, handle):\n    os.write(handle, b'x')\n    ready()\n"
    )
    dead = child(root, code)
    left = {path.name for path in root.tmp.iterdir()}
    end(dead, kill=True)
    alive = child(root, code.replace("'p'", "'q'"))
    (root.tmp / "file-x").write_text("")
    (root.tmp / "link").symlink_to("/etc")
    os.mkfifo(root.tmp / "fifo")
    staging = next(name for name in left if name.startswith("s-"))
    (root.locks / "layer-x").touch()
    gone, stays = root.clear_leftovers(lambda path: None)
    assert stays == []
    assert list(root.locks.iterdir()) == []
    assert gone == sorted([staging, "file-x", "link", "fifo"])
    kept = sorted(path.name for path in root.tmp.iterdir())
    assert kept[:2] == ["p.part", "q.part"]
    assert len(kept) == 3
    end(alive)


def test_a_partial_file_that_nobody_came_back_for_goes(root: DataRoot) -> None:
    for name, age in (("old", disk.KEEP_PARTIAL + 60), ("young", disk.KEEP_PARTIAL - 60)):
        path = root.tmp / f"{name}.part"
        path.write_text("half")
        os.utime(path, (time.time() - age, time.time() - age))
    assert root.clear_leftovers(lambda path: None) == (["old.part"], [])


def test_one_runtime_directory_while_it_is_used(
    root: DataRoot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, other = tmp_path / "first", tmp_path / "other"
    monkeypatch.setenv("CUTAWAY_RUN", str(first))
    began_before = DataRoot(root.path)
    assert began_before.run.parent == first
    bind_run(began_before)
    monkeypatch.setenv("CUTAWAY_RUN", str(other))
    elsewhere = DataRoot(root.path)
    assert elsewhere.run.parent == other, "nothing is in the first one yet"
    (began_before.run / "runc/012345678901").mkdir(parents=True)
    assert DataRoot(root.path).run == began_before.run
    with pytest.raises(StoreError, match="not in"):
        bind_run(elsewhere)
    copy = DataRoot(tmp_path / "copy")
    shutil.copytree(root.path, copy.path)
    assert copy.run.parent == other, "a copy has containers of its own"
    (root.path / ".run").write_text((root.path / ".run").read_text().replace('"boot":"', '"boot":"0'))
    assert DataRoot(root.path).run.parent == other, "of an earlier boot"
