"""What goes into a container from a file or a pipe, where nobody types: all of it arrives, detach keys are data."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable

import pytest
from command_line import Cutaway
from pseudo_terminal import PseudoTerminal

pytestmark = pytest.mark.root

DEMO = "localhost/cutaway/demo:latest"
KEYS = b"before\x10\x11after\n"
DATA = {
    "every byte": bytes(range(256)) + KEYS + b"\x10",  # the first of them, and no more
    "a megabyte": os.urandom(1 << 20) + KEYS + os.urandom(1 << 16),
}
MAKING = ("--name=c", "--network=none", "-i", DEMO)
SHOUT = ("sh", "-c", "while :; do echo y; done")
KEEP = ("sh", "-c", "cat > /came")


def run(cutaway: Cutaway, data: bytes) -> None:
    feed(cutaway, data, "run", *MAKING, *KEEP)


def start(cutaway: Cutaway, data: bytes) -> None:
    cutaway("create", *MAKING, *KEEP)
    feed(cutaway, data, "start", "-ai", "c")


def attach(cutaway: Cutaway, data: bytes) -> None:
    cutaway("run", "-d", *MAKING, *KEEP)
    feed(cutaway, data, "attach", "c")


def exec(cutaway: Cutaway, data: bytes) -> None:
    cutaway("run", "-d", *MAKING, "sleep", "300")
    feed(cutaway, data, "exec", "-i", "c", *KEEP)


def feed(cutaway: Cutaway, data: bytes, *words: str) -> bytes:
    """What it prints that has `data` on its standard input; it must have ended well, and said nothing else."""
    done = subprocess.run(
        cutaway.command(*words), input=data, env=cutaway.environment, capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


@pytest.mark.parametrize("way", [run, start, attach, exec])
@pytest.mark.parametrize("what", DATA)
def test_all_of_it_arrives(cutaway: Cutaway, way: Callable[[Cutaway, bytes], None], what: str) -> None:
    way(cutaway, DATA[what])
    came = (cutaway.root / "containers" / cutaway.json("inspect", "c")[0]["id"] / "upper/came").read_bytes()
    assert len(came) == len(DATA[what])
    assert came == DATA[what]


def test_what_comes_back_is_whole(cutaway: Cutaway) -> None:
    data = DATA["a megabyte"]
    assert feed(cutaway, data, "run", "--rm", *MAKING, "cat") == data


def test_a_terminal_without_one_inside_detaches(cutaway: Cutaway) -> None:
    """It gives what is typed by lines, so keys that are letters leave it."""
    screen = PseudoTerminal()
    words = cutaway.command("run", "--detach-keys=x,y", *MAKING, "sleep", "300")
    with subprocess.Popen(words, env=cutaway.environment, stdin=screen.inside, stderr=subprocess.PIPE) as process:
        screen.type(b"xy\n")
        assert process.stderr is not None
        assert b"detached" in process.stderr.read()
    screen.close()
    assert process.returncode == 0
    assert cutaway.json("ps", "--json")[0]["status"] == "running"


def test_a_terminal_inside_without_one_here_takes_what_comes(cutaway: Cutaway) -> None:
    """As with podman: `run` warns, and all go on; signals go to the container."""

    def said(words: str, *, fed: bytes = b"echo $((40 + 2)); exit 7\n") -> tuple[int, bytes, bytes]:
        done = subprocess.run(
            cutaway.command(*words.split()), input=fed, env=cutaway.environment, capture_output=True, timeout=60
        )
        return done.returncode, done.stdout, done.stderr

    warned = b"The input device is not a TTY."
    code, out, told = said(f"run --rm -it --network=none {DEMO} sh")
    # What comes before the shell has said that it is ready is echoed before its prompt, and 42 stands behind that.
    assert (code, b"42\r\n" in out, warned in told) == (7, True, True)
    making = f"-it --name=c --network=none {DEMO} sh"
    assert said(f"create {making}")[::2] == (0, b"")
    code, out, told = said("start -ai c")
    assert (code, b"42" in out, told) == (7, True, b"")
    cutaway("start", "c")
    code, out, told = said("exec -it c sh")
    assert (code, b"42\r\n" in out, told) == (7, True, b"")
    code, out, told = said("attach c", fed=KEYS + b"exit 5\n")
    assert (code, b"after" in out, told) == (5, True, b"")

    waiting = "trap 'echo TERM; exit 9' TERM; echo ready; while :; do sleep 0.05; done"
    words = cutaway.command("run", "--rm", "-it", "--network=none", DEMO, "sh", "-c", waiting)
    with subprocess.Popen(words, env=cutaway.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\r\n"
        process.terminate()
        assert process.stdout.read() == b"TERM\r\n"
    assert process.returncode == 9


def test_nobody_reads_any_more(cutaway: Cutaway) -> None:
    """Who would come back to a container that is removed at its end? It does not fill the disk from then on."""

    def ended(*words: str) -> str:
        with subprocess.Popen(
            cutaway.command("run", "--stop-timeout=1", *words, DEMO, *SHOUT),
            env=cutaway.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.readline()
            process.stdout.close()
            said = process.stderr.read()
        assert process.returncode == 125
        return said

    assert "it goes on" in ended("--name=stays", "--network=none")
    assert cutaway.json("inspect", "stays")[0]["status"] == "running"
    cutaway("rm", "-f", "-t0", "stays")
    assert "it was stopped" in ended("--rm", "--network=none")
    assert cutaway.json("ps", "-a", "--json") == []
