"""The look of every dialog and list, with made-up content, at three sizes in three themes, beside what was drawn
before. There is none that is not here."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from made_up import CONFIG, NOON, container, image, inside
from pictures import EACH_SIZE, Pictures, Size, make_still
from textual.screen import Screen

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
from tui.dialogs.form import Field, Form
from tui.dialogs.kept import KeptDialog
from tui.dialogs.launch import How, LaunchDialog
from tui.dialogs.page import Page
from tui.dialogs.pick import Pick
from tui.dialogs.question import Question
from tui.dialogs.switches import Switches
from tui.panes.files.commit import CommitDialog, CommitWish
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
from tui.sheets.stats import StatsSheet
from tui.sheets.tour import TourScreen
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
        monkeypatch.setattr(StatsSheet, "on_mount", lambda sheet: None)

    def made(self) -> list[Any]:
        """One of each."""
        shell, files = self.shell, inside()
        web = OfContainer("web")
        menu = Menu("web", offers(shell.state, web, lambda *words: " ".join(("cutaway", *words))))
        ways = [(How.DETACHED, "d", "run it in the background", "cutaway run -d x"), (How.CREATED, "c", "make it", "c")]
        entries = tuple(files.changes(2))
        pairs = (Pair("Cmd", '["sh"]', '["bash"]'), Pair("User", "", "www"))
        compared = Compared(files, files, entries, pairs, (Pair("1", "ADD x", "ADD x"), Pair("2", "", "CMD y")))
        fields = [
            Field("to", "to", "registry/name:1"),
            Field("why", "a longer label of a field", hint="a hint"),
            Field("tls", "verify the registry's certificate (TLS)", "yes", toggle=True),
        ]
        wish = CommitWish("team/x:1", "a message", level="7", zstd=True, left_out=("/srv/new",))
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
            Form(
                "Push [red]x[/]", fields, done="push", detail="In words.", line=lambda v: "push x", wrong=lambda v: "no"
            ),
            CommitDialog("x", wish, files.changes(2), files.up_to(1), lambda *words: " ".join(words)),
            KeptDialog([(writing, time.time() - 3_700)]),
            ComparisonSheet(shell, Side("a", "debian:12", "a"), Side("b", "app:2.1", "b"), compared),
            HappeningsSheet(shell),
            JobsSheet(shell),
            MessagesSheet(shell),
            NeighboursSheet(shell),
            RecordSheet(shell),
            TourScreen(shell),
            StatsSheet(shell),
            VolumesSheet(shell),
        ]


def _stats(name: str, cpu: float, memory: int) -> ContainerStats:
    return ContainerStats(name, name, cpu, cpu, 1.0, Reading(1, 1, memory, 64_000_000, 2, None, 0, 0, 0, 0))


@EACH_SIZE
async def test_each_looks_as_it_did(bench: Any, size: Size, monkeypatch: pytest.MonkeyPatch, still: None) -> None:
    async with bench(size=size) as screen:
        await make_still(screen)
        dialogs, pictures = Dialogs(screen.screen, monkeypatch), Pictures(screen, size)
        put = screen.app.push_screen
        for _ in pictures.themes():
            for dialog in dialogs.made():
                put(dialog)  # each in the place of the one before: the panes below are not drawn in between
                put = screen.app.switch_screen
                if isinstance(dialog, StatsSheet):
                    await screen.pilot.pause()
                    dialog.take([_stats("web", 12.5, 20_000_000), _stats("db", 98.1, 412_000_000)])
                    await screen.wait("its stats")  # the line of keys follows the list
                await pictures.take(type(dialog).__name__)
                assert screen.app.screen is dialog
        pictures.compare()
    # What is drawn here, and the panes: there is nothing else.
    drawn = {type(dialog).__name__ for dialog in dialogs.made()} | {"WorkbenchScreen"}
    assert {kind.__name__ for kind in _screens()} == drawn, "screens of which there is no picture, or that are no more"
