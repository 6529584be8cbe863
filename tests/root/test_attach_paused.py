"""Attached to a container that is paused, or becomes it: nothing in it answers, and whoever is there can leave."""

from __future__ import annotations

import signal
import subprocess

import pytest
from command_line import Cutaway

pytestmark = pytest.mark.root

RUN = ("run", "-d", "--name=c", "--network=none", "localhost/cutaway/demo:latest")


def test_nobody_attaches_to_one_that_is_paused(cutaway: Cutaway) -> None:
    cutaway(*RUN, "sleep", "300")
    cutaway("pause", "c")
    said = cutaway("attach", "c", code=125).stderr
    assert "c is paused" in said
    assert "cutaway unpause c" in said
    cutaway("unpause", "c")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_second_signal_leaves_one_that_was_paused(cutaway: Cutaway, number: int) -> None:
    cutaway(*RUN, "sh", "-c", "trap 'exit 3' TERM INT; while echo on; do sleep 0.1; done")
    words = cutaway.command("attach", "--no-stdin", "c")
    pipe = subprocess.PIPE
    with subprocess.Popen(words, env=cutaway.environment, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "on\n"  # it is attached
        cutaway("pause", "c")
        process.send_signal(number)
        assert "paused" in process.stderr.readline()
        process.send_signal(number)
        assert process.wait(30) == 130
    assert cutaway.json("ps", "--json")[0]["status"] == "paused"
    cutaway("unpause", "c")  # it gets the first one then
    assert cutaway.out("wait", "c") == "3"
