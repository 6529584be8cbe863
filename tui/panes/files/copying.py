"""Asks for paths, and copies files into a container or out of a container or an image, as `cp` does."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from engine import copied_name, place_within
from tui.bench import Bench
from tui.dialogs.form import Field, Form, Values
from tui.files_out import may_write, place

if TYPE_CHECKING:
    from engine import ContainerSummary

_INTO = "A directory that is there gets it inside; otherwise it is the new name. PATH/. is a directory's content."


def _host(typed: str) -> str:
    """A path of this host, as `cp` tells it from a NAME:PATH: with the slash or dot at its end, which is meant."""
    return os.path.join(os.getcwd(), os.path.expanduser(typed))


def _source(typed: str) -> str:
    """What is copied: a NAME:PATH, unless there is such a file here."""
    return typed if place_within(typed) and not os.path.lexists(_host(typed)) else _host(typed)


async def copy_in(bench: Bench, container: ContainerSummary, path: str = "/") -> None:
    """Ask what to copy into it, and where in it."""

    def flags(values: Values) -> list[str]:
        return ["--archive=false"] * bool(values["owners"]) + ["--overwrite"] * bool(values["over"])

    def line(values: Values) -> str:
        source = _source(values["from"]) if values["from"] else "PATH"
        return bench.desk.command("cp", *flags(values), source, f"{container.name}:{_inside(values['to'])}")

    def wrong(values: Values) -> str:
        if not values["from"]:
            return "what to copy is missing"
        source = _source(values["from"])
        return "" if place_within(source) or os.path.lexists(source) else "there is no such file here"

    fields = [
        Field("from", "from, on this host", hint="PATH, or NAME:PATH of another container or an image"),
        Field("to", f"to, in {container.name}"[:40], path),
        Field("owners", "owners stay as they are; otherwise they are its user's", toggle=True),
        Field("over", "a file may take a directory's place, and the other way round", toggle=True),
    ]
    given = await bench.put(
        Form(f"Copy files into {container.name}", fields, done="copy", detail=_INTO, line=line, wrong=wrong)
    )
    if given is not None:
        source, target = _source(given["from"]), f"{container.id}:{_inside(given['to'])}"
        keep, over = bool(given["owners"]), bool(given["over"])
        bench.job(
            f"copy into {container.name}",
            lambda workbench, job: workbench.copy(source, target, job, keep_owner=keep, overwrite=over),
            line(given),
        )


def _inside(typed: str) -> str:
    return "/" + typed.lstrip("/")


async def copy_out(bench: Bench, name: str, called: str, path: str = "") -> None:
    """Ask what to copy out of a container or an image, and where to."""

    def line(values: Values) -> str:
        flags = ["--overwrite"] * bool(values["over"])
        target = _host(values["to"]) if values["to"] else "PATH"
        return bench.desk.command("cp", *flags, f"{called}:{_inside(values['from'] or 'PATH')}", target)

    def wrong(values: Values) -> str:
        if not values["from"]:
            return "what to copy is missing"
        return "" if values["to"] else "where to is missing"

    fields = [
        Field("from", "from, in it", path, hint="/etc/passwd"),
        Field("to", "to, on this host", f"{Path.cwd()}/"),
        Field("over", "a file may take a directory's place, and the other way round", toggle=True),
    ]
    form = Form(f"Copy files out of {called}", fields, done="copy", detail=_INTO, line=line, wrong=wrong)
    given = await bench.put(form)
    if given is None:
        return
    source, over = f"{name}:{_inside(given['from'])}", bool(given["over"])
    target = place(given["to"])
    if target.is_dir():
        target /= copied_name(_inside(given["from"]))
    if target.is_dir() or await may_write(bench, target):
        where = _host(given["to"])
        bench.job(
            f"copy out of {called}",
            lambda workbench, job: workbench.copy(source, where, job, overwrite=over),
            line(given),
        )
