"""Containers with a terminal, on a terminal."""

from __future__ import annotations

import os
import signal
import termios
import threading
from typing import Any

import pytest
from pseudo_terminal import PseudoTerminal
from waiting import until

from engine.events import Status
from engine.jobs import CancelToken
from engine.runtime import Attachment, Ending

pytestmark = pytest.mark.root


@pytest.fixture
def screen() -> Any:
    it = PseudoTerminal()
    yield it
    it.close()


def in_thread(function: Any) -> tuple[threading.Thread, list[Any]]:
    result: list[Any] = []
    thread = threading.Thread(target=lambda: result.append(function()))
    thread.start()
    return thread, result


def size_in(it: Any) -> tuple[int, int]:
    """Columns and rows of the container's terminal."""
    inside = os.open(f"/proc/{it.runtime.state(it.record).pid}/fd/0", os.O_RDONLY | os.O_NOCTTY)
    try:
        columns, rows = os.get_terminal_size(inside)
        return columns, rows
    finally:
        os.close(inside)


def test_a_shell_on_a_terminal(container: Any, screen: PseudoTerminal) -> None:
    screen.resize(31, 97)
    before = termios.tcgetattr(screen.inside)
    it = container("sh", terminal=True, interactive=True)
    it.create()
    with it.runtime.connect(it.record, Attachment(screen.inside, screen.inside, screen.inside)) as pump:
        it.runtime.start(it.record, it.job)
        thread, endings = in_thread(lambda: pump.run(CancelToken()))
        assert termios.tcgetattr(screen.inside) != before
        screen.type(b"stty size; echo $((6 * 7)); tty <&1\r")
        screen.wait_for(b"31 97\r\n42\r\n")
        screen.resize(20, 40)
        signal.raise_signal(signal.SIGWINCH)  # it is not this process's own terminal
        until(lambda: size_in(it) == (40, 20))  # conmon hears of it by another way than of what is typed
        screen.type(b"stty size\r")
        screen.wait_for(b"20 40\r\n")
        screen.type(b"sh -c 'echo be''gun; exec sleep 30'\r")
        screen.wait_for(b"begun\r\n")
        screen.type(b"\x03")  # ctrl-C is the container's
        screen.type(b"exit 4\r")
        thread.join(5)
        assert endings == [Ending.ENDED]
    assert termios.tcgetattr(screen.inside) == before
    assert it.runtime.wait(it.record, CancelToken()) == 4
    signal.raise_signal(signal.SIGWINCH)  # whom it concerned has ended


def test_detach_and_come_back(container: Any, screen: PseudoTerminal) -> None:
    it = container("sh", terminal=True, interactive=True)
    it.create()
    with it.runtime.connect(it.record, Attachment(screen.inside, screen.inside, screen.inside)) as pump:
        it.runtime.start(it.record, it.job)
        thread, endings = in_thread(lambda: pump.run(CancelToken()))
        screen.type(b"X=before\r")
        screen.wait_for(b"X=before\r\n")
        screen.type(b"echo o''n\r\x10")  # the keys may come one by one
        screen.wait_for(b"on\r\n")
        screen.type(b"\x11")
        thread.join(5)
        assert endings == [Ending.DETACHED]
    assert it.runtime.state(it.record).status is Status.RUNNING
    with it.runtime.connect(it.record, Attachment(screen.inside, screen.inside, screen.inside, "x,x")) as pump:
        thread, endings = in_thread(lambda: pump.run(CancelToken()))
        screen.type(b"echo $X and after\r")
        screen.wait_for(b"before and after")
        screen.type(b"xx")
        thread.join(5)
        assert endings == [Ending.DETACHED]


def test_a_lost_terminal_leaves_the_container_running(container: Any) -> None:
    screen = PseudoTerminal()
    it = container("sh", terminal=True, interactive=True)
    it.create()
    with it.runtime.connect(it.record, Attachment(screen.inside, screen.inside, screen.inside)) as pump:
        it.runtime.start(it.record, it.job)
        thread, _ = in_thread(lambda: pump.run(CancelToken()))
        screen.type(b"echo here\r")
        screen.wait_for(b"here")
        os.close(screen.outside)
        thread.join(5)
        assert not thread.is_alive()
    os.close(screen.inside)
    assert it.runtime.state(it.record).status is Status.RUNNING
