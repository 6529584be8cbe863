"""Commands that make and start containers: run, create, start, attach."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import click
from msgspec.structs import replace as with_other

from engine import ContainerUnknown, Draft, Status, UsageError
from engine.cli.choosing import (
    LATEST,
    ContainerCommand,
    ProcessCommand,
    chosen,
    ending_with,
    id_written,
    need_free,
    one,
)
from engine.cli.console import Session, each, session
from engine.cli.drafting import TAKES_A_COMMAND, Asked, drafting
from engine.cli.terminal import foreground, warn_without_terminal

_keys = click.option(
    "--detach-keys",
    default="ctrl-p,ctrl-q",
    show_default=True,
    help="What leaves it, typed on a terminal, and it goes on; '' for none.",
)
_proxy = click.option(
    "--sig-proxy",
    type=bool,
    default=True,
    metavar="true|false",
    help="Signals that reach us go to the container, where it has no terminal (true).",
)


_id_file = click.option(
    "--cidfile",
    "id_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the container's id to a file, which is not there yet.",
)
_replace = click.option("--replace", is_flag=True, help="Remove a container that has the --name already.")
_quiet = click.option("-q", "--quiet", is_flag=True, help="Tell nothing of how far a pull is.")


def _drafted(console: Session, asked: Asked, *, replace: bool) -> Draft:
    """The draft; with `replace` the container that has the name goes, running or not, when one without it could be
    drafted. Raises UsageError too."""
    if replace:
        name = asked.flags["name"]
        if not name:
            raise UsageError("--replace needs --name: the container of that name is what is replaced")
        old = None
        with suppress(ContainerUnknown):
            old = console.workbench.container(name)
        if old is not None and old.name == name:  # not one whose id begins so
            id = old.id
            with_other(asked, flags={**asked.flags, "name": None}).draft(console)
            console.do(f"rm {old.name}", lambda job: console.workbench.remove(id, job, force=True))
    return asked.draft(console)


@click.command(cls=ContainerCommand, context_settings=TAKES_A_COMMAND)
@_id_file
@_replace
@_quiet
@drafting
def create(asked: Asked, id_file: Path | None, replace: bool, quiet: bool) -> None:
    """Make a container without starting it, and print its id."""
    console = session(quiet=quiet)
    need_free(id_file)
    draft = _drafted(console, asked, replace=replace)
    with id_written(console.workbench, id_file, draft.id):
        click.echo(console.do(f"create {draft.name}", lambda job: console.workbench.create(draft, job)).id)


@click.command(cls=ProcessCommand, context_settings=TAKES_A_COMMAND)
@click.option("-d", "--detach", is_flag=True, help="Start it in the background and print its id.")
@_keys
@_proxy
@_id_file
@_replace
@_quiet
@drafting
def run(
    asked: Asked,
    detach: bool,
    detach_keys: str,
    sig_proxy: bool,
    id_file: Path | None,
    replace: bool,
    quiet: bool,
) -> None:
    """Make a container of IMAGE and run it; ends with the container's exit code.

    Exit codes: 125 Cutaway or runc failed, 126 the command cannot be executed, or the user or the directory of
    -w is not there, 127 it does not exist.
    """
    if asked.flags["terminal"] and asked.flags["interactive"]:
        warn_without_terminal()
    console = session(quiet=quiet)
    need_free(id_file)
    with ending_with(126, "not-in-image"):
        draft = _drafted(console, asked, replace=replace)
    with id_written(console.workbench, id_file, draft.id):
        if detach:
            console.do(f"run {draft.name}", lambda job: console.workbench.launch(draft, job, keep=True))
            click.echo(draft.id)
            return
        code = foreground(console.workbench, draft, new=True, detach_keys=detach_keys, sig_proxy=sig_proxy)
    raise click.exceptions.Exit(code)


@click.command(cls=ContainerCommand)
@click.option("-a", "--attach", is_flag=True, help="Stay connected to it, as `run` does.")
@click.option("-i", "--interactive", is_flag=True, help="As --attach, with its input where it was made with -i.")
@_keys
@_proxy
@click.option("--all", "everything", is_flag=True, help="All that do not run.")
@LATEST
@click.option("-f", "--filter", "filters", multiple=True, metavar="KEY=VALUE", help="Those that `ps` finds so.")
@click.argument("names", metavar="[CONTAINER…]", nargs=-1)
def start(attach: bool, interactive: bool, detach_keys: str, sig_proxy: bool, **choose: Any) -> None:
    """Start containers that were created or have exited."""
    console = session()
    names = chosen(console.workbench, (Status.CREATED, Status.EXITED), **choose)
    if attach or interactive:
        if len(names) != 1:
            raise UsageError("start --attach takes one container")
        made = console.workbench.container(names[0])
        new = made.status is not Status.RUNNING  # to one that runs it connects, as podman
        streams = partial(foreground, detach_keys=detach_keys, sig_proxy=sig_proxy, with_stdin=new or interactive)
        raise click.exceptions.Exit(streams(console.workbench, made, new=new))

    def begin(name: str) -> None:
        if console.workbench.container(name).status is not Status.RUNNING:  # one that runs is what is wanted
            console.do(f"start {name}", lambda job: console.workbench.start(name, job))
        click.echo(name)

    each(names, begin)


@click.command(cls=ContainerCommand)
@_keys
@_proxy
@click.option("--no-stdin", is_flag=True, help="Look on alone.")
@LATEST
@click.argument("name", metavar="[CONTAINER]", required=False)
def attach(name: str | None, latest: bool, detach_keys: str, sig_proxy: bool, no_stdin: bool) -> None:
    """Connect to a running container; on a terminal ctrl-p ctrl-q disconnects."""
    workbench = session().workbench
    container = workbench.container(one(workbench, name, latest))
    raise click.exceptions.Exit(
        foreground(
            workbench, container, new=False, detach_keys=detach_keys, sig_proxy=sig_proxy, with_stdin=not no_stdin
        )
    )
