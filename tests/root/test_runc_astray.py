"""Containers that runc takes for another thing than they are, or knows nothing of, and files that others wrote."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest
from command_line import Cutaway
from waiting import until

from engine.disk import DataRoot

pytestmark = pytest.mark.root

DEMO = "localhost/cutaway/demo:latest"

FIRST_THREAD_ENDS = """
import ctypes, os, threading, time
def other():
    while not os.path.exists("/end"): time.sleep(0.02)
    os._exit(5)
threading.Thread(target=other).start()
print("begun", flush=True)
ctypes.CDLL(None).syscall(60, 0)  # exit(2), of this thread alone
"""


def status(cutaway: Cutaway, name: str) -> str:
    (found,) = [each["status"] for each in cutaway.json("ps", "-a", "--json") if each["name"] == name]
    return str(found)


def started(cutaway: Cutaway, name: str) -> Path:
    """A container with a first process whose first thread has ended."""
    python = Path(sys.executable).resolve()
    line = [*("run", "-d", "--network=none", f"--name={name}"), "--rootfs", "/", str(python), "-c", FIRST_THREAD_ENDS]
    id = cutaway.out(*line)
    (state,) = cutaway.run.glob(f"*/runc/{id}/state.json")
    pid = json.loads(state.read_text())["init_process_pid"]
    until(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z")
    return cutaway.root / "containers" / id


def test_one_whose_first_thread_has_ended_runs_on(cutaway: Cutaway) -> None:
    """runc takes it for one that has ended, and so did we: it was cleared up after while it ran."""
    home = started(cutaway, "it")
    assert status(cutaway, "it") == "running"
    assert "exited" not in cutaway("ps").stderr
    waiting = subprocess.Popen(
        cutaway.command("wait", "it"), env=cutaway.environment, stdout=subprocess.PIPE, text=True
    )
    (home / "merged/end").touch()
    assert waiting.communicate(timeout=60)[0] == "5\n"


@pytest.mark.parametrize("words", ["stop -t0 it", "kill it", "rm -f -t0 it"])
def test_and_can_be_ended(cutaway: Cutaway, words: str) -> None:
    started(cutaway, "it")
    cutaway(*words.split())
    until(lambda: not [each for each in cutaway.json("ps", "--json") if each["name"] == "it"])


@pytest.mark.parametrize("how", ["damaged", "gone", "config"])
def test_one_whose_state_cannot_be_read_is_left_alone_until_force(cutaway: Cutaway, how: str) -> None:
    id = cutaway.out("run", "-d", "--name=it", "--network=none", DEMO, "sleep", "60")
    (state,) = cutaway.run.glob(f"*/runc/{id}/state.json")
    pid = json.loads(state.read_text())["init_process_pid"]
    state.unlink() if how == "gone" else state.write_text("{")
    assert cutaway("ps").stderr.startswith("left alone: whether it runs cannot be told")
    assert status(cutaway, "it") == "unknown"
    for words in ("stop it", "rm it", "start it", "restart it", "kill it", "pause it", "exec it true", "top it"):
        done = cutaway.ended(*words.split())
        assert done.returncode in (125, 255), words
        assert "cutaway: whether it runs cannot be told" in done.stderr, words
    assert cutaway.out("stats", "--no-stream", "--format={{.Name}}", "it") == ""
    os.kill(pid, 0)
    if how == "config":  # so it does not say any more where its control groups are
        (cutaway.root / "containers" / id / "config.json").write_text("{}")
    cutaway("rm", "-f", "-t0", "it")
    assert not Path(f"/proc/{pid}").exists()
    assert cutaway.json("ps", "-a", "--json") == []


def test_conmons_word_settles_it(cutaway: Cutaway) -> None:
    """It has ended, and who waits gets its code; runc cannot delete it, and it goes all the same."""
    line = "while [ ! -e /end ]; do sleep 0.02; done; exit 4"
    id = cutaway.out("run", "-d", "--name=it", "--network=none", DEMO, "sh", "-c", line)
    (state,) = cutaway.run.glob(f"*/runc/{id}/state.json")
    state.write_text("junk")
    (cutaway.root / "containers" / id / "merged/end").touch()
    until(lambda: status(cutaway, "it") == "exited")
    assert cutaway.out("wait", "it") == "4"
    cutaway("start", "it")
    until(lambda: status(cutaway, "it") == "exited")
    cutaway("rm", "it")
    assert cutaway.json("ps", "-a", "--json") == []


def test_codes_of_some_that_remove_themselves(cutaway: Cutaway) -> None:
    """The second ends first, and is gone when its turn comes."""
    cutaway("run", "-d", "--name=one", "--network=none", DEMO, "sh", "-c", "while [ ! -e /end ]; do sleep 0.02; done")
    line = "while [ ! -e /end ]; do sleep 0.02; done; exit 2"
    cutaway("run", "-d", "--rm", "--name=two", "--network=none", DEMO, "sh", "-c", line)
    homes = [cutaway.root / "containers" / each["id"] for each in cutaway.json("ps", "--json")]
    command = cutaway.command("wait", "one", "two")
    waiting = subprocess.Popen(command, env=cutaway.environment, stdout=subprocess.PIPE, text=True)
    handles = Path(f"/proc/{waiting.pid}/fd")
    until(lambda: any("pidfd" in os.readlink(each) for each in handles.iterdir()))  # so it has looked both up
    for home in reversed(homes):
        (home / "merged/end").touch()
        until(lambda home=home: not os.path.ismount(home / "merged"))
    assert waiting.communicate(timeout=60)[0] == "0\n2\n"


def test_a_volume_is_bound_however_its_path_is_spelt(cutaway: Cutaway, tmp_path: Path, data_root: DataRoot) -> None:
    cutaway("create", "--name=plain", "--network=none", "-v", "kept:/v", DEMO, "true")
    link = tmp_path / "link"
    link.symlink_to(data_root.path)
    base = data_root.path / "volumes/kept"
    spellings = {
        "dots": f"{base.parent}/./../volumes/.//kept",
        "link": f"{link}/volumes/kept",
        "relative": "../../volumes/kept",
        "below": f"{base}/_data/sub/../..",
    }
    for name, spelt in spellings.items():
        config = cutaway.out("config", "--network=none", "-v", "kept:/v", DEMO, "true")
        (tmp_path / "config.json").write_text(config.replace(f'"{base}', f'"{spelt}/'))
        cutaway("create", "--config", str(tmp_path / "config.json"), f"--name={name}", DEMO)
    (volume,) = cutaway.json("volume", "ls", "--json")
    assert len(volume["containers"]) == 5
    cutaway("rm", "plain")
    assert "is bound by" in cutaway("volume", "rm", "kept", code=2).stderr


def test_what_is_mounted_in_a_directory_is_not_the_containers(cutaway: Cutaway, tmp_path: Path) -> None:
    root = tmp_path / "root"
    for part in ("bin", "etc", "proc", "sys", "dev", "mnt"):
        (root / part).mkdir(parents=True)
    shutil.copy(shutil.which("busybox") or "", root / "bin/busybox")
    (root / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\n")
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", root / "etc"], check=True)
    try:
        (root / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\nbob:x:4242:4242::/:/bin/sh\n")
        line = ("run", "--rm", "--network=none", "-u", "bob", "--rootfs", str(root), "/bin/busybox", "id")
        assert "bob" in cutaway(*line, code=126).stderr
    finally:
        subprocess.run(["umount", root / "etc"], check=True)


def test_names_that_are_no_utf8_are_refused(cutaway: Cutaway, tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/odd\xff"
    os.mkdir(odd)
    line = [*cutaway.command("run", "--rootfs"), odd, "true"]
    done = subprocess.run(line, env=cutaway.environment, capture_output=True, check=False)
    assert (done.returncode, b"UTF-8" in done.stderr) == (2, True)
    line = [sys.executable, "-m", "tui", "--root", odd, "images"]
    done = subprocess.run(line, env=cutaway.environment, capture_output=True, check=False)
    assert (done.returncode, b"UTF-8" in done.stderr) == (2, True)


def test_nothing_is_run_from_the_current_directory(cutaway: Cutaway, tmp_path: Path) -> None:
    """Neither by us nor by what we start: cp for a volume, for one."""
    for name in ("cp", "runc", "conmon", "flock", "rm", "docker-credential-x"):
        (tmp_path / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/was-run\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    environment = {**cutaway.environment, "PATH": f".::{cutaway.environment['PATH']}"}
    line = cutaway.command("run", "--rm", "--network=none", "-v", "v:/etc", DEMO, "true")
    subprocess.run(line, env=environment, cwd=tmp_path, check=True)
    assert not (tmp_path / "was-run").exists()


def test_interrupted_between_creation_and_start_it_is_cancelled(cutaway: Cutaway) -> None:
    """At 20 moments of a start, from when Python has begun: told as cancelled, or nothing, and nothing is left."""
    for moment in range(20):
        line = cutaway.command(
            "run", "--rm", "--network=none", DEMO, "sh", "-c", "trap 'exit 130' INT; sleep 60 & wait"
        )
        process = subprocess.Popen(line, env=cutaway.environment, stderr=subprocess.PIPE, start_new_session=True)
        maps = Path(f"/proc/{process.pid}/maps")
        until(lambda maps=maps: "/msgspec/" in maps.read_text())
        time.sleep(moment * 0.005)
        os.kill(process.pid, signal.SIGINT)
        try:
            said = process.communicate(timeout=3)[1]
        except subprocess.TimeoutExpired:  # its trap was not set yet
            cutaway("kill", "--all")
            said = process.communicate(timeout=60)[1]
        assert process.returncode in (130, -signal.SIGINT, 137), said
    assert cutaway.json("ps", "-a", "--json") == []


def test_a_signal_before_a_further_run_begins_cancels_that(cutaway: Cutaway) -> None:
    cutaway("run", "--name=it", "--network=none", DEMO, "sh", "-c", "trap 'exit 44' TERM; sleep 4 & wait")
    for moment in range(12):
        process = subprocess.Popen(
            cutaway.command("start", "-a", "it"),
            env=cutaway.environment,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        maps = Path(f"/proc/{process.pid}/maps")
        until(lambda maps=maps: "/msgspec/" in maps.read_text())
        time.sleep(0.01 + moment * 0.006)
        sent = time.time()
        os.kill(process.pid, signal.SIGTERM)
        said = process.communicate(timeout=60)[1]
        if process.returncode == 0:  # it had begun, and its trap was not set yet
            started = datetime.fromisoformat(cutaway.json("inspect", "it")[0]["started"])
            assert started.timestamp() <= sent, said
        else:
            assert process.returncode in (130, -signal.SIGTERM, 44), said
        cutaway("stop", "-t0", "it")
