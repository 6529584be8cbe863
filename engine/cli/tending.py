"""Commands on containers that are there: exec, top, rename, update."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

import click

from engine import (
    Attachment,
    ExecOptions,
    Job,
    ProcessSummary,
    RunOptions,
    UsageError,
    capability_names,
    clock,
    human_size,
    limit_options,
    visible,
)
from engine.cli.choosing import LATEST, ContainerCommand, ProcessCommand, ending_with, one
from engine.cli.console import narrate, print_json, print_table, session
from engine.cli.options import as_json
from engine.cli.terminal import ending


@click.command(cls=ProcessCommand, context_settings={"allow_interspersed_args": False})
@click.option("-d", "--detach", is_flag=True, help="Start it in the background.")
@click.option(
    "--detach-keys",
    default="ctrl-p,ctrl-q",
    show_default=True,
    help="What leaves it, typed on a terminal; '' for none.",
)
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

    Exit codes: 125 Cutaway or runc failed, 126 the command cannot be executed, 127 it does not exist, 255 the
    container does not run.
    """
    wired = terminal and interactive and not detach and sys.stdin.isatty()
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
            code = console.workbench.exec(name, options, streams, job)
        if code is None and streams is not None:
            narrate(f"detached; the command goes on in {visible(name)}")
        return code

    with ending_with(255, "container-state", "not-in-image"):
        code = console.do(f"exec {name}", work)
    raise click.exceptions.Exit(code or 0)


@click.command(cls=ContainerCommand)
@as_json
@LATEST
@click.argument("name", metavar="[CONTAINER]", required=False)
@click.argument("columns", metavar="[COLUMN…]", nargs=-1)
def top(name: str | None, columns: tuple[str, ...], latest: bool, as_json: bool) -> None:
    """List the processes in a container, with their numbers inside and on this host.

    COLUMNs, also with commas between, choose what is shown: user, pid, ppid, hpid, pcpu, etime, tty, time, rss, args;
    also comm, state, nice, pgid, vsz, stime, group, ruser, rgroup, groups, huser, hgroup, hgroups, label, seccomp, and
    its capabilities: capinh, capprm, capeff, capbnd, capamb.
    """
    words = [word for text in columns for word in text.split(",")]
    if latest and name is not None:  # it is the first column then
        words, name = [*name.split(","), *words], None
    if unknown := [word for word in words if word not in _COLUMNS]:
        raise UsageError(f"not a column of top: {visible(unknown[0])[:40]!r}", hint=f"One of {', '.join(_COLUMNS)}.")
    workbench = session().workbench
    found = workbench.top(one(workbench, name, latest))
    if as_json:
        keys = ("user", "pid", "ppid", "host_pid", "cpu_percent", "elapsed", "tty", "cpu_time", "memory", "command")
        print_json([{key: getattr(process, key) for key in keys} for process in found])
        return
    shown = [_COLUMNS[word] for word in words or _USUAL]
    print_table(
        [title for title, _, _ in shown],
        [[value(process) for _, value, _ in shown] for process in found],
        right=[number for number, (_, _, is_number) in enumerate(shown) if is_number],
    )


def _capabilities(which: int, process: ProcessSummary) -> str:
    return ",".join(capability_names(process.capabilities[which])) or "none"


_COLUMNS: dict[str, tuple[str, Callable[[ProcessSummary], str], bool]] = {
    "user": ("USER", lambda p: p.user, False),
    "pid": ("PID", lambda p: str(p.pid), True),
    "ppid": ("PPID", lambda p: str(p.ppid), True),
    "hpid": ("HPID", lambda p: str(p.host_pid), True),
    "pcpu": ("%CPU", lambda p: f"{p.cpu_percent:.1f}", True),
    "etime": ("ELAPSED", lambda p: clock(p.elapsed), True),
    "tty": ("TTY", lambda p: p.tty or "?", False),
    "time": ("TIME", lambda p: clock(p.cpu_time), True),
    "rss": ("RSS", lambda p: human_size(p.memory), True),
    "args": ("COMMAND", lambda p: p.command, False),
    "comm": ("COMMAND", lambda p: p.name, False),
    "state": ("STATE", lambda p: p.state, False),
    "nice": ("NI", lambda p: str(p.nice), True),
    "pgid": ("PGID", lambda p: str(p.process_group), True),
    "vsz": ("VSZ", lambda p: human_size(p.virtual), True),
    "stime": ("STIME", lambda p: datetime.fromtimestamp(p.started).strftime("%Y-%m-%d %H:%M:%S"), False),
    "group": ("GROUP", lambda p: p.group, False),
    "ruser": ("RUSER", lambda p: p.real_user, False),
    "rgroup": ("RGROUP", lambda p: p.real_group, False),
    "groups": ("GROUPS", lambda p: ",".join(p.groups), False),
    "huser": ("HUSER", lambda p: p.host_user, False),
    "hgroup": ("HGROUP", lambda p: p.host_group, False),
    "hgroups": ("HGROUPS", lambda p: ",".join(map(str, p.host_groups)), False),
    "label": ("LABEL", lambda p: p.label, False),
    "seccomp": ("SECCOMP", lambda p: p.seccomp, False),
    **{
        f"cap{word}": (f"{title} CAPS", functools.partial(_capabilities, which), False)
        for which, (word, title) in enumerate(
            (
                ("inh", "INHERITED"),
                ("prm", "PERMITTED"),
                ("eff", "EFFECTIVE"),
                ("bnd", "BOUNDING"),
                ("amb", "AMBIENT"),
            )
        )
    },
}
"""podman's descriptors: title, value, whether it is a number."""

_USUAL = ("user", "pid", "ppid", "hpid", "pcpu", "etime", "tty", "time", "args")
"""What is shown where no descriptor is named."""


@click.command(cls=ContainerCommand)
@click.argument("name", metavar="CONTAINER")
@click.argument("new", metavar="NAME")
def rename(name: str, new: str) -> None:
    """Give a container another name."""
    console = session()
    console.do(f"rename {name}", lambda job: console.workbench.rename(name, new, job))


@click.command(cls=ContainerCommand)
@limit_options
@click.argument("name", metavar="CONTAINER")
def update(name: str, **flags: Any) -> None:
    """Give a container other limits, at once where it runs, and for every start from now on.

    What is not named stays as it is; 0 lifts a limit.
    """
    console = session()
    options = RunOptions(**flags)
    click.echo(console.do(f"update {name}", lambda job: console.workbench.update(name, options, job)).id)
