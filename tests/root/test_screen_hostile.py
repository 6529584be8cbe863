"""Names that want to write on the terminal, from a real image and a real process: in Files, Stats and the editor."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hostile import HOSTILE, harmless
from pilot import Bench

from engine import Job, Workbench, parse_options
from engine.disk import DataRoot

pytestmark = pytest.mark.root

IMAGE = "localhost/hostile:1"


def _files(root: Path) -> None:
    """Each of them as the name of a file, of a directory, as a link's target, as an owner, and in a file."""
    place = root / "srv"
    place.mkdir()
    owners = []
    for number, text in enumerate(HOSTILE.values(), 1000):
        name = text.replace("/", "|").encode("utf-8", "surrogateescape")[:250].decode("utf-8", "surrogateescape")
        (place / f"{number}").mkdir()
        (place / f"{number}" / name).mkdir()
        (place / f"{number}" / name / name).write_bytes(f"{text}\n".encode("utf-8", "surrogateescape") * 9)
        (place / f"{number}" / "link").symlink_to(text.encode("utf-8", "surrogateescape")[:4000])
        os.setxattr(place / f"{number}" / name / name, "user.it", name.encode("utf-8", "surrogateescape"))
        owners.append(f"{name[:60]}:x:{number}:{number}::/:\n".replace("\n:", ":"))
        os.chown(place / f"{number}" / name / name, number, number)
    (root / "etc/passwd").write_text("".join(owners), errors="surrogateescape")


@pytest.mark.parametrize("size", [(180, 40), (80, 24)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_files_stats_and_the_editor(
    data_root: DataRoot, bench: Callable[..., Any], rootfs_dir: Path, tmp_path: Path, size: tuple[int, int]
) -> None:
    workbench, job = Workbench(data_root.path), Job("test", lambda event: None)
    shutil.copytree(rootfs_dir, tmp_path / "rootfs", symlinks=True)
    _files(tmp_path / "rootfs")
    workbench.import_root(tmp_path / "rootfs", IMAGE, job)
    words = [text.replace("\udcff", "") for text in HOSTILE.values()]
    flags = [word for number, text in enumerate(words) for word in ("--env", f"N{number}={text}")]
    flags += [word for text in words for word in ("--label", f"of={text}")]
    command = ("sh", "-c", "while :; do sleep 1; done", *words)
    options = msgspec.structs.replace(parse_options(["--network=host", "--name=box", *flags]), args=command)
    made = workbench.create(workbench.draft(IMAGE, options, job), job)
    workbench.start(made.id, job)
    try:
        async with bench(size=size, root=data_root.path) as screen:
            await screen.wait("box", "1 running")
            await screen.until(lambda: screen.screen.area.has_focus_within)
            await _files_tab(screen)
            await screen.press("4", "t")
            await screen.wait("sh -c while")
            harmless(screen)
            for _ in range(4):
                await screen.press("enter")
                harmless(screen)
                await screen.press("escape", "down")
            await screen.press("4", "e")
            await screen.wait("in force, read only", "ociVersion|process")
            await _through(screen)
            await screen.press("1", "enter")
            await screen.wait("0 edits")
            await _through(screen)
    finally:
        workbench.remove(made.id, job, force=True)


async def _files_tab(screen: Bench) -> None:
    await screen.press("4", "f")
    await screen.wait("▸ srv/")
    tab = screen.screen.area.find("files")
    tree = tab.tree_list
    tree.move_to("srv")
    await screen.press("asterisk")
    await screen.wait("▾ srv/")
    for row in [row for row in tree.tree_model.rows if row.path.startswith("srv/")]:
        tree.move_to(row.path)
        await screen.pilot.pause()
        harmless(screen)
        if not row.directory and "link" not in row.path:
            await screen.press("enter")
            await screen.until(lambda: tab.page == "view")
            harmless(screen)
            await screen.press("b")
            await screen.wait("00000")
            harmless(screen)
            await screen.press("escape")
            await screen.until(lambda: tab.page == "page")
            await screen.press("w")
            harmless(screen)
            await screen.press("escape")


async def _through(screen: Bench) -> None:
    """Every page of a config.json, with what is said beside it, and its outline."""
    view = screen.screen.area.find("config").pane.view
    for pointer in ["/process/args/3", "/process/args/6", "/process/env/3", "/annotations"]:
        view.go_to(pointer)
        await screen.pilot.pause()
        harmless(screen)
    for _ in range(8):
        await screen.press("pagedown")
        harmless(screen)
