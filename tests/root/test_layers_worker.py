"""The process that unpacks: progress, cancellation, death of either side, a full disk, what it leaves."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard
from isal import igzip_lib
from layer_kit import END, block, directory, expand, file, snapshot
from waiting import until, until_ended

from engine.digest import Digest
from engine.errors import Cancelled, LayerError, StoreError
from engine.jobs import CancelToken
from engine.layers import settle, unpack

pytestmark = pytest.mark.root

NOISE = random.Random(3).randbytes(1 << 20)


def big_tar(megabytes: int) -> bytes:
    return b"".join(file(f"d/{number}", NOISE) for number in range(megabytes)) + END


def igzip_compress(data: bytes) -> bytes:
    return bytes(igzip_lib.compress(data, flag=igzip_lib.COMP_GZIP))


def zstd_compress(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=1).compress(data)


def digest(tar: bytes) -> Digest:
    return Digest("sha256:" + hashlib.sha256(tar).hexdigest())


def workers() -> list[int]:
    """The processes that are at work for this one: forked from one that it has started."""
    return [pid for server in servers() for pid in children(server)]


def servers(of: int | None = None) -> list[int]:
    said = children(of or os.getpid())
    return [pid for pid in said if b"engine.layers.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def children(pid: int) -> list[int]:
    return [int(number) for each in Path(f"/proc/{pid}/task").glob("*/children") for number in each.read_text().split()]


@pytest.fixture
def staging(tmp_path: Path) -> Path:
    (tmp_path / "staging").mkdir()
    return tmp_path / "staging"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)], check=True)
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """A layer with a file of 50 GB, in which nothing but its header is real."""
    blob = tmp_path / "endless"
    blob.write_bytes(directory("before") + block(b"zeros", size=50 << 30))
    os.truncate(blob, 50 << 30)
    return blob


@pytest.mark.parametrize("pack", [bytes, igzip_compress, zstd_compress], ids=["plain", "gzip", "zstd"])
def test_progress(tmp_path: Path, staging: Path, pack: Callable[[bytes], bytes]) -> None:
    tar = big_tar(24)
    (tmp_path / "blob").write_bytes(pack(tar))
    told: list[int] = []
    began = time.monotonic()
    stats = expand(
        tmp_path / "blob", staging, diff_id=digest(tar), lower=[], on_progress=told.append, token=CancelToken()
    )
    took = time.monotonic() - began
    assert (stats.size, stats.files, stats.whiteouts) == (24 << 20, 24, 0)
    assert told == sorted(told)
    assert 0 < told[0] <= told[-1] <= (tmp_path / "blob").stat().st_size
    assert 1 <= len(told) <= took / 0.05 + 1


def test_unpack_needs_no_lower_layer_and_settle_may_come_later(tmp_path: Path, staging: Path) -> None:
    lower, other = tmp_path / "lower", tmp_path / "other"
    (lower / "usr/lib").mkdir(parents=True)
    (lower / "lib").symlink_to("usr/lib")
    tar = file("lib/x", b"x") + file("lib/.wh.nothing") + END
    (tmp_path / "blob").write_bytes(tar)
    other.mkdir()
    both = [
        unpack(tmp_path / "blob", place, diff_id=digest(tar), on_progress=lambda n: None, token=CancelToken())
        for place in (staging, other)
    ]
    assert sorted(path.name for path in staging.iterdir()) == ["diff", "waiting.jsonl"]
    settle(both[0], staging, lower=[lower])
    settle(both[1], other, lower=[])
    assert (staging / "diff/usr/lib/x").read_bytes() == b"x"
    assert (other / "diff/lib/x").read_bytes() == b"x"


@pytest.mark.parametrize("when", [0.0, 0.05, 0.5])
def test_cancel(endless: Path, staging: Path, when: float) -> None:
    token = CancelToken()
    cancelled_at = []

    def cancel() -> None:
        cancelled_at.append(time.monotonic())
        token.cancel()

    timer = threading.Timer(when, cancel)
    timer.start()
    with pytest.raises(Cancelled):
        unpack(endless, staging, diff_id=Digest.of(b""), on_progress=lambda n: None, token=token)
    assert time.monotonic() - cancelled_at[0] < 5  # how fast: tests/bench/test_cancel.py
    assert workers() == []


def test_error_in_progress_ends_the_worker(endless: Path, staging: Path) -> None:
    def fail(taken: int) -> None:
        raise RuntimeError("the screen is gone")

    with pytest.raises(RuntimeError, match="screen"):
        unpack(endless, staging, diff_id=Digest.of(b""), on_progress=fail, token=CancelToken())
    assert workers() == []


def test_worker_that_is_killed(endless: Path, staging: Path) -> None:
    def kill(taken: int) -> None:
        for pid in workers():
            os.kill(pid, signal.SIGKILL)

    with pytest.raises(StoreError, match="SIGKILL"):
        unpack(endless, staging, diff_id=Digest.of(b""), on_progress=kill, token=CancelToken())


def test_without_more_to_come_nothing_stays(tmp_path: Path, staging: Path) -> None:
    tar = file("f") + END
    (tmp_path / "blob").write_bytes(tar)
    script = (
        "import sys; from pathlib import Path; from engine.layers import unpack; from engine.jobs import CancelToken;"
        "unpack(*map(Path, sys.argv[1:3]), diff_id=sys.argv[3], on_progress=lambda n: None, token=CancelToken());"
        "print([each.read_text() for each in Path('/proc/self/task').glob('*/children')])"
    )
    line = [sys.executable, "-c", script, tmp_path / "blob", staging, digest(tar)]
    assert subprocess.run(line, capture_output=True, text=True, check=True).stdout == "['']\n"
    assert (staging / "diff/f").exists()


def test_what_they_are_forked_from_is_one_and_another_one_when_it_has_gone(endless: Path, tmp_path: Path) -> None:
    tar = file("f") + END
    (tmp_path / "blob").write_bytes(tar)

    def one(number: int) -> int:
        (tmp_path / f"{number}").mkdir()
        unpack(
            tmp_path / "blob",
            tmp_path / f"{number}",
            diff_id=digest(tar),
            on_progress=lambda n: None,
            token=CancelToken(),
        )
        (server,) = servers()
        return server

    first = one(1)
    assert one(2) == first
    (tmp_path / "3").mkdir()
    seen: list[int] = []
    token = CancelToken()

    def kill(taken: int) -> None:
        if not seen:
            seen.extend(map(os.pidfd_open, (*workers(), first)))
            os.kill(first, signal.SIGKILL)
            until_ended(seen.pop())
            token.cancel()

    with pytest.raises(Cancelled):
        unpack(endless, tmp_path / "3", diff_id=Digest.of(b""), on_progress=kill, token=token)
    until_ended(*seen)
    assert one(4) != first


def test_worker_ends_with_its_parent_and_not_by_what_that_one_s_terminal_sends(tmp_path: Path, staging: Path) -> None:
    fifo = tmp_path / "blob"
    os.mkfifo(fifo)  # never ends, as a download that stalls
    script = (
        "import sys; from pathlib import Path; from engine.layers import unpack; from engine.jobs import CancelToken;"
        "from engine.digest import Digest; import signal; signal.signal(signal.SIGINT, lambda *about: None);"
        "unpack(Path(sys.argv[1]), Path(sys.argv[2]), diff_id=Digest.of(b''), on_progress=print, token=CancelToken())"
    )
    line = [sys.executable, "-c", script, str(fifo), str(staging)]
    with subprocess.Popen(line, start_new_session=True) as parent:
        writing = os.open(fifo, os.O_WRONLY)
        try:
            os.write(writing, file("f", b"x"))
            until(lambda: (staging / "diff").exists())
            (server,) = servers(parent.pid)
            handles = [os.pidfd_open(pid) for pid in (server, *children(server))]
            assert len(handles) == 2
            os.killpg(parent.pid, signal.SIGINT)  # as Ctrl-C does while an editor has the terminal
            os.write(writing, file("g", NOISE) + file("h", b"x"))
            until(lambda: (staging / "diff/h").exists())
            parent.kill()
            parent.wait()
            for handle in handles:
                until_ended(handle)
        finally:
            os.close(writing)


def test_full_disk(tmp_path: Path, small_disk: Path) -> None:
    tar = big_tar(20)
    (tmp_path / "blob").write_bytes(tar)
    with pytest.raises(StoreError, match="No space left") as caught:
        unpack(tmp_path / "blob", small_disk, diff_id=digest(tar), on_progress=lambda n: None, token=CancelToken())
    assert "--root" in caught.value.hint


def test_blob_and_staging_that_are_not_there(tmp_path: Path, staging: Path) -> None:
    for blob, place in ((tmp_path / "absent", staging), (Path("/etc/hostname"), tmp_path / "absent")):
        with pytest.raises(StoreError, match="No such file"):
            unpack(blob, place, diff_id=Digest.of(b""), on_progress=lambda n: None, token=CancelToken())


def test_worker_sees_nothing_of_this_process(endless: Path, staging: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_PASSWORD", "secret")
    token = CancelToken()
    seen: dict[str, object] = {}

    def look(taken: int) -> None:
        for pid in workers():
            base = Path(f"/proc/{pid}")
            seen["environment"] = (base / "environ").read_bytes()
            seen["root"] = os.readlink(base / "root")
            seen["files"] = sorted(os.readlink(entry) for entry in (base / "fd").iterdir())
        token.cancel()

    with pytest.raises(Cancelled):
        unpack(endless, staging, diff_id=Digest.of(b""), on_progress=look, token=token)
    assert b"secret" not in bytes(str(seen["environment"]), "utf-8")
    assert seen["root"] == str(staging / "diff")
    assert isinstance(seen["files"], list)
    outside = [name for name in seen["files"] if name.startswith("/") and not name.startswith(str(staging))]
    assert outside == [str(endless)]


def test_settle_can_be_cancelled(tmp_path: Path, staging: Path) -> None:
    tar = file("d/f") + END
    (tmp_path / "blob").write_bytes(tar)
    token = CancelToken()
    unpacked = unpack(tmp_path / "blob", staging, diff_id=digest(tar), on_progress=lambda n: None, token=token)
    token.cancel()
    with pytest.raises(Cancelled):
        settle(unpacked, staging, lower=[], token=token)


def test_without_the_right_to_change_the_root(tmp_path: Path, staging: Path) -> None:
    (tmp_path / "blob").write_bytes(file("f") + END)
    script = (
        "import sys; from pathlib import Path; from engine.errors import NotPermitted\n"
        "from engine.layers import unpack; from engine.jobs import CancelToken; from engine.digest import Digest\n"
        "arguments = dict(diff_id=Digest.of(b''), on_progress=print, token=CancelToken())\n"
        "try: unpack(Path(sys.argv[1]), Path(sys.argv[2]), **arguments)\n"
        "except NotPermitted as error: print(error, error.hint)"
    )
    without = ["setpriv", "--bounding-set=-sys_chroot", "--inh-caps=-all", sys.executable, "-c", script]
    said = subprocess.run([*without, tmp_path / "blob", staging], capture_output=True, text=True, check=True).stdout
    assert said.startswith("cannot unpack a layer: Operation not permitted")


def test_side_by_side_in_threads(tmp_path: Path) -> None:
    tar = big_tar(5)[: -len(END)] + directory("e", 0o700) + END
    (tmp_path / "blob").write_bytes(gzip.compress(tar, 1))
    failures: list[BaseException] = []

    def one(number: int) -> None:
        try:
            place = tmp_path / str(number)
            place.mkdir()
            expand(
                tmp_path / "blob",
                place,
                diff_id=digest(tar),
                lower=[],
                on_progress=lambda n: None,
                token=CancelToken(),
            )
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert all(snapshot(tmp_path / str(n) / "diff") == snapshot(tmp_path / "0/diff") for n in range(1, 6))


def test_messages_of_the_worker_are_json_lines(tmp_path: Path, staging: Path) -> None:
    tar = file("x\n\x1b[31m", b"", kind=b"Z") + END
    (tmp_path / "blob").write_bytes(tar)
    with pytest.raises(LayerError) as caught:
        unpack(tmp_path / "blob", staging, diff_id=digest(tar), on_progress=lambda n: None, token=CancelToken())
    assert json.dumps(caught.value.message)
    assert not set(caught.value.message) & set("\n\x1b")
