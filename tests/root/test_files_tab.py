"""The Files tab on real images and containers, by its keys, in a screen without a terminal."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from pilot import Bench

from engine import Job, Workbench
from tui.app import CutawayApp
from tui.panes.files.tab import FilesTab
from tui.subjects import OfContainer, OfImage

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("drawn_when_looked_at")]

IMAGE = "localhost/cutaway/demo:latest"


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


class Screen(Bench):
    """The running application, with an eye on the tab."""

    @property
    def tab(self) -> FilesTab:
        found = self.screen.area.find("files")
        assert isinstance(found, FilesTab)
        return found

    async def wait_for(self, *wanted: str | Callable[[], object]) -> str:
        """Until all of it is there, word by word."""
        return await self.wait(*(partial(_there, want) for want in wanted))

    async def on(self, path: str) -> None:
        """With the cursor on a path."""
        assert self.tab.tree_list.move_to(path), path
        await self.pilot.pause()


@asynccontextmanager
async def looking_at(demo: Workbench, subject: object, size: tuple[int, int] = (120, 36)) -> AsyncIterator[Screen]:
    app = CutawayApp(demo.root.path)
    async with app.run_test(size=size) as pilot:
        screen = Screen(app, pilot)
        await screen.wait_for(lambda: screen.screen.desk.loaded and screen.screen.state.containers)
        await screen.wait_for(lambda: screen.screen.looking.subject is not None)
        await screen.wait_for(lambda: screen.screen.area.find("files") is not None)
        screen.screen.look(subject, go="files")  # type: ignore[arg-type]
        await screen.wait_for(lambda: screen.tab.opened is not None and screen.tab.opened.sizes)
        await pilot.pause()
        yield screen


def _there(wanted: str | Callable[[], object], text: str) -> object:
    return wanted in text if isinstance(wanted, str) else wanted()


def container(demo: Workbench) -> OfContainer:
    return OfContainer(demo.container("w").id)


async def test_layers_and_what_each_changed(demo: Workbench) -> None:
    async with looking_at(demo, OfImage(IMAGE)) as screen:
        await screen.wait_for("all 3 layers", "▸ srv/", "from layer 1 of 3", "owner 0:0 (root:root)")
        await screen.press("a")
        await screen.wait_for("layer 3 of 3", "-3", "draft", "removed", "what it changed")
        await screen.on("srv/draft")
        await screen.wait_for("D layer 3 removes it: a whiteout (.wh.draft)")
        await screen.on("srv/greeting")
        await screen.wait_for("which replaced that of layer", "hidden, but part of the image")
        await screen.press("less_than_sign")
        await screen.wait_for("layer 2 of 3", lambda: screen.screen.layer_list.list.key == "2")
        await screen.press("a")
        text = await screen.wait_for("layer 2 of 3", "▾ srv/")
        assert "removed" not in text
        await screen.on("srv/draft")  # it is still there
        await screen.on("usr/bin")
        await screen.press("L")
        await screen.wait_for("layer 1 of 3", "/usr/bin", "what it changed")


async def test_what_is_wasted(demo: Workbench) -> None:
    async with looking_at(demo, OfImage(IMAGE)) as screen:
        await screen.wait_for("hidden ones waste")
        await screen.press("W")
        await screen.wait_for("Hidden by higher layers", "44 B  /srv/draft")
        await screen.type("draft")
        await screen.press("enter")
        await screen.wait_for("layer 2 of 3", "what it changed", lambda: screen.tab.tree_list.path == "srv/draft")


async def test_the_layer_under_the_cursor_of_its_pane(demo: Workbench) -> None:
    async with looking_at(demo, OfImage(IMAGE)) as screen:
        await screen.press("2", "g")
        await screen.wait_for("layer 1 of 3")
        await screen.press("down")
        await screen.wait_for("layer 2 of 3")
        await screen.press("G", "enter")
        await screen.wait_for("all 3 layers", lambda: screen.tab.has_focus_within)


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
async def test_content_is_shown_and_never_obeyed(demo: Workbench, size: tuple[int, int]) -> None:
    async with looking_at(demo, container(demo), size) as screen:
        await screen.on("srv/bad\x1b[31m[bold]name")
        await screen.wait_for("/srv/bad␛[31m[bold]name")
        await screen.press("enter")
        text = await screen.wait_for("␛]52;c;aGk=␇[red]not markup[/]")
        assert "\x1b" not in text
        await screen.press("escape")
        await screen.on("srv/blob")
        await screen.press("enter")
        await screen.wait_for("00000010  10 11 12 13 14 15 16 17", " !\"#$%&'()*+,-./", "1,024 bytes")
        await screen.press("G")
        await screen.wait_for("000003f0")
        await screen.press("escape")
        await screen.on("srv/code.py")
        await screen.press("enter")
        await screen.wait_for("def f():", lambda: screen.tab.view.content.spans)  # type: ignore[attr-defined]
        await screen.press("b")
        await screen.wait_for("64 65 66 20 66")
        await screen.press("b")
        await screen.wait_for("def f():")
        await screen.press("slash")
        await screen.type("return")
        await screen.press("enter")
        await screen.wait_for("1 match", "     2     return")
        await screen.press("escape", "escape")
        await screen.wait_for(lambda: screen.tab.page == "page")
        await screen.on("srv/gone")
        await screen.press("enter")
        await screen.wait_for(lambda: screen.tab.tree_list.path == "srv/code.py")


async def test_filter_and_order(demo: Workbench) -> None:
    async with looking_at(demo, container(demo)) as screen:
        await screen.press("slash")
        await screen.type("code")
        await screen.press("enter")
        await screen.wait_for("1 match code", "code.py")
        await screen.press("escape", "slash")
        await screen.type(">1k")
        await screen.press("space")
        await screen.type("!x")
        await screen.press("enter")
        await screen.wait_for("match >1k !x")
        await screen.press("escape", "o")
        await screen.wait_for("by size", lambda: screen.tab.tree_list.tree_model.rows[0].path == "usr")


async def test_copy_out(demo: Workbench, tmp_path: Path) -> None:
    async with looking_at(demo, OfImage(IMAGE)) as screen:
        await screen.on("srv/greeting")
        await screen.press("w")
        await screen.wait_for("Copy /srv/greeting out of it", f"{IMAGE}:/srv/greeting")
        await screen.press("ctrl+u")
        await screen.type(f"{tmp_path}/out")
        await screen.press("enter")
        await screen.wait_for(lambda: (tmp_path / "out").exists())
        assert b"layer 3" in (tmp_path / "out").read_bytes()


async def test_what_a_container_writes_is_seen_as_it_does(demo: Workbench) -> None:
    merged = demo.container("w").merged
    async with looking_at(demo, container(demo)) as screen:
        await screen.press("O")
        await screen.wait_for("merged", "upper", "lower 3", "lower 1", "mount -t overlay", "removed", "greeting")
        (merged / "srv/fresh").write_text("new")
        await screen.wait_for("fresh")
        (merged / "srv/fresh").unlink()
        await screen.wait_for(lambda: "srv/fresh" not in screen.tab.overlay.written.source.paths())
        await screen.press("escape")
        await screen.wait_for(lambda: screen.tab.page == "page")


async def test_edit_in_the_container(demo: Workbench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\necho changed here > "$1"\n')
    editor.chmod(0o755)
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", str(editor))
    merged = demo.container("w").merged
    (merged / "srv/edited").write_text("before")
    async with looking_at(demo, container(demo)) as screen:
        monkeypatch.setattr(screen.screen, "at_terminal", lambda work: work())  # a pilot has no terminal to give
        await screen.on("srv/edited")
        await screen.press("e")
        await screen.wait_for(lambda: (merged / "srv/edited").read_text() == "changed here\n")


async def test_another_image_is_another_tree(demo: Workbench) -> None:
    async with looking_at(demo, container(demo)) as screen:
        await screen.on("srv/blob")
        screen.screen.look(OfImage(IMAGE), go="files")
        await screen.wait_for(lambda: screen.tab.opened is not None and not screen.tab.opened.container)
        await screen.wait_for("all 3 layers", lambda: screen.tab.tree_list.path == "dev")
