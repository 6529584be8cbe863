"""The look of each pane and tab and of two dialogs, with made-up content: each at three sizes, each time in another
theme, beside what was drawn before."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from conmon_log import as_conmon
from made_up import CONFIG, NOON, SIZES, THEMES, inside, layer
from pictures import compare, lines
from textual.widgets import Input, TextArea

from engine import (
    ContainerStats,
    Draft,
    Origin,
    ProcessSummary,
    Provenance,
    Reading,
    RunOptions,
    SourceKind,
    Step,
    StepKind,
    Transcript,
)
from tui.dialogs.form import Field, Form
from tui.panes.config.analysis import analyse
from tui.panes.files.commit import CommitDialog, CommitWish
from tui.panes.files.reading import Opened
from tui.panes.output.sources import LogSource

LAYERS = [layer(1, "ADD rootfs /"), layer(2, '/bin/sh -c #(nop) CMD ["bash"]')]


class Views:
    """Brings each of them to the front."""

    def __init__(self, screen: Any, folder: Path) -> None:
        self.screen, self.shell, self.folder = screen, screen.screen, folder

    def _tab(self, name: str) -> Any:
        self.shell.area.front(name, ["made up"])
        self.shell.action_go("main")
        return self.shell.area.find(name)

    async def layers(self) -> None:
        self.shell.layer_list.show(LAYERS)
        await self.screen.press("2", "down")

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
            image="i", image_digest="", layers=(), id="1", name="n", options=RunOptions(), text=text,
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
        self.shell.area.take_focus()

    async def stats(self) -> None:
        pane = self._tab("stats").pane
        pane.begin(own_network=True)
        for second in range(1, 9):
            numbers = Reading(second, second / 10, second * 4_000_000, 64_000_000, 2, None, 0, 4096, 1000, 2000)
            processes = [
                ProcessSummary(1000 + n, n, 0, "root", 1.5, 60.0, "", second * n / 10, n * 1_000_000, f"sleep {n}")
                for n in (1, 2)
            ]
            pane.usage.take(ContainerStats("id", "web", second * 9.0, 9.5, second * 6.25, numbers), processes)
        pane.update()
        self.shell.area.take_focus()

    async def trace(self) -> None:
        steps = [
            Step(NOON, 0.2, StepKind.LAYER, "tar -x -C /layers/x/diff", "10 MB", "", "podman pull x"),
            Step(NOON + 1, 0.01, StepKind.MOUNT, "mount -t overlay overlay /merged", "", "mount: no such device", ""),
        ]
        self._tab("trace").pane.show(steps, "")
        self.shell.area.take_focus()

    async def form(self) -> None:
        fields = [
            Field("to", "to", "registry/name:1"),
            Field("why", "a longer label of a field", hint="a hint"),
            Field("tls", "verify the registry's certificate (TLS)", "yes", toggle=True),
        ]
        self.screen.app.push_screen(
            Form(
                "Push [red]x[/]", fields, done="push", detail="In words.", line=lambda v: "push x", wrong=lambda v: "no"
            )
        )

    async def commit(self) -> None:
        files = inside()
        wish = CommitWish("team/x:1", "a message", level="7", zstd=True, left_out=("/srv/new",))
        dialog = CommitDialog("x", wish, files.changes(2), files.up_to(1), lambda *words: " ".join(words))
        self.screen.app.push_screen(dialog)


NAMES = ("layers", "files", "config", "output", "stats", "trace", "form", "commit")


@pytest.mark.parametrize("number", range(len(SIZES)), ids=["x".join(map(str, size)) for size in SIZES])
async def test_each_looks_as_it_did(
    bench: Callable[..., Any], number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    size = SIZES[number]
    async with bench(size=size) as screen:
        await screen.wait("A container is an image", "no jobs")
        shell = screen.screen
        await screen.wait(lambda text: shell.state.problems is not None and shell.state.neighbours is not None)
        shell.state.problems, shell.state.neighbours = [], {"podman": 2, "docker": 0, "runc": 1}
        shell.area.welcome.show()
        shell.show_host(["web01", "root", "runc 1.1.5", "overlay", "cgroup v2"])
        views = Views(screen, tmp_path)
        for place, name in enumerate(NAMES):
            theme = THEMES[(place + number) % len(THEMES)]
            screen.app.theme = f"cutaway-{theme}"
            show: Callable[[], Awaitable[None]] = getattr(views, name)
            await show()
            await screen.pilot.pause()
            for field in (*screen.app.screen.query(Input), *screen.app.screen.query(TextArea)):
                field.cursor_blink = False
            await screen.pilot.pause()
            compare(f"{name}-{theme}-{size[0]}x{size[1]}.txt", lines(screen.app.export_screenshot()))
            if screen.app.screen is not shell:
                await screen.press("escape")
