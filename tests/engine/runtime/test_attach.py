"""Streams to and from a container, with a socket in place of conmon's."""

from __future__ import annotations

import os
import select
import socket
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from waiting import until

from engine.errors import Cancelled, ContainerState, UsageError
from engine.jobs import CancelToken
from engine.runtime.attach import DetachFilter, Pump, connect, detach_sequence
from engine.runtime.attachment import Ending


def pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


@pytest.mark.parametrize(
    ("keys", "sequence"),
    [
        ("ctrl-p,ctrl-q", b"\x10\x11"),
        ("", b""),
        ("a", b"a"),
        ("ctrl-@", b"\0"),
        ("ctrl-[,x", b"\x1bx"),
        ("ctrl-_", b"\x1f"),
    ],
)
def test_detach_keys(keys: str, sequence: bytes) -> None:
    assert detach_sequence(keys) == sequence


@pytest.mark.parametrize("keys", ["ctrl-", "ctrl-1", "ab", ",", "a,,b", "\x1b", "ctrl-P"])
def test_impossible_detach_keys(keys: str) -> None:
    with pytest.raises(UsageError):
        detach_sequence(keys)


@given(st.lists(st.binary(max_size=6), max_size=8), st.sampled_from([b"\x10\x11", b"aab", b"a", b"aa"]))
def test_the_filter_finds_the_keys_however_they_arrive(pieces: list[bytes], keys: bytes) -> None:
    it, passed, typed = DetachFilter(keys), b"", b"".join(pieces)
    for piece in pieces:
        data, detached = it.feed(piece)
        passed += data
        if detached:
            assert passed == typed[: typed.index(keys)]
            return
    assert keys not in typed
    assert typed.startswith(passed)
    assert keys.startswith(typed[len(passed) :])


def test_each_stream_to_its_own(tmp_path: Path) -> None:
    ours, theirs = pair()
    with ours, theirs, (tmp_path / "out").open("wb") as out, (tmp_path / "err").open("wb") as err:
        theirs.send(b"\x02one ")
        theirs.send(b"\x03bad ")
        theirs.send(b"\x09what is this")
        theirs.send(b"\x02two")
        theirs.close()
        ending = Pump(ours, None, out.fileno(), err.fileno(), b"", on_terminal=False).run(CancelToken())
    assert ending is Ending.ENDED
    assert (tmp_path / "out").read_bytes() == b"one two"
    assert (tmp_path / "err").read_bytes() == b"bad "


def test_a_container_that_reads_nothing_does_not_stop_its_output() -> None:
    """The input's way is full; output still comes through, and all input arrives once somebody reads."""
    ours, theirs = pair()
    source, stdin = os.pipe()
    stdout, out = os.pipe()
    size = 4_000_000
    writer = threading.Thread(target=lambda: (write_all(stdin, b"x" * size), os.close(stdin)))
    pump = threading.Thread(
        target=lambda: Pump(ours, source, out, out, b"", on_terminal=False).run(CancelToken()), daemon=True
    )
    writer.start()
    pump.start()
    until(lambda: not select.select([], [ours], [], 0)[1])  # nobody reads there: so it stays
    for number in range(100):
        theirs.send(b"\x02%03d" % number)
        assert os.read(stdout, 3) == b"%03d" % number
    received = 0
    while piece := theirs.recv(65536):
        received += len(piece)
    assert received == size
    theirs.close()
    pump.join(5)
    writer.join(5)
    assert not pump.is_alive()
    for handle in (source, stdout, out):
        os.close(handle)
    ours.close()


def write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def test_a_reader_that_has_gone_ends_the_attachment() -> None:
    ours, theirs = pair()
    stdout, out = os.pipe()
    os.close(stdout)
    with ours, theirs:
        theirs.send(b"\x02into the void")
        assert Pump(ours, None, out, out, b"", on_terminal=False).run(CancelToken()) is Ending.LOST
    os.close(out)


def test_it_can_be_cancelled() -> None:
    ours, theirs = pair()
    token = CancelToken()
    threading.Timer(0.1, token.cancel).start()
    with ours, theirs, pytest.raises(Cancelled):
        Pump(ours, None, 1, 2, b"", on_terminal=False).run(token)


def test_sockets_with_long_paths(tmp_path: Path) -> None:
    directory = tmp_path / ("d" * 100) / ("e" * 100)
    directory.mkdir(parents=True)
    with pytest.raises(ContainerState):
        connect(directory / "attach")
    handle = os.open(directory, os.O_PATH)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(f"/proc/self/fd/{handle}/attach")
        listener.listen()
        with connect(directory / "attach"):
            listener.accept()[0].close()
    os.close(handle)
    with pytest.raises(ContainerState):
        connect(directory / "attach")
