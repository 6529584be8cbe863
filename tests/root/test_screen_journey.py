"""The main job by keys alone, in a real terminal, with a real registry and real containers; twice, wide and narrow."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from faulty_registry import Reply, faulty_registry
from real_registry import docker_registry
from tmux import CHECKOUT, Terminal

from engine.digest import Digest
from engine.disk import DataRoot

pytestmark = [pytest.mark.root, pytest.mark.screen, pytest.mark.interop("docker-registry", "skopeo")]

LOOP = "trap 'echo asked to end; exit 7' TERM; echo line-$((40+2)); echo wrong >&2; while :; do sleep 0.1; done"


@pytest.fixture(scope="module")
def demo_in_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The demo image, made by the engine's own code and pushed to a real registry by skopeo: its name there."""
    folder = tmp_path_factory.mktemp("registry")
    with docker_registry(folder) as host:
        _cutaway(folder / "made", folder / "run", "demo")
        name = f"{host}/team/demo:1"
        source = f"oci:{folder}/made/images:localhost/cutaway/demo:latest"
        flags = ["--quiet", "--dest-tls-verify=false"]
        subprocess.run(["skopeo", "copy", *flags, source, f"docker://{name}"], check=True, capture_output=True)
        yield name


def _cutaway(root: Path, run: Path, *words: str) -> None:
    command = [sys.executable, "-m", "tui", "--root", str(root), *words]
    environment = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "PYTHONPATH": str(CHECKOUT), "CUTAWAY_RUN": str(run)}
    subprocess.run(command, env=environment, check=True, capture_output=True)


@pytest.fixture(params=[(120, 36), (80, 24)], ids=["120x36", "80x24"])
def terminal(request: pytest.FixtureRequest, tmp_path: Path, data_root: DataRoot) -> Iterator[Terminal]:
    # After data_root, so that the program has ended when that looks for what is left.
    made = Terminal(tmp_path, *request.param)
    yield made
    made.close()


def _pull(terminal: Terminal, name: str) -> None:
    terminal.press("p")
    terminal.wait("Pull an image")
    terminal.type(name)
    terminal.press("Tab", "Space")
    terminal.wait(r"\[ \] verify", "--tls-verify=false")
    terminal.press("BTab", "Enter")


def _write_args(terminal: Terminal, script: str) -> None:
    """In the editor: go to the first of process.args and put a shell and a script in its place."""
    pointer = ""
    while pointer != "/process/args/0":
        here = pointer
        terminal.wait(lambda screen, here=here: _pointer(screen) not in ("", here))
        pointer = _pointer(terminal.screen)
        terminal.press("Down")
    terminal.press("Up")
    terminal.wait(lambda screen: _pointer(screen) == "/process/args/0")
    terminal.press("Home", "C-k")
    terminal.type(f'"/bin/sh", "-c", "{script}"')
    terminal.wait('done"', "[1-9] edit")


def _pointer(screen: str) -> str:
    """The pointer of the line under the cursor, from the lines below the editor."""
    found = re.findall(r"│ (/[\w/]*) {3}\S", screen)
    return found[-1] if found else ""


def test_the_whole_job(terminal: Terminal, data_root: DataRoot, demo_in_registry: str) -> None:
    terminal.cutaway(data_root.path)
    terminal.wait("A container is an image", "no jobs", "root")

    _pull(terminal, demo_in_registry)
    terminal.wait("is here", r"\[1\] Images 1")
    terminal.press("1", "e")
    terminal.wait("new (container|from)", "no problems", r"[id] +\d+ ")

    _write_args(terminal, LOOP)
    terminal.wait("1 problem|[1-9] edit", r"u +\d+ ")
    terminal.press("C-l", "C-l")  # an impatient person; it is launched once
    terminal.wait("Launch new container")
    terminal.press("Enter")
    terminal.wait("● running", "line-42", "┃.*wrong", without="Launch new container")
    terminal.wait("✓ done")

    terminal.press("4")
    terminal.wait("● demo-1", r"\[4\] Containers 1 ")
    terminal.press("S")
    terminal.wait("exited 7")
    terminal.press("l")
    terminal.wait("asked to end")

    # Another one of the same image; this time it goes on when the screen is left.
    terminal.press("1", "e")
    terminal.wait("new (container|from)", "0 edits")
    _write_args(terminal, LOOP)
    terminal.press("C-l")
    terminal.wait("Launch new container", "the same|different from|Nothing is different")
    terminal.press("Enter")
    terminal.wait("● running", "line-42", without="Launch new container")
    terminal.press("q")
    terminal.wait("goes on", r"\[ended 0\]")

    terminal.cutaway(data_root.path)
    terminal.wait("● running", "line-42", "1 running")
    terminal.press("4", "K")
    terminal.wait("Kill ")
    terminal.press("Enter")  # the default is no
    terminal.wait("● .*running", without="Kill ")
    terminal.press("K")
    terminal.wait("Kill ")
    terminal.press("y")
    terminal.wait("exited 137")
    for left in (1, 0):
        terminal.press("D")
        terminal.wait("Remove ")
        terminal.press("y")
        terminal.wait(rf"\[4\] Containers {left}" if left else "none yet")
    terminal.press("q")
    terminal.wait(r"\[ended 0\]")


def test_a_pull_is_cancelled(terminal: Terminal, data_root: DataRoot) -> None:
    layer = bytes(8_000_000)
    with faulty_registry() as registry:
        registry.put_image(layer)
        # The connection breaks, what is missing is asked for, and then nothing more comes.
        registry.reply(f"/v2/t/blobs/{Digest.of(layer)}", Reply(cut=5_000_000), Reply(stall=2_000_000))
        terminal.cutaway(data_root.path)
        terminal.wait("A container is an image")
        _pull(terminal, f"{registry.host}/t:latest")
        terminal.wait("loading +▰▰", "c +cancel", "pull", r"\d+%")
        terminal.press("c")
        terminal.wait("✗ cancelled", "no jobs")
    terminal.press("q")
    terminal.wait(r"\[ended 0\]")
