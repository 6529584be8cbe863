"""Which containers a command is about, and how it ends: by name, all of them, the latest, those that a filter lets
through; with podman's exit codes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from engine import Cancelled, ContainerUnknown, CutawayError, Status, UsageError, Workbench
from engine.cli.console import complain
from engine.cli.filters import matches, parse_filters

Command = TypeVar("Command", bound=Callable[..., Any])

NAMES = click.argument("names", metavar="[CONTAINER…]", nargs=-1)

LATEST = click.option("-l", "--latest", is_flag=True, help="The one that was made last.")


@contextmanager
def podmans_endings() -> Iterator[None]:
    """Failures end with 125, those of a container's command with 126 and 127: all others are the command's own."""
    try:
        yield
    except Cancelled:
        raise
    except CutawayError as error:
        if error.exit_code == UsageError.exit_code:
            raise
        complain(error.message, error.hint)
        raise click.exceptions.Exit(error.exit_code if error.exit_code in (126, 127) else 125) from error


class ContainerCommand(click.Command):
    """A command on containers: it ends as podman's does."""

    def invoke(self, ctx: click.Context) -> Any:
        with podmans_endings():
            return super().invoke(ctx)


def choice(all_help: str, *, ignore: tuple[str, ...] = ()) -> Callable[[Command], Command]:
    """The options by which containers are chosen, and their names: `names`, `everything`, `latest`, `filters`, and
    with `ignore`, how that one is spelt. `chosen` reads them."""
    options = [
        click.option("-a", "--all", "everything", is_flag=True, help=all_help),
        LATEST,
        click.option(
            "--filter",
            "filters",
            multiple=True,
            metavar="KEY=VALUE",
            help="Those that `ps` finds so.",
        ),
        *([click.option(*ignore, is_flag=True, help="A container that is not there is no error.")] if ignore else []),
        NAMES,
    ]

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def chosen(
    workbench: Workbench,
    states: Collection[Status],
    *,
    names: Sequence[str],
    everything: bool,
    latest: bool,
    filters: Sequence[str],
    ignore: bool = False,
) -> list[str]:
    """The containers that are meant, by name; `states` are those that --all and --filter are about.

    Raises UsageError for none or contradicting ones, ContainerUnknown (unless `ignore`).
    """
    if bool(names) + everything + latest + bool(filters) != 1:
        raise UsageError(
            "say which containers: by name, or with one of --all, --latest, --filter",
            hint="cutaway ps -a lists the containers that are here.",
        )
    if names:
        return [name for name in names if not ignore or _is_there(workbench, name)]
    if latest:
        return [latest_one(workbench)]
    wanted = parse_filters(filters)
    return [c.name for c in workbench.containers() if not c.working and c.status in states and matches(c, wanted)]


def latest_one(workbench: Workbench) -> str:
    """The name of the container that was made last. Raises ContainerUnknown where there is none."""
    found = [container for container in workbench.containers() if not container.working]
    if not found:
        raise ContainerUnknown("there is no container here", hint="Make one with: cutaway run IMAGE")
    return found[-1].name


def one(workbench: Workbench, name: str | None, latest: bool) -> str:
    """The one container that is meant, by name or by --latest. Raises UsageError, ContainerUnknown."""
    if (name is None) == (not latest):
        raise UsageError("say which container: its name, or --latest")
    return latest_one(workbench) if name is None else name


def _is_there(workbench: Workbench, name: str) -> bool:
    try:
        workbench.container(name)
    except ContainerUnknown:
        return False
    return True
