"""Which containers a command is about, and how it ends: by name, all of them, the latest, those that a filter lets
through; with podman's exit codes."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import click

from engine import (
    Cancelled,
    ContainerDamaged,
    ContainerState,
    ContainerUnknown,
    CutawayError,
    Status,
    UsageError,
    Workbench,
    visible,
)
from engine.cli.console import complain

Command = TypeVar("Command", bound=Callable[..., Any])

NAMES = click.argument("names", metavar="[CONTAINER…]", nargs=-1)

LATEST = click.option("-l", "--latest", is_flag=True, help="The one that was made last.")


@contextmanager
def _podmans_endings(own: Collection[int]) -> Iterator[None]:
    """Failures end with 125, but those with a code in `own`: all others are the command's in the container."""
    try:
        yield
    except Cancelled:
        raise
    except CutawayError as error:
        if error.exit_code == UsageError.exit_code:
            raise
        complain(error.message, error.hint)
        raise click.exceptions.Exit(error.exit_code if error.exit_code in own else 125) from error


@contextmanager
def ending_with(exit_code: int, *codes: str) -> Iterator[None]:
    """Failures with one of these codes end with that exit code, as the same command of podman's does."""
    try:
        yield
    except CutawayError as error:
        if error.code not in codes:
            raise
        complain(error.message, error.hint)
        raise click.exceptions.Exit(exit_code) from error


class ContainerCommand(click.Command):
    """A command on containers: it ends as podman's does, and flags may have a value as there: --rm=true."""

    own_endings: ClassVar[Collection[int]] = ()

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, _as_podman_reads(self.get_params(ctx), args, whole=ctx.allow_interspersed_args))

    def invoke(self, ctx: click.Context) -> Any:
        with _podmans_endings(self.own_endings):
            return super().invoke(ctx)


class ProcessCommand(ContainerCommand):
    """One that is about a process which it is told: 126 where that cannot be executed, 127 where it does not exist."""

    own_endings = (126, 127)


ID_FILE = click.option(
    "--cidfile",
    "id_files",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="That whose id is in the file, as `run --cidfile` wrote it.",
)

_ID_LIMIT = 200  # bytes of such a file that are read


def need_free(path: Path | None) -> None:
    """Raise ContainerState where the file that is to have a container's id is there already."""
    if path is not None and os.path.lexists(path):
        raise _taken(path)


def _taken(path: Path) -> ContainerState:
    return ContainerState(
        f"the file {visible(str(path))} is there already",
        hint="Another container may go by it. Remove it, or name another with --cidfile.",
    )


@contextmanager
def id_written(workbench: Workbench, path: Path | None, id: str) -> Iterator[None]:
    """Write a container's id to a file that is not there yet, before it is made inside; the file goes where that comes
    to nothing. Raises ContainerState for a file that is there, CutawayError."""
    if path is None:
        yield
        return
    try:
        with path.open("x") as file:
            file.write(id)
    except FileExistsError as error:
        raise _taken(path) from error
    except OSError as error:
        raise CutawayError(f"cannot write {visible(str(path))}: {error.strerror}") from error
    try:
        yield
    except CutawayError:
        if not _is_there(workbench, id, ignore=True):
            path.unlink(missing_ok=True)
        raise


def _id_in(path: Path, *, ignore: bool) -> str | None:
    try:
        with path.open("rb") as file:
            return file.read(_ID_LIMIT).decode(errors="replace").strip()
    except FileNotFoundError as error:
        if ignore:
            return None
        raise CutawayError(f"there is no file {visible(str(path))}") from error
    except OSError as error:
        raise CutawayError(f"cannot read {visible(str(path))}: {error.strerror}") from error


_TRUTHS = {"true": True, "1": True, "t": True, "false": False, "0": False, "f": False}


def _as_podman_reads(params: Sequence[click.Parameter], args: Sequence[str], *, whole: bool) -> list[str]:
    """The words with `--flag` for --flag=true, and its opposite or nothing for --flag=false; the value of `-e=VALUE` is
    what follows. Unless `whole`, those from the first that is no option on are another program's."""
    options = {name: each for each in params if isinstance(each, click.Option) for name in each.opts}
    found: list[str] = []
    words = iter(args)
    for word in words:
        if word == "--" or (not whole and (word == "-" or not word.startswith("-"))):
            return [*found, word, *words]
        name, equals, value = word.partition("=")
        option = options.get(name)
        if equals and option is not None and option.is_flag and value.lower() in _TRUTHS:
            found += [name] if _TRUTHS[value.lower()] else option.secondary_opts[:1]
            continue
        found.append(word)
        if not word.startswith("--"):  # -it, -e NAME, -eNAME: a value is what follows the first letter that takes one
            letters = [options.get(f"-{letter}") for letter in word[1:]]
            takes = [number for number, each in enumerate(letters) if each is not None and not each.is_flag]
            if takes and word[(end := takes[0] + 2) : end + 1] == "=":  # -e=NAME
                found[-1:] = [word[:end], word[end + 1 :]]
            option, equals = (letters[-1], "") if takes[:1] == [len(letters) - 1] else (None, "")
        if option is not None and not option.is_flag and not equals:
            found += [following] if (following := next(words, None)) is not None else []
    return found


def choice(
    all_help: str, *, ignore: tuple[str, ...] = (), short_filter: bool = False, by_file: bool = True
) -> Callable[[Command], Command]:
    """The options by which containers are chosen, and their names: `names`, `everything`, `latest`, `filters`,
    `id_files` (unless not `by_file`), and with `ignore`, how that one is spelt. `chosen` reads them."""
    options = [
        click.option("-a", "--all", "everything", is_flag=True, help=all_help),
        LATEST,
        click.option(
            *(["-f"] if short_filter else []),
            "--filter",
            "filters",
            multiple=True,
            metavar="KEY=VALUE",
            help="Those that `ps` finds so.",
        ),
        *([ID_FILE] if by_file else []),
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
    id_files: Sequence[Path] = (),
    ignore: bool = False,
) -> list[str]:
    """The containers that are meant, by name; `states` are those that --all and --filter are about.

    Where one is not there nothing is done to the others either, as podman has it. Raises UsageError for none or
    contradicting ones, ContainerUnknown (unless `ignore`).
    """
    names = [*names, *(id for path in id_files if (id := _id_in(path, ignore=ignore)))]
    if id_files and not names:
        return []
    if bool(names) + everything + latest + bool(filters) != 1:
        raise UsageError(
            "say which containers: by name, or with one of --all, --latest, --filter",
            hint="cutaway ps -a lists the containers that are here.",
        )
    if names:
        return [name for name in names if _is_there(workbench, name, ignore=ignore)]
    if latest:
        return [latest_one(workbench)]
    from engine.cli.filters import matches, parse_filters

    wanted = parse_filters(filters)
    there = (c for c in workbench.containers() if not c.working and c.status in states)
    return [c.name for c in there if matches(c, wanted, workbench.inspect)]


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


def _is_there(workbench: Workbench, name: str, *, ignore: bool) -> bool:
    """Raises ContainerUnknown (unless `ignore`), UsageError where the name can mean several."""
    try:
        workbench.container(name)
    except ContainerDamaged:  # that is told when its turn comes
        return True
    except ContainerUnknown:
        if not ignore:
            raise
        return False
    return True
