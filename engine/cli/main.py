"""The command tree, and what every command has in common: the data directory, errors, exit codes."""

from __future__ import annotations

import importlib
import keyword
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click

from engine import CutawayError, Settings, UsageError, __version__, read_settings
from engine.cli.console import complain
from engine.cli.streams import leave, prepare

Screen = Callable[[Path | None, Settings, bool], int]
"""Opens the workbench on a data directory; the last says that nothing may be changed. Returns the exit code."""

_READS = {
    *("images", "inspect", "history", "layers", "files", "cat", "diff", "tags", "config", "check", "explain", "ps"),
    *("logs", "wait", "top", "stats", "events", "trace", "config-file", "system info", "system df", "system check"),
    "volume ls",
}
"""Commands that change nothing, and go with --read-only."""

_GROUPS = {
    "Images": {"images": ["pull", "images", "inspect", "history", "layers", "tag", "rmi"]},
    "Look inside": {"inside": ["files", "cat", "diff", "cp"]},
    "Registries": {"registries": ["push", "tags", "login", "logout"]},
    "config.json": {"configs": ["config", "check", "explain", "adopt"]},
    "Written by hand": {"handmade": ["edit", "bundle"]},
    "Working containers": {"working": ["mount", "umount", "commit"]},
    "Archives": {"archives": ["save", "load", "import"]},
    "Containers": {"containers": ["run", "create", "start", "attach"]},
    "Their course": {"lifecycle": ["stop", "kill", "restart", "pause", "unpause", "wait", "rm"]},
    "What they do": {"listing": ["ps"], "logs": ["logs"], "watching": ["stats", "events"]},
    "Inside containers": {"tending": ["exec", "top", "rename", "update"]},
    "Learning": {"learning": ["demo", "tour", "trace"]},
    "This host": {"system": ["system", "config-file"]},
    "Volumes": {"volumes": ["volume"]},
}
"""Title in --help: {module below engine.cli: its commands}. A module is imported when a command of it is asked for."""

_MODULES = {name: module for group in _GROUPS.values() for module, names in group.items() for name in names}


class CommandTree(click.Group):
    """A group that knows its commands by name and imports them when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_MODULES)

    def invoke(self, ctx: click.Context) -> Any:
        settings = ctx.obj["settings"] = read_settings()
        ctx.obj["read_only"] = ctx.params["read_only"] or settings.read_only
        for name in settings.flags:
            if name not in _MODULES:
                settings.wrong(f"flags.{name}", "is no command")
        return super().invoke(ctx)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """With what the person has set for each command, before what is typed: the latter has the last word."""
        for said in ctx.obj["settings"].problems:  # without a command the screen says it itself
            complain(f"{ctx.obj['settings'].path}: {said}")
        name, command, rest = super().resolve_command(ctx, args)
        flags = ctx.obj["settings"].flags.get(name or "", ())
        if flags and command is not None:
            _check_flags(ctx, command, flags)
        rest = [*flags, *rest]
        if ctx.obj["read_only"] and name is not None and command is not None:
            _refuse_changes(name, command, rest, ctx)
        return name, command, rest

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _MODULES:
            return None
        word = cmd_name.replace("-", "_")
        word += "_" * keyword.iskeyword(word)
        found = getattr(importlib.import_module(f"engine.cli.{_MODULES[cmd_name]}"), word)
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, group in _GROUPS.items():
            with formatter.section(title):
                commands = [(name, self.get_command(ctx, name)) for names in group.values() for name in names]
                formatter.write_dl([(name, command.get_short_help_str(90)) for name, command in commands if command])


def _refuse_changes(name: str, command: click.Command, words: list[str], above: click.Context) -> None:
    """Raises UsageError where the command, with these words, may change something.

    They are read as they will be: a command's own --help prints its help and ends here, and not one that is meant for
    what runs in a container.
    """
    with command.make_context(name, [*words], above) as context:
        if isinstance(command, click.Group):
            at = next((number for number, word in enumerate(words) if not word.startswith("-")), None)
            if at is not None and (sub := command.get_command(context, words[at])) is not None:
                _refuse_changes(words[at], sub, words[at + 1 :], context)
            return
        path = context.command_path.partition(" ")[2]
        fetches = context.params.get("policy", "never") != "never"
        if path not in _READS or context.params.get("repair") or fetches:
            said = f"{path} --pull={context.params['policy']}" if path in _READS and fetches else path
            raise UsageError(f"{said} may change something", hint="Nothing may be changed: --read-only is set.")


def _check_flags(ctx: click.Context, command: click.Command, flags: tuple[str, ...]) -> None:
    """Raises UsageError where what a person has set for a command is wrong by itself: nobody typed it."""
    options = [each for each in command.params if isinstance(each, click.Option)]
    alone = click.Command(command.name, params=[*options], context_settings={"allow_extra_args": True})
    try:
        alone.make_context(command.name, [*flags], ctx).close()
    except click.ClickException as error:
        where = ctx.obj["settings"].place(f"flags.{command.name}")
        raise UsageError(f"{where}: {error.format_message()}", hint="It is given with each such command.") from None


class _Directory(click.Path):
    """One that has a name: "", most likely a variable that is not set, would be the current directory."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            raise UsageError("--root '' names no directory", hint="Leave it out for the default directory.")
        return super().convert(value, param, ctx)


