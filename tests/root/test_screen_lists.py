"""Marks, orders, filters and the lists over the whole screen, on real containers."""

from __future__ import annotations

import re
from typing import Any

import pytest
from command_line import Cutaway

from engine.disk import DataRoot

pytestmark = pytest.mark.root

DEMO = "localhost/cutaway/demo:latest"


async def test_several_at_once_with_one_question(cutaway: Cutaway, bench: Any, data_root: DataRoot) -> None:
    for name in ("bravo", "alpha", "charlie"):
        cutaway("create", "--name", name, DEMO, "sh", "-c", f"echo {name} says hello; exec sleep 600")
    cutaway("start", "charlie")
    async with bench(root=data_root.path) as screen:
        await screen.wait("charlie says hello", "no jobs|1 running")
        await screen.press("4")
        lists = screen.screen.container_list
        names = lambda: [re.search(r"alpha|bravo|charlie", t)[0] for t in _lines(screen) if "sleep" not in t]  # noqa: E731
        assert names() == ["charlie", "alpha", "bravo"]
        await screen.press("o")
        await screen.wait("by name ↑")
        assert names() == ["alpha", "bravo", "charlie"]
        await screen.press("O")
        await screen.wait("by name ↓")
        assert names() == ["charlie", "bravo", "alpha"]
        await screen.press("slash", "exclamation_mark")
        await screen.type("bravo")
        await screen.press("enter")
        await screen.wait("2 of 3", without=r"[○◌●] bravo")
        await screen.press("slash", "escape")
        await screen.wait("bravo +created")

        await screen.press("asterisk")
        await screen.wait("3 marked", r"✓◌ bravo", r"✓● charlie")
        await screen.press("r")  # what runs already is left alone, and starting needs no question
        await screen.wait("3 running")
        await screen.press("u")
        await screen.wait("3 containers", r"by CPU · o another order · enter its stats", "bravo")
        await screen.press("enter")
        await screen.wait(r"containers › (alpha|bravo|charlie) › Stats", without="another order")
        await screen.press("4")
        await screen.press("D")
        await screen.wait("Remove 3 containers", "charlie is running. Kill it")
        await screen.press("n")
        await screen.press("x")
        await screen.wait("3 marked", "kill", without="its output")
        await screen.press("K")
        await screen.wait("Kill 3 containers", "Kill bravo")
        await screen.press("enter")  # the default is no
        await screen.wait("3 running", without="Kill 3")
        await screen.press("K", "y")
        await screen.wait("exited 137.*\n.*exited 137.*\n.*exited 137")
        await screen.press("escape")
        await screen.wait(without="3 marked")
        await screen.press("home", "space", "space", "D")
        await screen.wait("Remove 2 containers")
        await screen.press("y")
        await screen.wait(r"\[4\] Containers 1")
        assert lists.list.marked == []


def _lines(screen: Any) -> list[str]:
    return [line[:39] for line in screen.text.split("\n") if re.search(r"[◌●○] (alpha|bravo|charlie)", line[:39])]


async def test_the_record_of_everything(cutaway: Cutaway, bench: Any, data_root: DataRoot) -> None:
    cutaway("create", "--name", "once", DEMO, "true")
    async with bench(root=data_root.path) as screen:
        await screen.wait("once +created", "no jobs")
        await screen.press("at")
        await screen.wait("Everything the engine did", "mount -t overlay|tar", r"\d+ commands")
        await screen.press("slash")
        await screen.type("runc")
        await screen.press("enter")
        await screen.wait("runc .*create|nothing matches")
        await screen.press("escape", "escape")  # the filter first
        await screen.wait(without="Everything the engine did")
        await screen.press("4", "r")
        await screen.wait("once +exited 0")
        await screen.press("at", "slash")
        await screen.type("runc")
        await screen.press("enter")
        text = await screen.wait("runc +runc --root", r"process \d+, held by conmon")
        assert not re.search(r"ms (layer|store|config)", text)
        copied: list[str] = []
        screen.app.copy_to_clipboard = copied.append
        await screen.press("y")
        await screen.wait("Copied the command")
        await screen.press("Y")
        await screen.wait(r"Copied \d+ commands")
        assert copied[0] in copied[1]
        assert all("runc" in line for line in copied[1].splitlines())
        await screen.press("enter")
        await screen.wait("began", "took", "of the job")
        await screen.press("escape", "q", "M")
        await screen.wait("What was said", "Copied the command")
        await screen.press("q", "J")
        await screen.wait("Jobs", "start once", "✓ done")
        await screen.press("enter")
        # Wherever the long line is broken.
        said = re.compile("command cutaway --root .+ start once job start once")
        await screen.wait(lambda text: said.search(" ".join(text.replace("│", "").split())))
