"""The commands of a container's life, in podman's words: the same line ends with the same exit code.

What is not understood ends with 2 here, as it does in nearly every other program, and with 125 in podman.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from command_line import Cutaway, passable
from other_engines import Podman
from other_engines import podman as other_podman

pytestmark = [pytest.mark.root, pytest.mark.interop("podman")]

LINES = (
    *("stop nope", "start nope", "rm nope", "kill nope", "pause nope", "unpause nope", "restart nope", "wait nope"),
    *("logs nope", "top nope", "rename nope other", "update --cpus=1 nope", "exec nope true", "attach nope"),
    *("stats --no-stream nope", "rm --force nope", "rm --ignore nope", "rm quick nope", "stop --ignore nope", "rm up"),
    # Where one is not there nothing is done to the other: `made` has not been started after these, and `up` runs.
    *(f"{verb} made nope" for verb in ("start", "restart", "rm", "wait")),
    *(f"{verb} up nope" for verb in ("stop -t 0", "kill", "pause", "restart -t 0")),
    *("start wrong", "start --attach wrong", "restart wrong", "rm wrong"),
    *("stop made", "start up", "pause made", "unpause up", "kill made", "rename up made", "exec made true"),
    *("exec up no-such-program", "exec up /etc/passwd", "exec up sh -c 'exit 7'", "top made", "logs made"),
    *(
        f"run --rm --network=none {words} probe sh -c 'exit 7'"
        for words in ("-u nobodyx", "-u 0:nope", "--group-add=nope", "-w /nope", "-w /etc/passwd", "--tmpfs=/x -w /x/y")
    ),
    *("exec -u nobodyx up true", "exec -w /nope up sh -c true"),
    *("stop --cidfile=nope", "rm --cidfile=nope", "ps --sync"),
    *("inspect nope", "inspect up nope", "cp nope:/x .", "cp up:/nope .", "cp up:/nope/ .", "logs --until=1h up"),
    *("logs --since=1500ms up", "stop -t 0 -f name=nope"),
    *("wait --condition=created made", "wait --condition=running up", "wait --condition=bogus up"),
    *("update --memory=0 up", "update --cpus=0 up", "update --memory-swap=-1 up"),
    "run --rm --name '' --network=none probe sh -c 'exit 3'",
    *("kill --signal=NONSENSE up", "update --memory=1k up", "attach made", "rename up 'a/b'", "start --attach quick"),
    *(
        "pause up",
        "pause up",
        "exec up true",
        "unpause up",
        "stop --time=0 up",
        "wait up",
        "start up",
        "kill --all",
        "wait up",
    ),
    *(
        "restart --time=0 up",
        "stop --all --time=0",
        "start --all",
        "wait quick",
        "rm --all --force --time=0",
        "rm --all",
    ),
    "stop --all",
)


@pytest.fixture(scope="module")
def podman() -> Iterator[Podman]:
    with other_podman() as made:
        yield made


@pytest.fixture
def cutaway(tmp_path: Path) -> Iterator[Cutaway]:
    with tempfile.TemporaryDirectory(prefix="cutaway-run-", dir="/tmp") as run:
        made = Cutaway(tmp_path / "data", Path(run))
        yield made
        made("rm", "--all", "--force")


def test_every_line_ends_as_podmans(podman: Podman, cutaway: Cutaway) -> None:
    cutaway("import", str(podman.home / "rootfs.tar"), "probe")
    made = (
        "run -d --name up {} sleep 300",
        "create --name made {} sleep 300",
        "create --name quick {} sh -c 'exit 5'",
        "create --name wrong {} no-such-program",
    )
    lines = [*(each.format("--network=none probe") for each in made), *LINES]

    def codes(code: Callable[[list[str]], int]) -> dict[str, int]:
        found = {}
        for number, line in enumerate(lines):
            found[f"{number}: {line}"] = code(shlex.split(line))
            assert number >= len(made) or not found[f"{number}: {line}"], line
        return found

    def podmans(words: list[str]) -> int:
        environment = {**os.environ, **podman.environment}
        ended = subprocess.run(
            ["podman", *words], env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=25, check=False
        )
        return ended.returncode

    with ThreadPoolExecutor() as pool:  # at once: each waits most of the time
        ours, theirs = pool.map(codes, (lambda words: cutaway.ended(*words).returncode, podmans))
    different = {
        line: (ours[line], theirs[line])
        for line in theirs
        if ours[line] != theirs[line] and (ours[line], theirs[line]) != (2, 125)
    }
    assert different == {}, "(ours, podman's)"


def test_top_tells_of_processes_as_podman_does(podman: Podman) -> None:
    names = ("user huser ruser group hgroup rgroup groups hgroups label", "capinh capprm capeff capbnd capamb seccomp")
    kill = ("--network=none", "--cap-drop=all", "--cap-add=KILL")
    with passable() as cutaway:
        cutaway("import", str(podman.home / "rootfs.tar"), "probe")
        for name, flags in {
            "one": ("--user=7:8", "--group-add=55", "--group-add=9"),
            "mapped": ("--uidmap=0:100000:65536", "--gidmap=0:200000:65536", "--cap-add=NET_RAW"),
        }.items():
            told = []
            for engine in (podman, cutaway.out):
                engine("run", "-d", f"--name=top-{name}", *kill, *flags, "probe", "sleep", "300")
                told.append(
                    [line.split() for line in engine("top", f"top-{name}", *" ".join(names).split()).splitlines()]
                )
                engine("kill", f"top-{name}")
            assert told[0] == told[1]
            assert len(told[0]) == 2


def test_an_id_file_and_a_name_taken_over(cutaway: Cutaway, tmp_path: Path) -> None:
    file, rootfs = tmp_path / "id", tmp_path / "rootfs"
    rootfs.mkdir()
    making = ["create", "--network=none", "--name=one", f"--cidfile={file}"]
    first = cutaway.out(*making, "--rootfs", str(rootfs), "sleep", "300")
    assert file.read_text() == first
    # Nothing goes for one that cannot come to be.
    assert "there already" in cutaway(*making, "--replace", "--rootfs", str(rootfs), "true", code=125).stderr
    file.unlink()
    wrong = cutaway(*making, "--replace", "--rootfs", str(tmp_path / "nowhere"), "true", code=2)
    assert "nowhere" in wrong.stderr
    assert not file.exists()
    assert [each["id"] for each in cutaway.json("ps", "-a", "--json")] == [first]
    second = cutaway.out(*making, "--replace", "--rootfs", str(rootfs), "true")
    assert second != first
    assert [each["id"] for each in cutaway.json("ps", "-a", "--json")] == [second]
    cutaway("rm", "--force", f"--cidfile={file}")
    cutaway("rm", "--ignore", f"--cidfile={file}")
    file.unlink()
    cutaway("rm", "--ignore", f"--cidfile={file}")
    assert cutaway.json("ps", "-a", "--json") == []
