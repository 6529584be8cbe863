"""What conmon starts at a container's end: it sees whether anything is left to do, whatever was done before."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest
from waiting import until, until_waited_for

from engine import exit_command, rootfs
from engine.digest import Digest
from engine.jobs import CancelToken
from engine.runtime.monitor import Monitor

pytestmark = pytest.mark.root


def is_left(it: Any) -> bool:
    return not exit_command.nothing_left(str(it.root.path), it.record.id, str(it.root.run))


def ended(it: Any) -> None:
    """It has run, and whoever waited for its end has cleared up."""
    with it.containers.lock(it.record.id):
        it.start()
        it.runtime.wait(it.record, CancelToken())
        it.away()


def test_nothing_is_left_where_who_waited_has_cleared_up(container: Any) -> None:
    it = container("true")
    ended(it)
    assert not is_left(it)
    (it.path / "exit").unlink()  # as on a full disk: that it ended is not on record
    assert is_left(it)


@pytest.mark.parametrize("trace", ["runc", "containers", "netns"])
def test_what_the_runtime_directory_still_has_is_left(container: Any, trace: str) -> None:
    it = container("true")
    ended(it)
    place = it.root.run / trace / it.record.id
    place.parent.mkdir(exist_ok=True)
    place.touch()
    assert is_left(it)
    place.unlink()
    assert not is_left(it)


def test_a_mount_is_left(container: Any) -> None:
    it = container("true")
    ended(it)
    rootfs.mount(rootfs.plan(it.root, [Digest.parse(layer) for layer in it.record.layers], it.path), it.job)
    assert is_left(it)
    rootfs.unmount(it.path / "merged", it.job)
    assert not is_left(it)


def test_one_that_was_to_go_is_left_as_long_as_it_is_there(container: Any) -> None:
    """Its starter was killed just before the last step."""
    it = container("true", auto_remove=True)
    ended(it)
    until(lambda: not it.path.exists())


def test_it_waits_for_who_is_at_work(container: Any) -> None:
    it = container("true")
    found: list[bool] = []
    waiting = threading.Thread(target=lambda: found.append(is_left(it)))
    with it.containers.lock(it.record.id):
        waiting.start()
        until_waited_for(it.path)
        it.containers.remove(it.record.id)
    waiting.join()
    assert found == [False]


def at_the_end(it: Any, **environment: str) -> subprocess.Popen[str]:
    """What conmon starts for one with --rm; in the place of the clean-up a word, where the lock is to be had."""
    gone = msgspec.structs.replace(it.record, auto_remove=True)
    line = Monitor(Path("conmon"), Path("runc"), Path("it")).arguments(gone, it.runtime.files(gone))
    words = [line[n + 1] for n, word in enumerate(line) if word == "--exit-command-arg"][:3]
    clean_up = [shutil.which("flock") or "", "--nonblock", str(it.path), "/bin/echo", "cleared up"]
    command = ["/bin/sh", *words, *clean_up]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)


def test_for_one_with_rm_that_is_gone_no_python_starts(container: Any) -> None:
    it = container("true")
    with it.containers.lock(it.record.id):
        waiting = at_the_end(it, PATH=os.defpath)
        until_waited_for(it.path)
        it.containers.remove(it.record.id)
    assert waiting.communicate(timeout=60)[0] == ""
    assert at_the_end(it, PATH=os.defpath).communicate(timeout=60)[0] == "", "long gone"


@pytest.mark.parametrize("path", [os.defpath, "/nowhere"])
def test_for_one_with_rm_that_is_there_it_starts_with_or_without_flock(container: Any, path: str) -> None:
    it = container("true")
    assert at_the_end(it, PATH=path).communicate(timeout=60)[0] == "cleared up\n"


def test_where_nothing_is_left_nothing_of_the_engine_is_loaded(tmp_path: Path) -> None:
    words = [exit_command.__file__, str(tmp_path), "0123456789ab", str(tmp_path / "run")]
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-P", "-S", *words], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "fcntl" in loaded
    assert loaded & {"engine", "json", "msgspec", "pathlib", "subprocess", "threading"} == set()
