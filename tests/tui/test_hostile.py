"""Names that want to write on the terminal, wherever the screen shows data: shown, never obeyed, never markup."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
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

HOSTILE = {
    "escape": "a\x1b[2J\x1b]0;title\x07b",
    "osc52": "c\x1b]52;c;aGVsbG8=\x07d",
    "c1": "e\x9b31mf\x90q",
    "bidi": "invoice\u202egpj.exe",
    "markup": "[bold red]x[/] [@click=app.quit]y[/] [link=file:///etc/passwd]z",
    "lines": "first\nsecond\r\tthird\u2028fourth",
    "long": "n" * 4096,
    "wide": "容器" * 200 + "\u200b\ufeff",
    "surrogate": "bytes \udcff\udc80 end",
}


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


@pytest.mark.parametrize(("kind", "size"), [(k, ((120, 36), (80, 24))[n % 2]) for n, k in enumerate(HOSTILE)])
async def test_it_is_shown_and_not_obeyed(bench: Any, kind: str, size: tuple[int, int]) -> None:
    name = HOSTILE[kind]
    async with bench(size=size) as screen:
        await screen.wait("A container is an image", "no jobs")
        shell = screen.screen
        shell.state.images = [ImageSummary(f"host/{name}:1", "0" * 64, "sha256:" + "0" * 64, "", 5, 1)]
        shell.state.containers = {"0123456789ab": _container(name)}
        shell.state.pulls["j0"] = Pull("j0", name, "", problem=Problem("x", name, name), finished=True)
        step = Step(time.time(), 0.1, StepKind.MOUNT, f"mount {name}", name, name, name)
        events = [JobStarted("j9", name, name), StepRecorded("j9", step)]
        shell.conductor.deliver([*events, JobFinished("j9", Outcome.FAILED, Problem("x", name, name))])
        shell.show_images()
        shell.show_containers({})
        shell.layer_list.show([_layer(name)])
        shell.say(name)
        shell.show_command(f"cutaway rm {name}", "✗ failed", good=False)
        _harmless(screen)
        for keys in PLACES:
            await screen.press(*keys)
            await screen.pilot.pause()
            _harmless(screen)


def _harmless(screen: Any) -> None:
    for line in screen.text.split("\n"):
        bad = {c for c in line if ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c in "\u202e\u2028\u200b\ufeff"}
        assert bad == set(), repr(line)
    for strip in screen.app.screen._compositor.render_strips():
        for segment in strip:
            meta = segment.style.meta if segment.style is not None else {}
            assert "app.quit" not in str(meta.get("@click", ""))
            assert segment.style is None or segment.style.link is None


@given(st.text(alphabet='[]/\\ab@= #A"(', max_size=12))
def test_text_in_the_place_of_markup(text: str) -> None:
    shown = Content.from_markup(unmarked(text))
    assert shown.plain in (text, text.replace("[", "("))
    assert not shown.spans
