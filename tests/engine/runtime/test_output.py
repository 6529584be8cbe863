"""Logs as conmon writes them, read back."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from conmon_log import START, as_conmon
from hypothesis import given
from hypothesis import strategies as st
from waiting import until

from engine.errors import Cancelled, StoreError
from engine.events import LogLine, Stream
from engine.jobs import CancelToken
from engine.runtime import Extent, copy_log, logfile, read_log


def copied(path: Path, tmp_path: Path, *, timestamps: bool = False, **limits: Any) -> tuple[bytes, bytes]:
    extent = Extent(**limits)
    with (tmp_path / "out").open("wb") as out, (tmp_path / "err").open("wb") as err:
        copy_log(path, out.fileno(), err.fileno(), extent, CancelToken(), timestamps=timestamps)
    return (tmp_path / "out").read_bytes(), (tmp_path / "err").read_bytes()


def read(path: Path, **limits: Any) -> list[LogLine]:
    return [line for batch in read_log(path, Extent(**limits), CancelToken()) for line in batch]


def texts(path: Path, **limits: Any) -> list[str]:
    return [line.text for line in read(path, **limits)]


WRITES = st.lists(
    st.tuples(
        st.sampled_from(["stdout", "stderr"]),
        st.one_of(
            st.binary(min_size=1, max_size=60),
            st.sampled_from(
                [
                    b"plain\n",
                    b" stdout P \n",
                    b"x" * 35 + b" stdout P x\n",
                    b" stdout F y\n",
                    b"\n",
                    b"no end",
                    b"\xff\xfe\n",
                    b"\r\n",
                    b"\xe2\x80\xa8x\n",
                    b"x" * 20_000,
                ]
            ),
        ),
    ),
    max_size=12,
)


@given(WRITES)
def test_what_was_written_comes_back(tmp_path_factory: pytest.TempPathFactory, writes: list[tuple[str, bytes]]) -> None:
    directory = tmp_path_factory.mktemp("log")
    path = directory / "output.log"
    path.write_bytes(as_conmon(writes))
    out, err = copied(path, directory)
    assert out == b"".join(data for stream, data in writes if stream == "stdout")
    assert err == b"".join(data for stream, data in writes if stream == "stderr")
    for stream, expected in ((Stream.STDOUT, out), (Stream.STDERR, err)):
        said = "".join(line.text + "\n" * (not line.partial) for line in read(path) if line.stream is stream)
        assert said.encode("utf-8", "surrogateescape") == expected


@given(WRITES, st.integers(0, 8))
def test_the_tail_is_the_end(tmp_path_factory: pytest.TempPathFactory, writes: list[tuple[str, bytes]], n: int) -> None:
    path = tmp_path_factory.mktemp("log") / "output.log"
    path.write_bytes(as_conmon([("stdout", data) for _, data in writes]))
    whole = "".join(line.text + "\n" * (not line.partial) for line in read(path))
    tail = "".join(line.text + "\n" * (not line.partial) for line in read(path, tail=n))
    assert tail == last_lines(whole, n)


def last_lines(text: str, n: int) -> str:
    """As tail(1)."""
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return "".join([line for line in lines if line][-n:]) if n else ""


def test_times(tmp_path: Path) -> None:
    path = tmp_path / "output.log"
    path.write_bytes(
        b"2023-11-14T22:13:20.250000000+00:00 stdout F utc\n"
        b"2023-11-15T00:13:20.500000001+02:00 stderr F east\n"
        b"2023-11-14T19:13:20.999999999-03:00 stdout P west\n"
    )
    assert [(round(line.time - START, 6), line.text) for line in read(path)] == [
        (0.25, "utc"),
        (0.5, "east"),
        (1, "west"),
    ]
    assert texts(path, since=START + 0.4) == ["east", "west"]
    assert texts(path, until=START + 0.4) == ["utc"]
    assert copied(path, tmp_path, since=START + 0.4) == (b"west", b"east\n")
    assert copied(path, tmp_path, timestamps=True) == (
        b"2023-11-14T22:13:20.250000000+00:00 utc\n2023-11-14T19:13:20.999999999-03:00 west",
        b"2023-11-15T00:13:20.500000001+02:00 east\n",
    )


def test_a_line_in_parts_gets_one_time(tmp_path: Path) -> None:
    path = tmp_path / "output.log"
    path.write_bytes(as_conmon([("stdout", b"a"), ("stderr", b"x\n"), ("stdout", b"b"), ("stdout", b"c\nd\n")]))
    out, _ = copied(path, tmp_path, timestamps=True)
    assert [line.split(b" ", 1)[1] for line in out.splitlines()] == [b"abc", b"d"]


def test_torn_and_foreign_lines_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "output.log"
    good = as_conmon([("stdout", b"good\n")])
    path.write_bytes(
        b"2023-11-14T22:13\n" + good + b"2023-99-14T22:13:20.250000000+00:00 stdout F when\n" + b"\n" + good[:-3]
    )
    assert texts(path) == ["good"]
    assert copied(path, tmp_path) == (b"good\nwhen\n", b"")


def test_no_log_and_no_file(tmp_path: Path) -> None:
    assert texts(tmp_path / "output.log") == []
    assert texts(tmp_path / "output.log", tail=5) == []
    (tmp_path / "link").symlink_to("/etc/passwd")
    with pytest.raises(StoreError):
        read(tmp_path / "link")


class Follower:
    """Follows a log in a thread of its own."""

    def __init__(self, path: Path, **limits: Any) -> None:
        self.running = True
        self.token = CancelToken()
        self.seen: list[str] = []
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._follow, args=(path, limits))
        self._thread.start()

    def _follow(self, path: Path, limits: Any) -> None:
        try:
            for batch in read_log(path, Extent(follow=True, still_running=lambda: self.running, **limits), self.token):
                self.seen += [line.text for line in batch]
        except Cancelled as error:
            self.failure = error

    def wait_for(self, lines: list[str]) -> None:
        until(lambda: self.seen == lines, lambda: self.seen)

    def ended(self) -> bool:
        self._thread.join(5)
        return not self._thread.is_alive()


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def is_read(path: Path) -> bool:
    """Whether a descriptor of this process stands at the file's present end (proc_pid_fdinfo(5))."""
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if entry.readlink() == path:
                words = Path(f"/proc/self/fdinfo/{entry.name}").read_text().split()
                return int(words[1]) == path.stat().st_size
    return False


