"""The look of each pane and tab, with made-up content, at three sizes in three themes, beside what was drawn before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from conmon_log import as_conmon
from made_up import CONFIG, NOON, container, image, inside, layer
from pictures import EACH_SIZE, Pictures, Size, make_still

from engine import (
    ContainerStats,
    Draft,
    Origin,
    ProcessSummary,
    Provenance,
    Reading,
    RunOptions,
    SourceKind,
    Status,
    Step,
    StepKind,
    Transcript,
)
from tui.panes.config.analysis import analyse
from tui.panes.files.reading import Opened
from tui.panes.output.sources import LogSource
from tui.progress import Pull

LAYERS = [layer(1, "ADD rootfs /"), layer(2, '/bin/sh -c #(nop) CMD ["bash"]')]
CARD = {"Cmd": ["sh", "-c", "[red]a[/]"], "User": "www", "Env": ["A=1", "B=\x1b[2J"]}
TABS = ("files", "config", "output", "stats", "trace")
PANES = ("images", "layers", "containers")


class Views:
    """Fills them, and brings each to the front."""

    def __init__(self, screen: Any, folder: Path) -> None:
        self.screen, self.shell, self.folder = screen, screen.screen, folder

    async def fill(self) -> None:
        """All of them. What is made up cannot be read: the lists do not decide what is looked at."""
        shell = self.shell
        shell.looking.at = shell.layering.at = shell.conductor.neighbours_gone_to = lambda *what: None
        self.lists()
        for name in TABS:
            self.front(name)
            await self.screen.pilot.pause()
            await getattr(self, name)()

    def front(self, name: str) -> None:
        if name in ("config", "card"):
            name = self._turn_config(name)
        page = name not in TABS
        self.shell.area.front("welcome" if name in PANES else name, [] if page else ["made up"])
        self.shell.action_go(name if name in PANES else "main")

    def _turn_config(self, name: str) -> str:
        """The tab, with a config.json or an image's card in it."""
        pane = self._tab("config").pane
        if name == "card":
            pane.show_card({"digest": "sha256:0", "config": {"config": CARD}}, "enter")
        else:
            pane._switch("text")
        return "config"

    def _tab(self, name: str) -> Any:
        return self.shell.area.find(name)

    def lists(self) -> None:
        names = ("docker.io/library/debian:12", "quay.io/team/app:2.1", "localhost/cutaway/demo:latest")
        self.shell.state.images = [image(name, number) for number, name in enumerate(names, 1)]
        found = [("web", Status.RUNNING, None), ("once", Status.EXITED, 7), ("new", Status.CREATED, None)]
        self.shell.state.containers = {name: container(name, status, code) for name, status, code in found}
        self.shell.state.pulls["j"] = Pull("j", "docker.io/library/nginx:1.27", "")
        self.shell.show_images()
        self.shell.show_containers({})
        self.shell.area.pulling.show(self.shell.state.pulls["j"])
        self.shell.layer_list.show(LAYERS)
        self.shell.show_busy("1 running · pull nginx:1.27 64%")
        self.shell.show_command("cutaway pull nginx:1.27", "…")

    async def files(self) -> None:
        tab = self._tab("files")
        tab._opened = Opened("i", "i", inside(), LAYERS, False)
        tab._opened.weigh()
        tab.tree_list.begin(tab._opened.source(2, changed=False))
        tab.front("page")
        tab.tree_list.action_open_all()
        await tab._show_layer("srv/page")

    async def config(self) -> None:
        view, text = self._tab("config").pane.view, json.dumps(CONFIG, indent=2)
        self._tab("config").pane.show_text(text, writable=True, writing=True, original=text)
        origin = Origin(SourceKind.IMAGE, "image config Cmd[2]")
        draft = Draft(
            image="i", image_digest="", layers=(), id="1" * 12, name="n", options=RunOptions(), text=text,
            provenance=Provenance({"/process/args/2": origin}), files={}, steps=(),
        )  # fmt: skip
        await self.screen.pilot.pause()
        view.take(analyse(self.shell.desk.workbench, text, draft.provenance, draft, text))
        view.editor.focus()
        await self.screen.pilot.pause()
        assert view.go_to("/process/cwd")
        row = view.editor.cursor_location[0]
        await self.screen.wait(lambda _: '"relative"' in view.editor.document[row] and "relative" in self.screen.text)

    async def output(self) -> None:
        path = self.folder / "output.log"
        kinds = ["stdout", "stderr", "stdout", "stdout"]
        said = [b"begun\n", b"a warning\n", b"\x1b[32mgreen\x1b[0m and \x1b[2J\n", "wide 容器 ".encode() * 20 + b"\n"]
        path.write_bytes(as_conmon(list(zip(kinds, said, strict=True))))
        transcript = Transcript(path)
        while transcript.update():
            pass
        self._tab("output").pane.show(LogSource(transcript))

    async def stats(self) -> None:
        pane = self._tab("stats").pane
        pane.begin()
        for second in range(1, 9):
            numbers = Reading(second, second / 10, second * 4_000_000, 64_000_000, 2, None, 0, 4096, 1000, 2000)
            processes = [
                ProcessSummary(1000 + n, n, 0, "root", 1.5, 60.0, "", second * n / 10, n * 1_000_000, f"sleep {n}")
                for n in (1, 2)
            ]
            pane.readings.take(ContainerStats("id", "web", second * 9.0, 9.5, second * 6.25, numbers), processes)
        pane.update()

    async def trace(self) -> None:
        steps = [
            Step(NOON, 0.2, StepKind.LAYER, "tar -x -C /layers/x/diff", "10 MB", "", "podman pull x"),
            Step(NOON + 1, 0.01, StepKind.MOUNT, "mount -t overlay overlay /merged", "", "mount: no such device", ""),
        ]
        self._tab("trace").pane.show(steps, "")


@EACH_SIZE
async def test_each_looks_as_it_did(bench: Any, size: Size, tmp_path: Path, still: None) -> None:
    async with bench(size=size) as screen:
        await make_still(screen)
        views, pictures = Views(screen, tmp_path), Pictures(screen, size)
        await views.fill()
        for _ in pictures.themes():
            for name in ("welcome", "pulling", "card", *PANES, *TABS):
                views.front(name)
                await pictures.take(name)
        pictures.compare()


async def test_where_one_writes_stays_in_sight_when_the_terminal_shrinks(bench: Any, tmp_path: Path) -> None:
    async with bench(size=(120, 36)) as screen:
        await make_still(screen)
        views = Views(screen, tmp_path)
        await views.fill()
        views.front("config")
        await screen.settled()
        editor = views._tab("config").pane.view.editor
        editor.move_cursor(editor.document.end)
        for size in ((80, 24), (60, 18)):
            await screen.pilot.resize_terminal(*size)
            await screen.settled()
            top = editor.scroll_offset.y
            assert top <= editor.cursor_location[0] < top + editor.size.height, size
