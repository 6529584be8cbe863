"""The Files tab on real images and containers, by its keys, in a screen without a terminal."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from rich.console import Console
from textual.pilot import Pilot

from engine import Job, Workbench
from tui.app import CutawayApp
from tui.panes.files.tab import FilesTab
from tui.screens.workbench import WorkbenchScreen
from tui.subjects import OfContainer, OfImage

pytestmark = pytest.mark.root

IMAGE = "localhost/cutaway/demo:latest"
_PATIENCE = 40.0


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """The demo image, and a working container `w` of it in which there are hostile things."""
    with tempfile.TemporaryDirectory(prefix="cutaway-", dir="/tmp") as run, pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUTAWAY_RUN", run)
        workbench = Workbench(tmp_path_factory.mktemp("demo") / "data")
        job = Job("test", lambda event: None)
        workbench.demo(job)
        merged = workbench.mount(IMAGE, job, name="w").merged
        (merged / "srv/bad\x1b[31m[bold]name").write_bytes(b"\x1b]52;c;aGk=\x07[red]not markup[/]\n" + b"x" * 9000)
        (merged / "srv/blob").write_bytes(bytes(range(256)) * 4)
        (merged / "srv/code.py").write_text('def f():\n    return "text"  # why\n')
        (merged / "srv/gone").symlink_to("/etc/../srv/code.py")
        os.unlink(merged / "srv/greeting")
        yield workbench
        workbench.umount("w", job)


class Screen:
    """The running application, and what it shows."""

    def __init__(self, app: CutawayApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def workbench(self) -> WorkbenchScreen:
        return next(screen for screen in self.app.screen_stack if isinstance(screen, WorkbenchScreen))

    @property
    def tab(self) -> FilesTab:
        found = self.workbench.area.find("files")
        assert isinstance(found, FilesTab)
        return found

    @property
    def text(self) -> str:
        """All that is on the screen."""
        width, height = self.app.size
        console = Console(width=width, height=height, color_system=None, force_terminal=False, legacy_windows=False)
        with console.capture() as capture:
            console.print(self.app.screen._compositor)
        return capture.get()

    async def wait(self, *wanted: str | Callable[[], object]) -> str:
        """Until all of it is there."""
        for _ in range(int(_PATIENCE / 0.05)):
            text = self.text
            if all(want in text if isinstance(want, str) else want() for want in wanted):
                return text
            await self.pilot.pause(0.05)
        raise AssertionError(f"did not come: {wanted}\n{self.text}")

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def on(self, path: str) -> None:
        """With the cursor on a path."""
        assert self.tab.tree_list.move_to(path), path
        await self.pilot.pause()


@asynccontextmanager
async def looking_at(demo: Workbench, subject: object, size: tuple[int, int] = (120, 36)) -> AsyncIterator[Screen]:
    app = CutawayApp(demo.root.path)
    async with app.run_test(size=size) as pilot:
        screen = Screen(app, pilot)
        await screen.wait(lambda: screen.workbench.desk.loaded and screen.workbench.state.containers)
        await screen.wait(lambda: screen.workbench.looking.subject is not None)
        screen.workbench.look(subject, go="files")  # type: ignore[arg-type]
        await screen.wait(lambda: screen.tab.opened is not None and screen.tab.opened.sizes)
        await pilot.pause()
        yield screen


def container(demo: Workbench) -> OfContainer:
    return OfContainer(demo.container("w").id)


async def test_layers_and_what_each_changed(demo: Workbench) -> None:
    async with looking_at(demo, OfImage(IMAGE)) as screen:
        await screen.wait("all 3 layers", "▸ srv/", "from layer 1 of 3")
        await screen.press("a")
        await screen.wait("layer 3 of 3", "-3", "draft", "removed", "what it changed")
        await screen.on("srv/draft")
        await screen.wait("D layer 3 removes it: a whiteout (.wh.draft)")
        await screen.on("srv/greeting")
        await screen.wait("which replaced that of layer", "hidden, but part of the image")
        await screen.press("less_than_sign")
        await screen.wait("layer 2 of 3", lambda: screen.workbench.layer_list.list.key == "2")
        await screen.press("a")
        text = await screen.wait("layer 2 of 3", "▾ srv/")
        assert "removed" not in text
        await screen.on("srv/draft")  # it is still there
        await screen.on("usr/bin")
        await screen.press("J")
        await screen.wait("layer 1 of 3", "/usr/bin", "what it changed")


async def test_the_layer_under_the_cursor_of_its_pane(demo: Workbench) -> None:
    async with looking_at(demo, OfImage(IMAGE)) as screen:
        await screen.press("2", "g")
        await screen.wait("layer 1 of 3")
        await screen.press("down")
        await screen.wait("layer 2 of 3")
        await screen.press("G", "enter")
        await screen.wait("all 3 layers", lambda: screen.tab.has_focus_within)


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
async def test_content_is_shown_and_never_obeyed(demo: Workbench, size: tuple[int, int]) -> None:
    async with looking_at(demo, container(demo), size) as screen:
        await screen.on("srv/bad\x1b[31m[bold]name")
        await screen.wait("/srv/bad␛[31m[bold]name")
        await screen.press("enter")
        text = await screen.wait("␛]52;c;aGk=␇[red]not markup[/]")
        assert "\x1b" not in text
        await screen.press("escape")
        await screen.on("srv/blob")
        await screen.press("enter")
        await screen.wait("00000010  10 11 12 13 14 15 16 17", " !\"#$%&'()*+,-./", "1,024 bytes")
        await screen.press("G")
        await screen.wait("000003f0")
        await screen.press("escape")
        await screen.on("srv/code.py")
        await screen.press("enter")
        await screen.wait("def f():", lambda: screen.tab.view.content.spans)  # type: ignore[attr-defined]
        await screen.press("b")
        await screen.wait("64 65 66 20 66")
        await screen.press("b")
        await screen.wait("def f():")
        await screen.press("slash", *"return", "enter")
        await screen.wait("1 match", "     2     return")
        await screen.press("escape", "escape")
        await screen.wait(lambda: screen.tab.page == "page")
        await screen.on("srv/gone")
        await screen.press("enter")
        await screen.wait(lambda: screen.tab.tree_list.path == "srv/code.py")


async def test_filter_and_order(demo: Workbench) -> None:
    async with looking_at(demo, container(demo)) as screen:
        await screen.press("slash", *"code", "enter")
        await screen.wait("1 match code", "code.py")
        await screen.press("escape", "slash", *">1k", "space", *"!x", "enter")
        await screen.wait("match >1k !x")
        await screen.press("escape", "o")
        await screen.wait("by size", lambda: screen.tab.tree_list.tree_model.rows[0].path == "usr")


async def test_copy_out(demo: Workbench, tmp_path: Path) -> None:
    async with looking_at(demo, OfImage(IMAGE)) as screen:
        await screen.on("srv/greeting")
        await screen.press("w")
        await screen.wait("Copy out of it", f"{IMAGE}:/srv/greeting")
        await screen.press("ctrl+u", *str(tmp_path).replace("/", "/"), "slash", *"out", "enter")
        await screen.wait(lambda: (tmp_path / "out").exists())
        assert b"layer 3" in (tmp_path / "out").read_bytes()


async def test_what_a_container_writes_is_seen_as_it_does(demo: Workbench) -> None:
    merged = demo.container("w").merged
    async with looking_at(demo, container(demo)) as screen:
        await screen.press("O")
        await screen.wait("merged", "upper", "lower 3", "lower 1", "mount -t overlay", "removed", "greeting")
        (merged / "srv/fresh").write_text("new")
        await screen.wait("fresh")
        (merged / "srv/fresh").unlink()
        await screen.wait(lambda: "srv/fresh" not in screen.tab.overlay.written.source.paths())
        await screen.press("escape")
        await screen.wait(lambda: screen.tab.page == "page")


async def test_edit_in_the_container(demo: Workbench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\necho changed here > "$1"\n')
    editor.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(editor))
    merged = demo.container("w").merged
    (merged / "srv/edited").write_text("before")
    async with looking_at(demo, container(demo)) as screen:
        monkeypatch.setattr(screen.workbench, "at_terminal", lambda work: work())  # a pilot has no terminal to give
        await screen.on("srv/edited")
        await screen.press("e")
        await screen.wait(lambda: (merged / "srv/edited").read_text() == "changed here\n")


async def test_another_image_is_another_tree(demo: Workbench) -> None:
    async with looking_at(demo, container(demo)) as screen:
        await screen.on("srv/blob")
        screen.workbench.look(OfImage(IMAGE), go="files")
        await screen.wait(lambda: screen.tab.opened is not None and not screen.tab.opened.container)
        await screen.wait("all 3 layers", lambda: screen.tab.tree_list.path == "dev")
        await asyncio.sleep(0)
