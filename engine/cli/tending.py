"""Commands on containers that are there: exec, top, restart, rename, update."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from engine import Attachment, Cancelled, CutawayError, ExecOptions, Job, UsageError
from engine.cli.console import complain, narrate, print_json, print_table, session
from engine.cli.containers import NAMES, each_container
from engine.cli.options import as_json, limit_options, to_options
from engine.cli.terminal import ending, need_terminal


@contextmanager
def as_podman_ends() -> Iterator[None]:
    """Failures of our own end with 125, those of the command with 126 and 127, so that all others are the command's."""
    try:
        yield
    except (UsageError, Cancelled):
        raise
    except CutawayError as error:
        complain(error.message, error.hint)
        raise click.exceptions.Exit(error.exit_code if error.exit_code in (126, 127) else 125) from error


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("-d", "--detach", is_flag=True, help="Start it in the background.")
@click.option("--detach-keys", default="ctrl-p,ctrl-q", show_default=True, help="What leaves it; '' for none.")
@click.option("-i", "--interactive", is_flag=True, help="Connect our standard input.")
@click.option("-t", "--tty", "terminal", is_flag=True, help="Give it a terminal.")
@click.option("-e", "--env", multiple=True, metavar="NAME[=VALUE]", help="Set a variable; without value, ours.")
@click.option("--env-file", "env_files", multiple=True, metavar="FILE", help="Set variables from lines of a file.")
@click.option("-w", "--workdir", metavar="DIR", help="Working directory in the container.")
@click.option("-u", "--user", metavar="USER[:GROUP]", help="A user of the container, or a number.")
@click.option("--privileged", is_flag=True, help="With every capability.")
@click.argument("name", metavar="CONTAINER")
@click.argument("args", metavar="COMMAND [ARG…]", nargs=-1, required=True, type=click.UNPROCESSED)
def exec(
    name: str,
    detach: bool,
    detach_keys: str,
    interactive: bool,
    terminal: bool,
    env: tuple[str, ...],
    env_files: tuple[str, ...],
    workdir: str | None,
    user: str | None,
    privileged: bool,
    args: tuple[str, ...],
) -> None:
    """Run a further command in a running container; ends with its exit code.

    Exit codes: 125 Cutaway or runc failed, 126 the command cannot be executed, 127 it does not exist.
    """
    wired = terminal and interactive and not detach
    if wired:
        need_terminal()
    options = ExecOptions(
        args=args,
        env=env,
        env_files=env_files,
        workdir=workdir,
        user=user,
        privileged=privileged,
        terminal=terminal,
        interactive=interactive,
    )
    console = session()
    streams = None
    if not detach:
        sys.stdout.flush()
        stdin = sys.stdin.fileno() if interactive else None
        streams = Attachment(stdin, sys.stdout.fileno(), sys.stderr.fileno(), detach_keys)

    def work(job: Job) -> int | None:
        if not wired:
            return console.workbench.exec(name, options, streams, job)
        if detach_keys:
            narrate(f"{detach_keys.replace(',', ' ')} detaches, the command goes on")
        with ending(job):
            return console.workbench.exec(name, options, streams, job)

    with as_podman_ends():
        code = console.do(f"exec {name}", work)
    raise click.exceptions.Exit(code or 0)


@click.command()
@as_json
@click.argument("name", metavar="CONTAINER")
def top(name: str, as_json: bool) -> None:
    """List the processes in a container, with their numbers inside and on this host."""
    found = session().workbench.top(name)
    if as_json:
        keys = ("user", "pid", "ppid", "host_pid", "cpu_percent", "elapsed", "tty", "cpu_time", "memory", "command")
        print_json([{key: getattr(process, key) for key in keys} for process in found])
        return
    print_table(
        ["USER", "PID", "PPID", "HPID", "%CPU", "ELAPSED", "TTY", "TIME", "COMMAND"],
        [
            [
                p.user,
                str(p.pid),
                str(p.ppid),
                str(p.host_pid),
                f"{p.cpu_percent:.1f}",
                _clock(p.elapsed),
                p.tty or "?",
                _clock(p.cpu_time),
                p.command,
            ]
            for p in found
        ],
        right=[1, 2, 3, 4, 5, 7],
    )


def _clock(seconds: float) -> str:
    hours, rest = divmod(int(seconds), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


@click.command()
@click.option("-t", "--time", "timeout", type=click.FloatRange(0), help="Seconds before it is killed.  [default: 10]")
@NAMES
def restart(names: tuple[str, ...], timeout: float | None) -> None:
    """Stop containers where they run, and start them."""
    each_container(names, "restart", lambda bench, name, job: bench.restart(name, job, timeout=timeout))


@click.command()
@click.argument("name", metavar="CONTAINER")
@click.argument("new", metavar="NAME")
def rename(name: str, new: str) -> None:
    """Give a container another name."""
    console = session()
    console.do(f"rename {name}", lambda job: console.workbench.rename(name, new, job))


@click.command()
@limit_options
@click.argument("name", metavar="CONTAINER")
def update(name: str, **flags: Any) -> None:
    """Give a container other limits, at once where it runs, and for every start from now on."""
    console = session()
    options = to_options(flags)
    click.echo(console.do(f"update {name}", lambda job: console.workbench.update(name, options, job)).id)
