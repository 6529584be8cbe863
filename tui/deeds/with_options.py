"""A new container with options of `run`, on an image or on any directory: its config.json, to be looked at first."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine import CutawayError, config_text, visible
from tui.bench import Bench
from tui.deeds.deed import Deed, Offer
from tui.dialogs.form import Field, Form, Values
from tui.state import State

if TYPE_CHECKING:
    from engine import ImageSummary, Job, RunOptions, Workbench

_COMMAND = Field("command", "command", hint="the image's own")
_CONFIG = Field("config", "config.json", hint="generated; or a file to take in its place")


def _options_field(bench: Bench) -> Field:
    usual = shlex.join(bench.state.flags.get("run", ()))
    return Field("options", "options, as of run", usual, hint="-p 8080:80 -v data:/data --name web")


def _parsed(values: Values) -> RunOptions:
    """Raises UsageError, and ValueError for a quotation mark that is not closed."""
    import msgspec

    from engine import parse_options  # brings all of config.json with it

    return msgspec.structs.replace(
        parse_options(shlex.split(values["options"])), args=tuple(shlex.split(values["command"]))
    )


def _wrong(values: Values) -> str:
    try:
        _parsed(values)
    except CutawayError as error:
        return error.message
    except ValueError:
        return "a quotation mark is not closed"
    if values["config"] and not Path(values["config"]).expanduser().is_file():
        return "there is no such file"
    return ""


async def _draft(bench: Bench, base: str, values: Values, line: str) -> None:
    """Open its config.json in the editor, in the place of one that is there."""
    options, config = _parsed(values), values["config"]

    def work(workbench: Workbench, job: Job) -> None:
        text = config_text(Path(config).expanduser()) if config else None
        take(workbench.draft(base, options, job, config=text))

    take = bench.conductor.from_thread(bench.conductor.drafts.opened)
    await bench.result(f"config.json for {base}", work, line)


def _line(bench: Bench, values: Values, base: str, *flags: str) -> str:
    try:
        options, command = shlex.split(values["options"]), shlex.split(values["command"])
    except ValueError:
        return ""
    flags = (*flags, *(["--config", values["config"]] if values["config"] else []))
    return bench.desk.command("create", *flags, *options, base, *command)


async def _of_image(bench: Bench, offer: Offer[ImageSummary]) -> None:
    name = offer.thing.reference
    there = bench.state.drafts.get(name)
    if there is not None and there.edited:
        lost = f"Throw away what you changed for {visible(there.title)}?"
        if not await bench.ask(lost, yes="Throw it away"):
            return

    def line(values: Values) -> str:
        return _line(bench, values, name)

    given = await bench.put(
        Form(
            f"A new container of {name}",
            [_options_field(bench), _COMMAND, _CONFIG],
            done="see its config.json",
            detail="Nothing is made yet: its config.json opens, and ctrl+l launches it.",
            line=line,
            wrong=_wrong,
        )
    )
    if given is not None:
        await _draft(bench, name, given, line(given))


async def of_directory(bench: Bench, offer: Offer[State]) -> None:
    """A container on a directory of this host, which stays as it is: what it writes goes on top."""

    def line(values: Values) -> str:
        return _line(bench, values, values["directory"] or "DIRECTORY", "--rootfs")

    def wrong(values: Values) -> str:
        if not values["directory"]:
            return "the directory is missing"
        return _wrong(values) if Path(values["directory"]).expanduser().is_dir() else "there is no such directory"

    directory = Field("directory", "its root filesystem", hint="a directory")
    given = await bench.put(
        Form(
            "A container of a directory",
            [directory, _options_field(bench), _COMMAND, _CONFIG],
            done="see its config.json",
            detail="The directory stays as it is: what the container writes goes into a layer on top.",
            line=line,
            wrong=wrong,
        )
    )
    if given is not None:
        await _draft(bench, f"rootfs:{Path(given['directory']).expanduser().absolute()}", given, line(given))


IMAGE_WITH_OPTIONS: Sequence[Deed[ImageSummary]] = (
    Deed(
        "image.new",
        "N",
        "a new container of it, with options of run…",
        _of_image,
        command=lambda i: ("create", "OPTIONS", i.reference),
        changes=False,
        shown=True,
        short="with options",
    ),
)
