"""A further process in a container, as `exec` has it: on the terminal, in the background, or for its output."""

from __future__ import annotations

import os
import re
import shlex
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from tui.bench import Bench
from tui.deeds.conditions import not_running
from tui.deeds.deed import Deed, Offer
from tui.dialogs.form import Field, Form, Values
from tui.dialogs.page import Page
from tui.terminal import DETACH, linger, visit

if TYPE_CHECKING:
    from engine import Attachment, ContainerSummary, ExecOptions, Job, Workbench

    _Offer: TypeAlias = Offer[ContainerSummary]

MOST_SHOWN = 256 << 10
"""Bytes of an output that are kept to be shown: the last."""

_VARIABLE = re.compile(r"[^=\s]+(=.*)?", re.DOTALL)

_FIELDS = (
    Field("line", "command", hint="ls -l /etc"),
    Field("user", "as the user", hint="the container's own; a name, a number, USER:GROUP"),
    Field("workdir", "in the directory", hint="the container's own"),
    Field("env", "with the variables", hint="NAME=VALUE …; NAME alone takes ours"),
    Field("files", "and those of files", hint="FILE …"),
    Field("terminal", "on this terminal (-it): for what is typed into", toggle=True),
    Field("detach", "in the background (-d)", toggle=True),
    Field("privileged", "with every capability (--privileged)", toggle=True),
)


async def _exec(bench: Bench, offer: _Offer) -> None:
    container = offer.thing

    def line(values: Values) -> str:
        if _wrong(values):
            return bench.desk.command("exec", container.name, "COMMAND")
        return bench.desk.command("exec", *_flags(values), container.name, *shlex.split(values["line"]))

    form = Form(
        f"Run a command in {container.name}",
        _FIELDS,
        done="run it",
        detail="Without a terminal what it says is shown here, when it has ended.",
        line=line,
        wrong=_wrong,
    )
    given = await bench.put(form)
    if given is None:
        return
    options = _options(given)
    if given["detach"]:
        bench.job(
            f"exec {options.args[0]} in {container.name}",
            lambda workbench, job: workbench.exec(container.id, options, None, job),
            line(given),
        )
    elif given["terminal"]:
        _here(bench, container, options, line(given))
    else:
        await _show(bench, container, options, line(given))


def _wrong(values: Values) -> str:
    try:
        words, variables = shlex.split(values["line"]), shlex.split(values["env"])
        shlex.split(values["files"])
    except ValueError:
        return "a quotation mark is not closed"
    if not words:
        return "the command is missing"
    if unfit := [each for each in variables if not _VARIABLE.fullmatch(each)]:
        return f"{unfit[0]!r} is no NAME=VALUE"
    return "on this terminal, or in the background: one of them" if values["terminal"] and values["detach"] else ""


def _flags(values: Values) -> list[str]:
    flags = ["-d"] * bool(values["detach"]) + ["-it"] * bool(values["terminal"])
    flags += ["--privileged"] * bool(values["privileged"])
    for each in shlex.split(values["env"]):
        flags += ["-e", each]
    for each in shlex.split(values["files"]):
        flags += ["--env-file", each]
    for flag, name in (("-u", "user"), ("-w", "workdir")):
        flags += [flag, values[name]] if values[name] else []
    return flags


def _options(values: Values) -> ExecOptions:
    from engine import ExecOptions  # brings all of config.json with it

    return ExecOptions(
        args=tuple(shlex.split(values["line"])),
        env=tuple(shlex.split(values["env"])),
        env_files=tuple(os.path.expanduser(path) for path in shlex.split(values["files"])),
        workdir=values["workdir"] or None,
        user=values["user"] or None,
        privileged=bool(values["privileged"]),
        terminal=bool(values["terminal"]),
        interactive=bool(values["terminal"]),
    )


def _here(bench: Bench, container: ContainerSummary, options: ExecOptions, command: str) -> None:
    def work(workbench: Workbench, job: Job, to: Attachment) -> int | None:
        code = workbench.exec(container.id, options, to, job)
        if code is not None:
            linger(f"It ended with {code}. enter brings you back.", to, job.token)
        return code

    leaving = [f"{DETACH} brings you back, and the command goes on"]
    visit(bench, f"exec {options.args[0]} in {container.name}", command, leaving, work)


async def _show(bench: Bench, container: ContainerSummary, options: ExecOptions, command: str) -> None:
    def work(workbench: Workbench, job: Job) -> tuple[int | None, str]:
        return _caught(workbench, container.id, options, job)

    done = await bench.result(f"exec {options.args[0]} in {container.name}", work, command)
    if done is not None:
        code, said = done
        title = f"{options.args[0]} in {container.name} ended with {code}"
        await bench.put(Page(title, [("", said.rstrip("\n") or "It said nothing.")], copies="what it said"))


def _caught(workbench: Workbench, id: str, options: ExecOptions, job: Job) -> tuple[int | None, str]:
    """Run it to its end; its exit code, and what it said last."""
    from engine import Attachment

    read, write = os.pipe()
    said, lost = bytearray(), 0

    def keep() -> None:
        nonlocal lost
        while data := os.read(read, 65536):
            said.extend(data)
            if (over := len(said) - MOST_SHOWN) > 0:
                lost += over
                del said[:over]

    reader = threading.Thread(target=keep, name="cutaway-exec", daemon=True)
    reader.start()
    try:
        code = workbench.exec(id, options, Attachment(None, write, write), job)
    finally:
        os.close(write)
        reader.join()
        os.close(read)
    before = f"… {lost:,} bytes before these\n" if lost else ""
    return code, before + said.decode("utf-8", "replace")


CONTAINER_EXECUTING: Sequence[Deed[ContainerSummary]] = (
    Deed(
        "container.exec",
        "X",
        "run a command in it…",
        _exec,
        command=lambda c: ("exec", c.name, "COMMAND"),
        why_not=not_running,
        shown=True,
        everywhere=True,
        short="exec",
    ),
)
