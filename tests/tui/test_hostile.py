"""Names that want to write on the terminal, wherever the screen shows data: shown, never obeyed, never markup."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from hostile import HOSTILE, harmless
from hypothesis import given
from hypothesis import strategies as st
from textual.content import Content

from engine import (
    ContainerSummary,
    ImageSummary,
    JobFinished,
    JobStarted,
    LayerSummary,
    Outcome,
    Problem,
    Status,
    Step,
    StepKind,
    StepRecorded,
)
from tui.progress import Pull
from tui.text import unmarked


def _container(name: str) -> ContainerSummary:
    return ContainerSummary(
        id="0123456789ab",
        name=name,
        image=f"host/{name}:1",
        status=Status.CREATED,
        pid=0,
        created="2026-11-01T00:00:00Z",
        exit_code=None,
        command=(name,),
        started=None,
        finished=None,
        out_of_memory=False,
        working=True,
        terminal=False,
        interactive=False,
        mounted=False,
        path=Path("/nowhere") / "c",
    )


def _layer(name: str) -> LayerSummary:
    digest = "sha256:" + "1" * 64
    words = {"media_type": name, "path": name, "created_by": name}
    return LayerSummary(digest=digest, diff_id=digest, chain_id=digest, size=5, blob_size=4, files=3, **words)


PLACES = (
    *(["1", "x"], ["escape", "4", "x"], ["escape", "2", "enter"], ["escape", "at"], ["enter"], ["escape", "q", "J"]),
    *(["enter"], ["escape", "q", "M"], ["q", "ctrl+p"], ["escape", "4", "D"]),
)
"""Keys, and after each of these lists the screen is looked at."""


@pytest.mark.parametrize(
    ("size", "names"),
    [((120, 36), ("controls", "long")), ((80, 24), ("letters", "markup"))],
    ids=lambda value: "x".join(map(str, value)) if isinstance(value[0], int) else "+".join(value),
)
async def test_it_is_shown_and_not_obeyed(bench: Any, size: tuple[int, int], names: tuple[str, ...]) -> None:
    """One program for several names: what they show is put in its place afresh for each."""
    async with bench(size=size) as screen:
        await screen.wait("A container is an image", "no jobs")
        for kind in names:
            _show(screen.screen, HOSTILE[kind])
            harmless(screen)
            for keys in PLACES:
                await screen.press(*keys)
                harmless(screen)
            while screen.app.screen is not screen.screen:
                await screen.press("escape")
            await screen.press("1")


def _show(shell: Any, name: str) -> None:
    """This name wherever the screen shows data, and no other."""
    state = shell.state
    for kept in (state.pulls, state.work, state.steps, state.messages):
        kept.clear()
    state.images = [ImageSummary(f"host/{name}:1", "0" * 64, "sha256:" + "0" * 64, "", 5, 1)]
    state.containers = {"0123456789ab": _container(name)}
    state.pulls["j0"] = Pull("j0", name, "", problem=Problem("x", name, name), finished=True)
    step = Step(time.time(), 0.1, StepKind.MOUNT, f"mount {name}", name, name, name)
    events = [JobStarted("j9", name, name), StepRecorded("j9", step)]
    shell.conductor.deliver([*events, JobFinished("j9", Outcome.FAILED, Problem("x", name, name))])
    shell.show_images()
    shell.show_containers({})
    shell.layer_list.show([_layer(name)])
    shell.say(name)
    shell.show_command(f"cutaway rm {name}", "✗ failed", good=False)


@given(st.text(alphabet='[]/\\ab@= #A"(', max_size=12))
def test_text_in_the_place_of_markup(text: str) -> None:
    shown = Content.from_markup(unmarked(text))
    assert shown.plain in (text, text.replace("[", "("))
    assert not shown.spans
