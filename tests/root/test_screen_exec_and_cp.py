"""A command in a container, files into it and out of it, and a container with options of `run`, all from the screen."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pilot import Bench
from pressing import choose, line, paste, replace

from engine import Job, RunOptions, Workbench

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("demo")]

Open = Callable[..., Any]
DEMO = "localhost/cutaway/demo:latest"


@pytest.fixture
def running(workbench: Workbench, demo: str) -> Iterator[str]:
    """The id of a container that runs."""
    job = Job("test", lambda event: None)
    options = RunOptions(name="web", args=("sleep", "600"), env=("OF=image",))
    made = workbench.create(workbench.draft(demo, options, job), job)
    workbench.start(made.id, job)
    yield made.id
    workbench.remove(made.id, job, force=True)


async def _fields(screen: Bench, *values: str) -> None:
    """Fill fields from the first on; "" leaves one as it is."""
    for number, value in enumerate(values):
        if number:
            await screen.press("down")
        if value:
            await replace(screen, value)


async def test_a_command_in_it(workbench: Workbench, running: str, bench: Open, tmp_path: Path) -> None:
    more = tmp_path / "more.env"
    more.write_text("FROM=file\n")
    async with bench(root=workbench.root.path) as screen:
        await screen.wait("● web", "following")
        await screen.press("4", "X")
        await screen.wait("Run a command in web", "the command is missing")
        script = "echo $HERE $FROM $OF; pwd; id -u; echo oops >&2; exit 3"
        await _fields(screen, f"sh -c '{script}'", "7", "/tmp", "HERE='a b'", str(more))
        await screen.wait(line(screen, r"exec -e 'HERE=a b' --env-file \S+more.env -u 7 -w /tmp web sh -c 'echo"))
        await screen.press("enter")
        await screen.wait("sh in web ended with 3", "a b file image", "/tmp", r"\b7\b", "oops")
        await screen.press("escape", "X")
        await screen.wait("Run a command in web")
        await _fields(screen, "sh -c 'echo bg > /tmp/mark'", "", "", "", "", "")
        await screen.press("space")
        await screen.wait(line(screen, "-it web"))
        await screen.press("down", "space")
        await screen.wait("one of them")
        await screen.press("up", "space")
        await screen.wait(line(screen, "exec -d web"))
        await screen.press("enter")
        await screen.wait("done")
        seen = workbench.root.path / "containers" / running / "merged/tmp/mark"
        await screen.until(lambda: seen.exists() and seen.read_text() == "bg\n")
        await screen.press("X")
        await _fields(screen, "no-such-program")
        await screen.press("enter")
        await screen.wait("no-such-program")
        assert screen.app.screen is screen.screen, "a failure is told, and no page comes"


async def test_files_in_and_out(workbench: Workbench, running: str, bench: Open, tmp_path: Path) -> None:
    source, back = tmp_path / "page", tmp_path / "back"
    source.write_text("hello\n")
    async with bench(root=workbench.root.path) as screen:
        await screen.wait("● web", "following")
        await screen.press("4", "c")
        await screen.wait("Copy files into web", "what to copy is missing")
        await paste(screen, str(tmp_path / "nowhere"))
        await screen.wait("there is no such file here")
        await replace(screen, str(source))
        await screen.press("down")
        await replace(screen, "/tmp/in")
        await screen.wait(line(screen, f"cp {source} web:/tmp/in"))
        await screen.press("enter")
        merged = workbench.root.path / "containers" / running / "merged"
        await screen.until(lambda: (merged / "tmp/in").is_file())
        await screen.press("w")
        await screen.wait("Copy files out of web")
        await _fields(screen, "/tmp/in", str(back))
        await screen.press("enter")
        await screen.until(lambda: back.exists())
        assert back.read_text() == "hello\n"
        await screen.press("w")
        await screen.wait("Copy files out of web")
        await _fields(screen, "/tmp/in", str(back))
        await screen.press("enter")
        await screen.wait("Write over it")
        await screen.press("n")
        # From one container or image into another, and in the Files tab into the directory under the cursor.
        await screen.press("f", "3")
        await screen.wait("tmp/")
        await screen.press("c")
        await screen.wait("Copy files into web")
        await paste(screen, f"{DEMO}:/etc/passwd")
        await screen.press("down")
        await replace(screen, "/tmp/theirs")
        await screen.press("enter")
        await screen.until(lambda: (merged / "tmp/theirs").is_file())


async def test_a_new_container_with_options(workbench: Workbench, bench: Open, tmp_path: Path) -> None:
    async with bench(root=workbench.root.path) as screen:
        await screen.wait("cutaway/demo", "no jobs")
        await screen.press("1", "N")
        await screen.wait("A new container of", "ctrl\\+l launches it")
        await paste(screen, "--nmae web")
        await screen.wait("No such option")
        await replace(screen, "--name web -m 64m --network none")
        await screen.press("down")
        await paste(screen, "sh -c 'sleep 5'")
        await screen.wait(line(screen, f"create --name web -m 64m --network none {DEMO} sh -c 'sleep 5'"))
        await screen.press("enter")
        await screen.wait("0 edits", without="A new container")
        draft = screen.screen.state.drafts[DEMO].draft
        config = json.loads(draft.text)
        assert draft.name == "web"
        assert config["process"]["args"] == ["sh", "-c", "sleep 5"]
        assert config["linux"]["resources"]["memory"]["limit"] == 64 << 20
        # The same on a directory: it is known by the words of run --rootfs.
        await choose(screen, "container of a directory", "a container of a directory")
        await screen.wait("its root filesystem", "the directory is missing")
        await _fields(
            screen, str(workbench.mount(DEMO, Job("t", lambda event: None), name="base").merged), "--name dir"
        )
        await screen.press("enter")
        await screen.wait("/merged › new container", without="A container of a directory")
        bundle = tmp_path / "bundle"
        await screen.press("X")
        await screen.wait("Export as a bundle")
        await replace(screen, str(bundle))
        await screen.wait(line(screen, "bundle -o .*--rootfs"))
        await screen.press("enter")
        await screen.wait("Exported to")
        assert (bundle / "config.json").is_file()
    for container in workbench.containers():
        workbench.umount(container.id, Job("t", lambda event: None))
