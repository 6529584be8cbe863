"""The rows of a log by number: whatever is asked for, they are those that reading it all from the beginning gives."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from conmon_log import START, as_conmon
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.errors import Cancelled, StoreError
from engine.events import LogLine, Stream
from engine.jobs import CancelToken
from engine.runtime import Transcript
from engine.runtime.transcript import LEFT_OUT

WRITES = st.lists(
    st.tuples(
        st.sampled_from(["stdout", "stderr"]),
        st.one_of(
            st.binary(min_size=1, max_size=60),
            st.sampled_from([b"plain\n", b"\n", b"no end", b"\r\n", b"x" * 20_000, b"y\n" * 600]),
            st.sampled_from([b" stdout P \n", b" stdout F \n", b" stderr P \n", b" stderr F", b" stderr F \n" * 600]),
        ),
    ),
    max_size=12,
)


def rows_of(writes: list[tuple[str, bytes]]) -> list[tuple[str, str, bool]]:
    """What the process wrote, line by line in the order in which the lines began."""
    rows: list[list[object]] = []
    going: dict[str, list[object]] = {}
    for stream, data in writes:
        for piece in _pieces(data):
            row = going.pop(stream, None)
            if row is None:
                row = [stream, b"", True]
                rows.append(row)
            row[1] = bytes(row[1]) + piece.removesuffix(b"\n")  # type: ignore[call-overload]
            row[2] = not piece.endswith(b"\n")
            if row[2]:
                going[stream] = row
    return [(str(s), bytes(t).decode("utf-8", "surrogateescape"), bool(p)) for s, t, p in rows]  # type: ignore[call-overload]


def _pieces(data: bytes) -> list[bytes]:
    parts = data.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + [part for part in parts[-1:] if part]


def as_told(lines: list[LogLine]) -> list[tuple[str, str, bool]]:
    return [(line.stream.value, line.text, line.partial) for line in lines]


def indexed(path: Path) -> Transcript:
    transcript = Transcript(path)
    while transcript.update():
        pass
    return transcript


@settings(deadline=None, max_examples=60)
@given(WRITES, st.integers(0, 50), st.integers(1, 2000))
@example([("stdout", b"a\n" * 2000), ("stdout", b"b"), ("stderr", b"c\n" * 2000), ("stdout", b"d\n")], 1999, 5)
def test_any_rows_are_those_that_were_written(
    tmp_path_factory: pytest.TempPathFactory, writes: list[tuple[str, bytes]], first: int, count: int
) -> None:
    path = tmp_path_factory.mktemp("log") / "output.log"
    path.write_bytes(as_conmon(writes))
    expected = [row for row in rows_of(writes) if len(row[1]) < 50_000]
    if len(expected) != len(rows_of(writes)):
        return  # what is longer than is read has a test of its own
    transcript = indexed(path)
    assert (transcript.first, transcript.end) == (0, len(expected))
    assert as_told(transcript.read(first, count)) == expected[first : first + count]
    told = [text for _, texts in transcript.texts(first) for text in texts]
    assert told == [text for _, text, _ in expected[first:]]
    transcript.close()


def test_it_grows_and_a_line_is_counted_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "output.log"
    transcript = Transcript(path)
    assert not transcript.update()
    data = as_conmon([("stdout", b"one\ntwo\n"), ("stdout", b"10 %\r"), ("stdout", b"20 %\r"), ("stderr", b"!\n")])
    for number, byte in enumerate(data):
        with path.open("ab") as log:
            log.write(bytes([byte]))
        transcript.update()
        assert transcript.end <= data[: number + 1].count(b"\n")
    assert as_told(transcript.read(0, 9)) == [
        ("stdout", "one", False),
        ("stdout", "two", False),
        ("stdout", "10 %\r20 %\r", True),
        ("stderr", "!", False),
    ]
    transcript.close()
    assert transcript.end == 0


def test_of_a_row_without_end_the_beginning_and_the_end_are_read(tmp_path: Path) -> None:
    path = tmp_path / "output.log"
    bar = [("stdout", b"%07d of 1000000\r" % number) for number in range(20_000)]
    path.write_bytes(as_conmon([("stderr", b"first\n"), *bar, ("stderr", b"after\n" * 3000), ("stdout", b"done\n")]))
    transcript = indexed(path)
    assert transcript.end == 3002
    (row,) = transcript.read(1, 1)
    assert not row.partial
    assert row.text.startswith("0000000 of 1000000\r0000001 of")
    assert row.text.endswith("0019998 of 1000000\r0019999 of 1000000\rdone")
    assert LEFT_OUT in row.text
    assert len(row.text) < 100_000
    whole = "".join(f"{number:07d} of 1000000\r" for number in range(20_000)) + "done"
    assert [line.text for line in transcript.read(1, 1, whole=True)] == [whole]
    assert next(text for _, texts in transcript.texts(1) for text in texts) == whole  # so it is found in its middle
    assert [line.text[-9:] for line in transcript.read(0, 3)] == ["first", "0000\rdone", "after"]


def test_a_rotated_log_keeps_its_numbers(tmp_path: Path) -> None:
    path = tmp_path / "output.log"
    transcript = Transcript(path)
    for turn in range(4):
        fresh = tmp_path / "fresh"
        fresh.write_bytes(as_conmon([("stdout", b"%d %d\n" % (turn, line)) for line in range(10)]))
        os.rename(fresh, path)
        while transcript.update():
            pass
    assert (transcript.first, transcript.end) == (20, 40)
    assert [line.text for line in transcript.read(0, 25)] == [f"2 {n}" for n in range(5)]
    assert [line.text for line in transcript.read(28, 3)] == ["2 8", "2 9", "3 0"]
    assert next(iter(transcript.texts(0)))[0] == 20


def test_the_first_row_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "output.log"
    path.write_bytes(as_conmon([("stdout", b"%d\n" % number) for number in range(3000)]))
    transcript = indexed(path)
    for second in (0, 1, 777, 2999):
        assert transcript.at(START + second) == second
        assert transcript.at(START + second - 0.5) == second
    assert transcript.at(START - 1000) == 0
    assert transcript.at(START + 3000) == 3000


def test_torn_lines_are_rows_without_a_time(tmp_path: Path) -> None:
    path = tmp_path / "output.log"
    good = as_conmon([("stdout", b"good\n")])
    path.write_bytes(b"2023-11-14T22:13\n" + good + bytes(100_000) + good)
    transcript = indexed(path)
    rows = transcript.read(0, 9)
    assert [row.text[:20] for row in rows] == ["2023-11-14T22:13", "good", "\0" * 20]
    assert rows[0].time == 0
    assert (rows[1].time, rows[1].stream) == (START, Stream.STDOUT)


def test_no_log_yet_and_no_file(tmp_path: Path) -> None:
    transcript = Transcript(tmp_path / "output.log")
    assert transcript.read(0, 5) == []
    assert list(transcript.texts(0)) == []
    assert transcript.at(0) == 0
    (tmp_path / "link").symlink_to("/etc/passwd")
    with pytest.raises(StoreError):
        Transcript(tmp_path / "link").update()


def test_following_ends_with_the_container_or_when_nobody_looks(tmp_path: Path) -> None:
    path = tmp_path / "output.log"
    path.write_bytes(as_conmon([("stdout", b"one\n")]))
    running = threading.Event()
    running.set()
    transcript = Transcript(path, running.is_set)
    seen: list[int] = []
    grown = threading.Semaphore(0)

    def follow() -> None:
        for _ in transcript.follow(CancelToken()):
            seen.append(transcript.end)
            grown.release()

    thread = threading.Thread(target=follow)
    thread.start()
    for expected in (1, 2):
        while not seen or seen[-1] != expected:
            assert grown.acquire(timeout=10)
        with path.open("ab") as log:
            log.write(as_conmon([("stderr", b"more\n")]))
    running.clear()
    thread.join(10)
    assert not thread.is_alive()
    assert transcript.end == 3

    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        list(transcript.follow(token))