@click.command(cls=CommandTree, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--root",
    type=_Directory(path_type=Path, file_okay=False, readable=False),
    envvar="CUTAWAY_ROOT",
    help="The data directory (or CUTAWAY_ROOT).  [default: /var/lib/cutaway for root]",
)
@click.option("--read-only", is_flag=True, help="Change nothing: no image, no container, no file.")
@click.version_option(__version__, prog_name="cutaway", message="%(prog)s %(version)s")
@click.pass_context
def cutaway(ctx: click.Context, root: Path | None, read_only: bool) -> None:
    """A container workbench: pull images, look into their layers, edit config.json, run it with runc.

    Without a command it opens the workbench on the screen.
    """
    ctx.ensure_object(dict)
    ctx.obj["root"] = root
    if ctx.invoked_subcommand is None:
        screen: Screen | None = ctx.obj.get("screen")
        if screen is None:
            click.echo(ctx.get_help())
            ctx.exit(0)
        ctx.exit(screen(root, ctx.obj["settings"], ctx.obj["read_only"]))


def _absolute(path: str) -> str:
    """PATH without what is relative to the current directory, as an empty entry is, too (environ(7)): anybody may have
    made what is there, and root runs it."""
    return ":".join(each for each in path.split(":") if each.startswith("/")) or os.defpath


def main(
    screen: Screen | None = None,
    arguments: list[str] | None = None,
    *,
    default_settings: Callable[[], str] | None = None,
) -> NoReturn:
    """Run the command line and end the process with its exit code.

    `screen` opens the workbench where no command is given; `default_settings` makes the text of `config-file`.
    """
    prepare()
    os.environ["PATH"] = _absolute(os.environ.get("PATH", os.defpath))
    # Where who started us ignores it, so would conmon, and nobody could be told how a process ended (wait(2), ECHILD).
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # as it is while this is loaded
            signal.signal(signal.SIGINT, signal.default_int_handler)
        result = cutaway.main(
            args=arguments,
            prog_name="cutaway",
            standalone_mode=False,
            obj={"screen": screen, "default_settings": default_settings},
        )
        code = result if isinstance(result, int) else 0
    except click.exceptions.Exit as error:
        code = error.exit_code
    except click.Abort:
        code = 130
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context else "cutaway"
        complain(error.format_message(), f"Try '{path} --help'.")
        code = 2
    except CutawayError as error:
        complain(error.message, error.hint)
        code = error.exit_code
    except KeyboardInterrupt:
        code = 130
    except PermissionError as error:
        complain(f"cannot use {error.filename}: {error.strerror}", "Run it as root, e.g. with sudo.")
        code = 1
    except Exception as error:
        if isinstance(error.__cause__, KeyboardInterrupt):  # before Python 3.12, while a class is made
            leave(130)
        if os.environ.get("CUTAWAY_DEBUG"):
            raise
        complain(f"defect: {type(error).__name__}: {error}", "Set CUTAWAY_DEBUG=1 to see where, and please report it.")
        code = 1
    leave(code)
