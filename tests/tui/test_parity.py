"""What one front end can do the other can: the façade, the command line and the screen beside one another."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import click
import pytest

from engine import Workbench
from engine.cli.main import _READS, cutaway
from tui.deeds import ALL_DEEDS
from tui.panes.tabs import TABS
from tui.settings import bindings

CHECKOUT = Path(__file__).parents[2]

ON_THE_SCREEN = {
    "pull": "host.pull", "images": "go.images", "inspect": "container.inspect", "history": "image.history",
    "layers": "image.changes", "tag": "image.tag", "rmi": "image.remove",
    "files": "tab.files", "cat": "tab.files", "diff": "image.compare", "cp": "container.copy-in",
    "push": "image.push", "tags": "host.tags", "login": "host.login", "logout": "host.logout",
    "config": "image.open", "check": "tab.config", "explain": "tab.config", "adopt": "host.adopt",
    "edit": "container.config",
    "bundle": "draft.export",
    "mount": "image.mount", "umount": "container.remove", "commit": "container.commit",
    "save": "image.save", "load": "host.load", "import": "host.import",
    "run": "image.run-here", "create": "draft.launch", "start": "container.start", "attach": "container.attach",
    "ps": "go.containers", "logs": "container.output", "stop": "container.stop", "kill": "container.kill",
    "pause": "container.pause", "unpause": "container.unpause", "wait": "container.wait", "rm": "container.remove",
    "exec": "container.exec", "top": "container.stats", "restart": "container.restart",
    "rename": "container.rename", "update": "container.update", "stats": "host.stats",
    "events": "host.events", "volume ls": "host.volumes", "volume rm": "volumes.remove",
    "demo": "host.demo", "tour": "host.tour", "trace": "container.script",
    "system info": "bench.host", "system df": "host.usage", "system check": "host.check",
    "system prune": "host.prune", "config-file": "bench.help",
}  # fmt: skip
"""Where on the screen is done or seen what a command does: a deed, a key or a tab by its id."""

NOT_COMMANDS = {
    **dict.fromkeys(
        ("draft.open", "draft.write", "draft.discard", "draft.save", "draft.save-as"),
        "a draft is on the screen alone; on the command line it is a file: config > FILE, run --config FILE",
    ),
    "draft.change": "an editor's work on such a file; `edit` opens one on a container's",
    **dict.fromkeys(("pull.look", "pull.forget"), "a line of the screen"),
    "container.config": "its config.json is a file, and `container.inspect` has its command",
    "pull.cancel": "ctrl+c of the command that pulls",
}

NOT_ON_THE_SCREEN = {
    "sizes": "for ps --size; the Files tab shows file by file what a container has written",
    "sharers": "for rm --depend; there the refusal names them, and they are marked and removed",
    **dict.fromkeys(("copy_logs", "logs"), "the screen reads the log by line numbers: transcript"),
    **dict.fromkeys(("open_file", "layer_files"), "the screen reads through one index: inside"),
    **dict.fromkeys(("copy_in_tar", "extract_tar"), "for pipes: cp - and cp NAME:PATH -"),
    **dict.fromkeys(("damaged_images", "damaged_containers"), "the screen tells of them with the rest: host.check"),
    "explain": "the editor explains while it is written: where values come from is in the draft",
    **dict.fromkeys(("create", "revise"), "the screen does both by launch"),
    "wait_each": "for wait with several names; there one is waited for",
    "obtain": "what run --pull does; the screen pulls first, and shows it",
}
"""Methods of the façade that only the command line needs, and why."""

NOT_ON_THE_COMMAND_LINE = {
    **dict.fromkeys(("kept", "keep", "let_go"), "a draft is a file there, and kept as such"),
    **dict.fromkeys(("extract", "copy_in"), "`copy` does both"),
    **dict.fromkeys(("privileged", "with_privileged"), "run --privileged"),
    **dict.fromkeys(("shell", "image_shell"), "exec -it NAME sh: who types knows which"),
    **dict.fromkeys(("written", "transcript"), "diff and logs print what is read through these"),
    **dict.fromkeys(("config", "overlay"), "inspect prints config.json, layers and mount"),
    "baselines": "the names that diff and config print",
    "watch": "events --follow reads the record itself",
    "close": "the process ends",
}
"""Methods of the façade that only the screen needs, and why."""

FACADE = r"workbench(?:\(\))?"
"""What both front ends call the façade by: another object's `close` or `run` is not the façade's."""

OWN_BUSINESS = {"tui": NOT_ON_THE_SCREEN, "engine/cli": NOT_ON_THE_COMMAND_LINE}


def _commands(group: click.Group, before: str = "") -> list[str]:
    found = []
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        if isinstance(command, click.Group):
            found += _commands(command, f"{before}{name} ")
        else:
            found.append(f"{before}{name}")
    return found


def _ids() -> set[str]:
    keys = {binding.id or "" for own in bindings().values() for binding in own}
    return keys | set(ALL_DEEDS) | {f"tab.{tab.tab_id}" for tab in TABS}


def test_every_command_has_its_place_on_the_screen() -> None:
    commands = set(_commands(cutaway))
    assert commands - set(ON_THE_SCREEN) == set(), "commands without a place on the screen"
    assert set(ON_THE_SCREEN) - commands == set(), "commands that are no more"
    gone = {command: id for command, id in ON_THE_SCREEN.items() if id not in _ids()}
    assert gone == {}, "places that are not there"


def test_every_deed_is_a_command() -> None:
    silent = {deed.id for deed in ALL_DEEDS.values() if deed.command.__module__ == "tui.deeds.deed"}
    assert silent - set(NOT_COMMANDS) == set(), "these show no command line"
    assert set(NOT_COMMANDS) - set(ALL_DEEDS) == set(), "deeds that are no more"
    assert set(NOT_COMMANDS) - silent == set(), "these show a command line, and need no reason"


def test_what_read_only_refuses_is_refused_by_both() -> None:
    deeds = {command: ALL_DEEDS[id] for command, id in ON_THE_SCREEN.items() if id in ALL_DEEDS}
    del deeds["edit"]  # on the screen it is looked at first, and written in there
    assert [command for command, deed in deeds.items() if deed.changes and command in _READS] == []
    assert [command for command, deed in deeds.items() if not deed.changes and command not in _READS] == []


@pytest.mark.parametrize("front", ["tui", "engine/cli"])
def test_every_method_of_the_facade_is_reached_by_both(front: str) -> None:
    source = "\n".join(path.read_text() for path in (CHECKOUT / front).rglob("*.py"))
    methods = {
        name
        for name, found in inspect.getmembers(Workbench)
        if not name.startswith("_") and (inspect.isfunction(found) or isinstance(found, property))
    }
    missing = {name for name in methods if not re.search(rf"{FACADE}\.{name}\b", source)}
    assert missing - set(OWN_BUSINESS[front]) == set(), "methods that it does not reach"
    assert set(OWN_BUSINESS[front]) - methods == set(), "methods that are no more"
    assert set(OWN_BUSINESS[front]) - missing == set(), "these it reaches, and needs no reason"


NOT_GIVEN = {
    "tui": {
        ("check", "bundle"): "what is written there is a container's to be, and judged as that",
        ("copy_in", "overwrite"): "`copy` has it; this writes back a file that was edited",
        ("extract", "devices"): "they are no files to look at; between containers `copy` says it",
        ("extract", "overwrite"): "`copy` has it; this copies out the file under the cursor",
        ("extract", "replace"): "`copy` has it; this copies out the file under the cursor",
        ("happenings", "since"): "the newest 2,000 are listed, and filtered there",
        ("happenings", "until"): "the newest 2,000 are listed, and filtered there",
        ("happenings", "follow"): "they are read again when the engine tells of a change",
        ("launch", "keep"): "what cannot be started is a draft again",
        ("stats", "every"): "once a second, as they are drawn",
        ("stats", "once"): "until the tab is left",
        ("stats", "idle"): "what does not run is said to, in its own tab",
    },
    "engine/cli": {("launch", "start"): "`create` and `start` are two commands"},
}
"""What a front end that calls a method of the façade never says to it, and why."""


def _said(front: str) -> set[tuple[str, str]]:
    """Each name of a method that is called with each parameter that is given to it by name; `*` for all of them."""
    found = set()
    for path in (CHECKOUT / front).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                called = [each for each in ast.walk(node.func) if isinstance(each, ast.Attribute)]
                found |= {(each.attr, word.arg or "*") for each in called for word in node.keywords}
    return found


@pytest.mark.parametrize("front", ["tui", "engine/cli"])
def test_every_wish_that_the_facade_takes_is_said_by_both(front: str) -> None:
    said = _said(front)
    silent = {
        (name, wish.name)
        for name, method in inspect.getmembers(Workbench, inspect.isfunction)
        if not name.startswith("_") and name not in OWN_BUSINESS[front] and (name, "*") not in said
        for wish in inspect.signature(method).parameters.values()
        if wish.kind is wish.KEYWORD_ONLY and (name, wish.name) not in said
    }
    assert silent - set(NOT_GIVEN[front]) == set(), "what it never says to the façade"
    assert set(NOT_GIVEN[front]) - silent == set(), "these it says, and needs no reason"
