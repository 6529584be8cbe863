"""The look of every dialog and list, with made-up content: each at three sizes, each time in another theme, beside what
was drawn before. There is none that is not here."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from made_up import CONFIG, NOON, SIZES, THEMES, container, image, inside
from pictures import compare, lines
from textual.screen import Screen
from textual.widgets import Input, TextArea

from engine import (
    ContainerStats,
    Difference,
    DifferenceKind,
    Draft,
    Happening,
    Neighbour,
    Outcome,
    Problem,
    Provenance,
    Reading,
    RunOptions,
    Status,
    Step,
    StepKind,
    VolumeSummary,
)
from engine import Page as TourPage
from tui.deeds import offers
from tui.deeds.menu import Menu
from tui.dialogs.choice import Choice
from tui.dialogs.comparison import Base, Comparison
from tui.dialogs.kept import KeptDialog
from tui.dialogs.launch import How, LaunchDialog
from tui.dialogs.page import Page
from tui.dialogs.pick import Pick
from tui.dialogs.question import Question
from tui.dialogs.switches import Switches
from tui.progress import Work
from tui.settings import bindings
from tui.sheets.comparison import ComparisonSheet
from tui.sheets.differences import Compared, Pair, Side
from tui.sheets.happenings import HappeningsSheet
from tui.sheets.happenings import _row as happening_row
from tui.sheets.jobs import JobsSheet
from tui.sheets.messages import MessagesSheet
from tui.sheets.neighbours import NeighboursSheet
from tui.sheets.neighbours import _row as neighbour_row
from tui.sheets.record import RecordSheet
from tui.sheets.tour import TourScreen
from tui.sheets.usage import UsageSheet
from tui.sheets.volumes import VolumesSheet
from tui.sheets.volumes import _row as volume_row
from tui.state import Message, Writing
from tui.subjects import OfContainer


def _screens() -> set[type[Any]]:
    """Every screen, dialog and list there is; not what others are made of."""
    bindings()  # loads them all

    def below(kind: type[Any]) -> set[type[Any]]:
        return {sub for each in kind.__subclasses__() for sub in (each, *below(each))}

    return {kind for kind in below(Screen) if kind.__module__.startswith("tui.") and not kind.__subclasses__()}


async def _nothing(*args: object) -> str:
    return DRAFT.text.replace("1.0.2", "1.1.0")


DRAFT = Draft(
    image="docker.io/library/debian:12", image_digest="", layers=(), id="1", name="web", options=RunOptions(),
    text=msgspec.json.format(msgspec.json.encode(CONFIG)).decode(), provenance=Provenance({}), files={}, steps=(),
)  # fmt: skip
CHANGED = Difference(DifferenceKind.CHANGED, "/process/args/2", "/process/args/2", "echo [red]a[/]", "echo hello")
STEP = Step(NOON, 0.2, StepKind.LAYER, "tar -x -C /layers/x/diff", "10 MB", "", "podman pull x")


class Dialogs:
    """Makes each of them. What they would read of this host is made up."""

    def __init__(self, shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shell = shell
        shell.state.containers = {
            "web": container("web", Status.RUNNING),
            "once": container("once", Status.EXITED, 7),
        }
        shell.state.images = [image("docker.io/library/debian:12", 1), image("quay.io/team/app:2.1", 2)]
        shell.state.messages.extend(
            [Message(NOON, "Copied.\ntwice"), Message(NOON, "it went [b]wrong[/b]", grave=True)]
        )
        shell.state.work["1"] = Work("1", "pull debian:12", "cutaway pull debian:12", 1.0, 3.5, Outcome.SUCCEEDED)
        problem = Problem("x", "no such image", "pull it")
        shell.state.work["2"] = Work("2", "start web", "cutaway start web", 1.0, 61.0, Outcome.FAILED, problem)

        def shows(kind: type[Any], name: str, rows: list[Any], summary: str = "") -> None:
            async def read(sheet: Any) -> None:
                sheet.show(rows, summary)

            monkeypatch.setattr(kind, name, read)

        happening = Happening(
            time=NOON, action="died", id="1", name="web", image="debian:12", detail={"exit_code": "7"}
        )
        shows(HappeningsSheet, "_read", [happening_row(0, happening)])
        others = [Neighbour("podman", "12", "db", "docker.io/library/postgres:16", "running")]
        others.append(Neighbour("docker", "34", "old", "x", "exited", "its config.json is gone"))
        shows(NeighboursSheet, "_read", [neighbour_row(f"{o.engine}:{o.name}", o) for o in others], "enter adopts")
        volumes = [
            VolumeSummary("data", Path("/v/data/_data"), ("web",)),
            VolumeSummary("old", Path("/v/old/_data"), ()),
        ]
        shows(VolumesSheet, "read", [volume_row(v, list(v.containers)) for v in volumes])

        async def journals(sheet: Any) -> None:
            sheet._found = (("web", STEP),)
            sheet.fill()

        async def step(tour: Any, number: int) -> None:
            tour._busy = False
            tour._pages.append(
                TourPage("Pull", "An image is layers.", ("cutaway pull x",), ("3 layers",), (Path("/v"),))
            )
            tour._show(number)

        monkeypatch.setattr(RecordSheet, "_read", journals)
        monkeypatch.setattr(TourScreen, "_go", step)
        monkeypatch.setattr(UsageSheet, "on_mount", lambda sheet: super(UsageSheet, sheet).on_mount())

    def made(self) -> list[Any]:
        """One of each."""
        shell, files = self.shell, inside()
        web = OfContainer("web")
        menu = Menu("web", offers(shell.state, web, lambda *words: " ".join(("cutaway", *words))))
        ways = [(How.DETACHED, "d", "run it in the background", "cutaway run -d x"), (How.CREATED, "c", "make it", "c")]
        entries = tuple(files.changes(2))
        pairs = (Pair("Cmd", '["sh"]', '["bash"]'), Pair("User", "", "www"))
        compared = Compared(files, files, entries, pairs, (Pair("1", "ADD x", "ADD x"), Pair("2", "", "CMD y")))
        writing, bases = Writing(DRAFT), [Base("a", "generated"), Base("b", "podman")]
        return [
            menu,
            Choice("Change", [("a", "the command, as a shell line"), ("e", "an environment variable")]),
            Page(
                "All that is known of web",
                [("a label", "text [red]as it is[/]\nin two lines"), ("", "more")],
                copies="it",
            ),
            Pick("Compare it with", [("a", "docker.io/library/debian:12"), ("b", "web")]),
            Question("Remove web?", detail="It is gone then.", command="cutaway rm web", yes="Remove"),
            Switches("Capabilities", {"CAP_CHOWN": True, "CAP_SYS_ADMIN": False}),
            LaunchDialog("Launch web", ways, "the last start of web", [CHANGED]),
            Comparison("Differences: web", DRAFT.text, bases, _nothing, lambda *words: ""),
            KeptDialog([(writing, time.time() - 3_700)]),
            ComparisonSheet(shell, Side("a", "debian:12", "a"), Side("b", "app:2.1", "b"), compared),
            HappeningsSheet(shell),
            JobsSheet(shell),
            MessagesSheet(shell),
            NeighboursSheet(shell),
            RecordSheet(shell),
            TourScreen(shell),
            UsageSheet(shell),
            VolumesSheet(shell),
        ]


def _stats(name: str, cpu: float, memory: int) -> ContainerStats:
    return ContainerStats(name, name, cpu, cpu, 1.0, Reading(1, 1, memory, 64_000_000, 2, None, 0, 0, 0, 0))


@pytest.mark.parametrize("number", range(len(SIZES)), ids=["x".join(map(str, size)) for size in SIZES])
async def test_each_looks_as_it_did(bench: Callable[..., Any], number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    width, height = SIZES[number]
    async with bench(size=(width, height)) as screen:
        await screen.wait("A container is an image", "no jobs")
        shell = screen.screen
        await screen.wait(lambda text: shell.state.problems is not None and shell.state.neighbours is not None)
        shell.state.problems, shell.state.neighbours = [], {"podman": 2, "docker": 0, "runc": 1}
        shell.area.welcome.show()
        shell.show_host(["web01", "root"])
        made = Dialogs(shell, monkeypatch).made()
        themes = {id(dialog): THEMES[(place + number) % len(THEMES)] for place, dialog in enumerate(made)}
        for dialog in sorted(made, key=lambda dialog: themes[id(dialog)]):  # each theme once: it takes its time
            theme, kind = themes[id(dialog)], type(dialog)
            screen.app.theme = f"cutaway-{theme}"
            screen.app.push_screen(dialog)
            await screen.pilot.pause()
            if isinstance(dialog, UsageSheet):
                dialog.take([_stats("web", 12.5, 20_000_000), _stats("db", 98.1, 412_000_000)])
                await screen.wait("its stats")  # the line of keys follows the list
            for field in (*dialog.query(Input), *dialog.query(TextArea)):
                field.cursor_blink = False
            await screen.pilot.pause()
            assert screen.app.screen is dialog
            compare(f"{kind.__name__}-{theme}-{width}x{height}.txt", lines(screen.app.export_screenshot()))
            dialog.dismiss(None)
            await screen.pilot.pause()
    # What is drawn by the panes' test, and here: there is nothing else.
    drawn = {type(dialog).__name__ for dialog in made} | {"Form", "CommitDialog", "WorkbenchScreen"}
    assert {kind.__name__ for kind in _screens()} == drawn, "screens of which there is no picture, or that are no more"