def test_following(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logfile, "QUIET", 3600.0)  # what comes is told by events, not by looking now and then
    path = tmp_path / "output.log"
    follower = Follower(path)
    append(path, as_conmon([("stdout", b"one\n")]))
    follower.wait_for(["one"])
    line = as_conmon([("stdout", b"two\n")])
    append(path, line[:20])  # a block may end anywhere
    until(lambda: is_read(path))
    append(path, line[20:])
    follower.wait_for(["one", "two"])
    append(path, as_conmon([("stdout", b"three\n")]))
    follower.wait_for(["one", "two", "three"])
    monkeypatch.undo()
    append(path, as_conmon([("stdout", b"last\n")]))
    follower.running = False
    assert follower.ended()
    assert follower.seen == ["one", "two", "three", "last"]


def test_following_goes_on_after_rotation(tmp_path: Path) -> None:
    path = tmp_path / "output.log"
    append(path, as_conmon([("stdout", b"old\nolder\n")]))
    follower = Follower(path, tail=1)
    follower.wait_for(["older"])
    append(tmp_path / "output.log.tmp", as_conmon([("stdout", b"new\n")]))
    append(path, as_conmon([("stdout", b"last of the old\n")]))
    os.rename(tmp_path / "output.log.tmp", path)
    follower.wait_for(["older", "last of the old", "new"])
    follower.token.cancel()
    assert follower.ended()
    assert isinstance(follower.failure, Cancelled)
