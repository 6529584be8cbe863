"""What one front end can say the other can: each command's options, beside the command lines that the screen shows."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest

from engine import CutawayError, Job, Neighbour, RunOptions, Status, Workbench, parse_options
from engine.cli.main import cutaway
from engine.disk import DataRoot
from tui.deeds import ALL_DEEDS, DEEDS, Deed, Offer
from tui.dialogs.form import Form
from tui.panes.files.commit import CommitWish, words
from tui.panes.tabs import TABS
from tui.progress import Pull
from tui.settings import bindings
from tui.state import State, Writing
from tui.subjects import OfContainer, OfDraft, OfHost, OfImage, OfJob, OfNeighbour, OfRevision

pytestmark = pytest.mark.root

DEMO = "localhost/cutaway/demo:latest"
CHECKOUT = Path(__file__).parents[2]

ABOUT_PRINTING = {"--json", "--quiet", "--no-trunc", "--noheading"}
"""How a command's text is written; the screen draws the same data in its own way."""

ABOUT_CHOOSING = {"--all", "--latest", "--filter", "--ignore", "--last", "--sort", "--running", "--cidfile"}
"""Which things a command is about; on the screen those under the cursor or marked, found by `/` and put in order."""

OF_A_TERMINAL = {"--detach-keys", "--sig-proxy"}
"""How the command line's own terminal and signals are wired; the screen has one way, and says it."""

BY_RUN = {"run", "create", "config", "bundle"}
"""Commands that take run's options: the screen takes those as words (image.new), and reads them by the same reader."""

PULLED_BEFORE = {"--pull", "--platform", "--tls-verify"}
"""Of those commands, about a pull on the way: the screen pulls by itself, with the same options, and shows it."""

BY_A_KEY = {
    ("files", "--recursive"): "tab.files",
    ("files", "--layer"): "files.lower",
    ("ps", "--size"): "files.overlay",
    ("config", "--explain"): "tab.config",
    ("logs", "--tail"): "log.follow",
    ("logs", "--since"): "output.since",
    ("logs", "--until"): "output.since",
    ("logs", "--timestamps"): "log.times",
    ("logs", "--names"): "output.merge",
    ("start", "--attach"): "container.start-here",
    ("start", "--interactive"): "container.start-here",
    ("attach", "--no-stdin"): "container.output",
    ("events", "--since"): "sheet.filter",
    ("events", "--until"): "sheet.filter",
    ("tour", "--keep"): "tour.keep",
    ("load", "--input"): "host.load",
}
"""Options whose place on the screen is a key or a tab, by its id."""

NOT_ON_THE_SCREEN = {
    ("cp", "-a"): "podman's word for what is so anyway",
    ("save", "--multi-image-archive"): "podman's word for what is so anyway",
    ("rm", "--volumes"): "podman's word for what is so anyway",
    ("wait", "--interval"): "podman's word for what is so anyway",
    ("wait", "--condition"): "podman's word: both of its values are the same end",
    ("rm", "--time"): "two steps there: stop within a time, and remove",
    ("rm", "--depend"): "two steps there: remove those that it names, and then that one",
    ("push", "--digestfile"): "the digest is told, and can be copied",
    ("images", "--digests"): "podman's word for what is so anyway",
    ("inspect", "--format"): "how it is printed",
    ("ps", "--format"): "how it is printed",
    ("ps", "--sync"): "podman's word for what is so anyway",
    ("run", "--replace"): "two steps there: remove, and make anew",
    ("create", "--replace"): "two steps there: remove, and make anew",
    ("run", "--quiet"): "the screen shows a pull in its own place",
    ("create", "--quiet"): "the screen shows a pull in its own place",
    ("stats", "--format"): "how it is printed",
    ("events", "--format"): "how it is printed",
    ("events", "--stream"): "the list goes on by itself",
    ("stats", "--no-stream"): "the numbers go on by themselves, and stop when the tab is left",
    ("system prune", "--force"): "podman's word for what is so anyway",
    ("stats", "--no-reset"): "podman's word for what is drawn on a terminal",
    ("stats", "--interval"): "once a second, as drawn",
    ("check", "--bundle"): "what is written there is a container's to be, not a bundle's",
    ("login", "--password-stdin"): "the form asks, and hides what is typed",
    ("adopt", "--output"): "what is adopted opens in the editor, and ctrl+s saves it",
    ("adopt", "--print"): "what is adopted opens in the editor",
    ("adopt", "--tls-verify"): "the image is pulled before, with its own form",
    ("top", "--json"): "how it is printed",
}
"""Options that the screen has not, and why."""


