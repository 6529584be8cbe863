"""A config.json changed by the small forms, saved, and made a container of without a start; and the way back."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pilot import Bench
from pressing import paste, replace

from engine import Job, Status, Workbench
from tui.subjects import OfDraft

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("demo")]

Open = Callable[..., Any]
DEMO = "localhost/cutaway/demo:latest"


async def _editor(screen: Bench) -> None:
    await screen.wait("cutaway/demo", "no jobs")
    await screen.press("1", "enter")
    await screen.wait("0 edits", "no problems")


def _text(screen: Bench) -> str:
    return screen.screen.state.drafts[DEMO].text


async def _form(screen: Bench, key: str, heading: str) -> str:
    """Open a form of ctrl+t; the text as it was."""
    before = _text(screen)
    await screen.press("ctrl+t")
    await screen.wait("Change", "an environment variable")
    await screen.press(key)
    if heading:
        await screen.wait(heading, without="the command, as a shell line")
    return before


async def _taken(screen: Bench, before: str, wanted: str) -> tuple[list[str], list[str]]:
    """After enter: the lines that came and those that went, commas at their ends apart."""
    await screen.press("enter")
    await screen.wait(lambda _: _text(screen) != before and wanted in _text(screen), r"[1-9]\d* edit")
    old, new = ([text.rstrip(",") for text in whole.splitlines()] for whole in (before, _text(screen)))
    found = list(difflib.ndiff(old, new))
    return [text[2:].strip() for text in found if text[0] == "+"], [
        text[2:].strip() for text in found if text[0] == "-"
    ]


async def test_each_form_makes_the_smallest_change(workbench: Workbench, bench: Open, tmp_path: Path) -> None:
    async with bench(root=workbench.root.path) as screen:
        await _editor(screen)
        before = await _form(screen, "e", "An environment variable")
        await screen.press("enter")
        await screen.wait("✗ nothing is written")
        await paste(screen, "MINE=a b")
        assert await _taken(screen, before, "MINE") == (['"MINE=a b"'], [])

        before = await _form(screen, "m", "A mount")
        await paste(screen, "relative:to:nothing:at:all")
        await screen.wait("✗ ")
        await replace(screen, f"{tmp_path}:/data:ro")
        came, went = await _taken(screen, before, '"/data"')
        assert went == []
        mount = next(each for each in json.loads(_text(screen))["mounts"] if each["destination"] == "/data")
        assert (mount["source"], mount["type"], "ro" in mount["options"]) == (str(tmp_path), "bind", True)

        before = await _form(screen, "v", "A device")
        await paste(screen, "/dev/nothing-like-it")
        await screen.wait("✗ ")
        await replace(screen, "/dev/null:/dev/mine:rw")
        came, went = await _taken(screen, before, "/dev/mine")
        assert went in ([], ['"devices": []'])
        config = json.loads(_text(screen))["linux"]
        device = next(each for each in config["devices"] if each["path"] == "/dev/mine")
        assert (device["type"], device["major"], device["minor"]) == ("c", 1, 3)
        rule = config["resources"]["devices"][-1]
        assert (rule["allow"], rule["major"], rule["minor"], rule["access"]) == (True, 1, 3, "rw")

        before = await _form(screen, "n", "Namespaces of its own")
        await screen.type("ipc")
        await screen.press("space")
        await screen.wait("-ipc")
        came, went = await _taken(screen, before, "")
        kinds = [each["type"] for each in json.loads(_text(screen))["linux"]["namespaces"]]
        assert "ipc" not in kinds
        assert '"type": "ipc"' in "".join(went)
        assert not any("process" in text or "root" in text for text in (*came, *went))
        before = await _form(screen, "n", "Namespaces of its own")
        await screen.type("ipc")
        await screen.press("space")
        await screen.wait(r"\+ipc")
        await _taken(screen, before, '"ipc"')

        plain = _text(screen)
        bounding = len(json.loads(plain)["process"]["capabilities"]["bounding"])
        await _form(screen, "p", "")
        await screen.until(lambda: _text(screen) != plain)
        config = json.loads(_text(screen))
        assert len(config["process"]["capabilities"]["bounding"]) > bounding
        assert "seccomp" not in config["linux"]
        assert config["process"]["env"] == json.loads(plain)["process"]["env"]
        await screen.press("ctrl+t")
        await screen.wait("privileged: on, turn it off")
        await screen.press("p")
        await screen.until(lambda: json.loads(_text(screen)) == json.loads(plain))


async def test_saved_and_created_without_a_start(workbench: Workbench, bench: Open, tmp_path: Path) -> None:
    file, other = tmp_path / "mine.json", tmp_path / "there.json"
    other.write_text("theirs")
    async with bench(root=workbench.root.path) as screen:
        await _editor(screen)
        before = await _form(screen, "e", "An environment variable")
        await paste(screen, "MINE=1")
        await _taken(screen, before, "MINE")
        await screen.press("ctrl+s")
        await screen.wait("Save the config.json")
        await replace(screen, f"{tmp_path}/no/such/file")
        await screen.wait("✗ there is no directory")
        await replace(screen, str(tmp_path))
        await screen.wait("✗ .*directory")
        await replace(screen, str(file))
        await screen.wait(without="✗")
        await screen.press("enter")
        await screen.wait("Saved to ", lambda _: file.exists())
        assert file.read_text() == _text(screen)
        assert file.stat().st_mode & 0o777 == 0o600
        file.write_text("older")
        await screen.press("ctrl+s")  # there again, without a word
        await screen.until(lambda: file.read_text() == _text(screen))

        await screen.press("escape")
        await screen.wait("reading")
        await screen.press("S")
        await screen.wait("Save the config.json")
        await replace(screen, str(other))
        await screen.press("enter")
        await screen.wait("No +Write over it")  # what it is about may wrap anywhere
        await screen.press("enter")  # the default is no
        await screen.wait(without="Write over it")
        assert other.read_text() == "theirs"
        await screen.press("S")
        await screen.wait("Save the config.json")
        await replace(screen, str(other))
        await screen.press("enter", "y")
        await screen.until(lambda: other.read_text() == _text(screen))
        assert sorted(path.name for path in tmp_path.iterdir() if "json" in path.name) == ["mine.json", "there.json"]

        await screen.press("ctrl+l")
        await screen.wait("Launch new container", "leave the start for later")
        await screen.press("c")
        await screen.wait("demo-1 +created", "Containers 1", without="Launch new")
    made = workbench.containers()[0]
    assert made.status is Status.CREATED
    assert "MINE=1" in workbench.inspect(made.id)["config"]["process"]["env"]
    workbench.remove(made.id, Job("test", lambda event: None))


async def test_the_way_is_told_and_leads_back(workbench: Workbench, bench: Open) -> None:
    async with bench(root=workbench.root.path) as screen:
        await screen.wait("cutaway/demo", "no jobs", "images › cutaway/demo:latest › Config")
        await screen.press("minus")
        await screen.wait("There is nothing that was looked at before this")
        await screen.press("right_square_bracket")
        await screen.wait("images › cutaway/demo:latest › Files", "usr/")
        await screen.press("minus")
        await screen.wait("cutaway/demo:latest › Config")
        await screen.press("minus")
        await screen.wait("cutaway/demo:latest › Files", "▸ usr/")
        await screen.press("asterisk")
        await screen.wait("▾ usr/")
        await screen.press("Z")
        await screen.wait("▸ usr/")
        await screen.press("1", "enter")
        await screen.wait("› new container › Config", "0 edits")
        assert screen.screen.looking.subject == OfDraft(DEMO)
        await screen.press("escape", "minus")
        await screen.wait("cutaway/demo:latest › (Config|Files)", without="› new container")


async def test_what_was_said_does_not_lie_over_another_thing(workbench: Workbench, bench: Open) -> None:
    job = Job("test", lambda event: None)
    workbench.tag(DEMO, "other:1", job)
    async with bench(root=workbench.root.path) as screen:
        await screen.wait("cutaway/demo", "no jobs", "Images 2")
        screen.screen.say("something of the first one")
        screen.screen.notify("something of the first one", timeout=600)  # as long as this machine may need
        screen.screen.said_at += 600
        await screen.wait("something of the first one")
        await screen.press("1", "down")
        await screen.wait("something of the first one")  # just now: it may be what this step was about
        screen.screen.said_at -= 660
        await screen.press("up")
        await screen.wait(without="something of the first one")
        await screen.press("M")
        await screen.wait("What was said", "something of the first one")