def commands(group: click.Group, before: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command with its name."""
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        if isinstance(command, click.Group):
            yield from commands(command, f"{before}{name} ")
        elif command is not None:
            yield f"{before}{name}", command


class Anything:
    """Whatever is asked of it, it does nothing."""

    def __getattr__(self, name: str) -> Any:
        return Anything()

    def __call__(self, *args: object, **more: object) -> Any:
        return Anything()


class Listener:
    """A bench on which deeds ask, and do nothing: it knows the command lines that they would show."""

    def __init__(self, workbench: Workbench, state: State) -> None:
        self.state, self.desk, self.workbench = state, self, workbench
        self.conductor = Anything()
        self.listeners: list[Callable[..., object]] = []
        self.said: list[tuple[str, ...]] = []

    def command(self, *line: str) -> str:
        self.said.append(line)
        return " ".join(line)

    async def ask(self, question: Any, **more: object) -> Any:
        return await asyncio.to_thread(question, self.workbench) if callable(question) else True

    async def put(self, dialog: object) -> None:
        """Read the command lines of a form: as it opens, with every field filled, and with each toggle turned."""
        if isinstance(dialog, Form):
            toggles = [field.name for field in dialog._fields if field.toggle]
            filled = {field.name: "" if field.toggle else __file__ for field in dialog._fields}
            for values in ({}, filled, *({**filled, name: "yes"} for name in toggles)):
                dialog._line({field.name: field.value for field in dialog._fields} | values)

    async def result(self, *args: object, **more: object) -> None:
        return None

    def later(self, work: Any) -> None:
        work.close()

    def __getattr__(self, name: str) -> Any:  # say, job, look, show_command, at_terminal…
        return Anything()


async def shown(workbench: Workbench) -> set[tuple[str, str]]:
    """Each command with each of the options that the screen can show it with, both of their longest names."""
    job = Job("test", lambda event: None)
    draft = workbench.draft(DEMO, RunOptions(name="parity"), job)
    container = workbench.create(draft, job)
    running = msgspec.structs.replace(container, status=Status.RUNNING)
    writings = [Writing(draft), Writing(workbench.reopen("parity"), revises=True)]
    writings.append(Writing(msgspec.structs.replace(draft, image="/a/directory")))
    for writing in writings:
        writing.text += "\n"
    image = workbench.images()[0]
    things: dict[type, list[Any]] = {
        OfImage: [image],
        OfContainer: [container, running, msgspec.structs.replace(container, working=True)],
        OfDraft: [writings[0], writings[2]],
        OfRevision: writings[1:2],
        OfNeighbour: [Neighbour("podman", "1", "n", "i", "running")],
        OfJob: [Pull("j", "x", "")],
        OfHost: [State()],
    }
    state = State(images=[image], containers={container.id: container})
    bench = Listener(workbench, state)
    for kind, deeds in DEEDS.items():
        for deed in deeds:
            for thing in things[kind]:
                bench.said.append(tuple(deed.command(thing)))
                await act(bench, deed, thing)
    ways = [(False, False), (True, False), (True, True)]
    bench.said += [tuple(w.words(start=start, attached=attached)) for w in writings for start, attached in ways]
    wish = CommitWish("x", "m", "a", ("CMD x",), True, True, True, "3", True, ("/x",))
    bench.said.append(tuple(words("parity", wish)))
    found = set()
    for name, command in commands(cutaway):
        options = [each for each in command.params if isinstance(each, click.Option)]
        for line in bench.said:
            if line[: len(name.split())] == tuple(name.split()):
                for option in options:
                    if any(_is_in(each, line) for each in option.opts):
                        found.add((name, max(option.opts, key=len)))
    workbench.remove("parity", job)
    return found


async def act(bench: Any, deed: Deed[Any], thing: Any) -> None:
    """Do it as far as it asks."""
    offer = Offer(deed, None, thing, "", "", "", "")
    try:
        done = deed.act(bench, offer)
        if inspect.isawaitable(done):
            await done
    except CutawayError:  # it wants what is not here
        pass


def _is_in(option: str, line: tuple[str, ...]) -> bool:
    if option.startswith("--"):
        return any(word == option or word.startswith(f"{option}=") for word in line)
    return any(word[:1] == "-" != word[1:2] and option[1] in word[1:3] for word in line)


async def test_every_option_is_on_the_screen_too(data_root: DataRoot) -> None:
    workbench = Workbench(data_root.path)
    workbench.demo(Job("test", lambda event: None))
    there = await shown(workbench)
    ids = (
        {binding.id for own in bindings().values() for binding in own}
        | set(ALL_DEEDS)
        | {f"tab.{tab.tab_id}" for tab in TABS}
    )
    assert set(BY_A_KEY.values()) - ids == set(), "keys that are no more"
    missing, needless = set(), set()
    for name, command in commands(cutaway):
        for option in command.params:
            if not isinstance(option, click.Option):
                continue
            word = max(option.opts, key=len)
            elsewhere = word in ABOUT_PRINTING | ABOUT_CHOOSING | OF_A_TERMINAL or (name, word) in BY_A_KEY
            elsewhere |= name in BY_RUN and (word in PULLED_BEFORE or _is_read(option))
            if (name, word) not in there and not elsewhere and (name, word) not in NOT_ON_THE_SCREEN:
                missing.add(f"{name} {word}")
            if (name, word) in NOT_ON_THE_SCREEN and (name, word) in there:
                needless.add(f"{name} {word}")
    assert missing == set(), "options that the screen has not"
    assert needless == set(), "reasons for what the screen has"


def _is_read(option: click.Option) -> bool:
    """Whether the words of the screen's own form may have it."""
    word = max(option.opts, key=len)
    for line in ([word], [word, "1"], [f"{word}=x:y"]):
        try:
            parse_options(line)
        except CutawayError as error:
            if "No such option" not in error.message:
                return True
        else:
            return True
    return False
