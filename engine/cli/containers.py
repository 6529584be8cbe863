"""Commands on containers: run, create, start, attach, ps, logs, stop, kill, pause, unpause, wait, rm."""

from __future__ import annotations

import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from engine import (
    Cancelled,
    CancelToken,
    ContainerSummary,
    CutawayError,
    Job,
    RunOptions,
    Status,
    UsageError,
    Workbench,
)
from engine.cli.console import Session, complain, each, print_json, print_table, session
from engine.cli.filters import matches, parse_filters
from engine.cli.options import as_json, platform_option, pull_option, run_options, tls_verify_option, to_options
from engine.cli.terminal import foreground, need_terminal

NAMES = click.argument("names", metavar="CONTAINER…", nargs=-1, required=True)
_TAKES_A_COMMAND = {"allow_interspersed_args": False}
"""Options after IMAGE belong to the command in the container, as with podman."""

_config_file = click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Take this config.json in place of a generated one.",
)


_rootfs = click.option("--rootfs", is_flag=True, help="IMAGE is a directory with a root filesystem; it stays as it is.")


def _base(image: str, *, rootfs: bool) -> str:
    return f"rootfs:{image}" if rootfs else image


def _make(
    console: Session,
    image: str,
    config_file: Path | None,
    tls_verify: bool,
    flags: dict[str, Any],
    *,
    policy: str,
    platform: str | None,
) -> ContainerSummary:
    """Have the image here, draft and create."""
    options: RunOptions = to_options(flags)
    text = config_file.read_text("utf-8", "surrogateescape") if config_file else None

    def work(job: Job) -> ContainerSummary:
        name = console.workbench.obtain(image, job, policy=policy, platform=platform, tls_verify=tls_verify)
        return console.workbench.create(console.workbench.draft(name, options, job, config=text), job)

    return console.do(f"create {image}", work)


@click.command(context_settings=_TAKES_A_COMMAND)
@_config_file
@tls_verify_option
@pull_option
@platform_option
@_rootfs
@run_options
@click.argument("image")
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
def create(
    image: str,
    config_file: Path | None,
    tls_verify: bool,
    policy: str,
    platform: str | None,
    rootfs: bool,
    **flags: Any,
) -> None:
    """Make a container without starting it, and print its id."""
    base = _base(image, rootfs=rootfs)
    click.echo(_make(session(), base, config_file, tls_verify, flags, policy=policy, platform=platform).id)


@click.command(context_settings=_TAKES_A_COMMAND)
@click.option("-d", "--detach", is_flag=True, help="Start it in the background and print its id.")
@_config_file
@tls_verify_option
@pull_option
@platform_option
@_rootfs
@run_options
@click.argument("image")
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
def run(
    image: str,
    detach: bool,
    config_file: Path | None,
    tls_verify: bool,
    policy: str,
    platform: str | None,
    rootfs: bool,
    **flags: Any,
) -> None:
    """Make a container of IMAGE and run it; ends with the container's exit code.

    Exit codes: 125 Cutaway or runc failed, 126 the command cannot be executed, 127 it does not exist.
    """
    if flags["terminal"] and flags["interactive"] and not detach:
        need_terminal()
    console = session()
    try:
        base = _base(image, rootfs=rootfs)
        made = _make(console, base, config_file, tls_verify, flags, policy=policy, platform=platform)
        if detach:
            console.do(f"start {made.name}", lambda job: console.workbench.start(made.id, job))
            click.echo(made.id)
            return
        code = foreground(console.workbench, made, new=True)
    except (UsageError, Cancelled):
        raise
    except CutawayError as error:
        complain(error.message, error.hint)
        raise click.exceptions.Exit(error.exit_code if error.exit_code in (126, 127) else 125) from error
    raise click.exceptions.Exit(code)


@click.command()
@click.option("-a", "--attach", is_flag=True, help="Stay connected to it, as `run` does.")
@NAMES
def start(names: tuple[str, ...], attach: bool) -> None:
    """Start containers that were created or have exited."""
    console = session()
    if attach:
        if len(names) != 1:
            raise UsageError("start --attach takes one container")
        raise click.exceptions.Exit(foreground(console.workbench, console.workbench.container(names[0]), new=True))

    def begin(name: str) -> None:
        console.do(f"start {name}", lambda job: console.workbench.start(name, job))
        click.echo(name)

    each(names, begin)


@click.command()
@click.argument("name", metavar="CONTAINER")
def attach(name: str) -> None:
    """Connect this terminal to a running container; ctrl-p ctrl-q disconnects."""
    workbench = session().workbench
    raise click.exceptions.Exit(foreground(workbench, workbench.container(name), new=False))


@click.command()
@click.option("-a", "--all", "everything", is_flag=True, help="Those that do not run, too.")
@click.option("-q", "--quiet", is_flag=True, help="Print ids alone.")
@click.option(
    "-f",
    "--filter",
    "filters",
    multiple=True,
    metavar="KEY=VALUE",
    help="id=, name= (regular expressions), status=, exited= (code), ancestor= (image); several of a key: any of them.",
)
@click.option("-n", "--last", type=click.IntRange(1), help="The N that were made last, in any state.")
@click.option("-l", "--latest", is_flag=True, help="The one that was made last, in any state.")
@as_json
def ps(everything: bool, quiet: bool, filters: tuple[str, ...], last: int | None, latest: bool, as_json: bool) -> None:
    """List containers."""
    wanted = parse_filters(filters)
    found = [c for c in session().workbench.containers() if matches(c, wanted)]
    if last or latest:
        found = found[-(last or 1) :]
    elif not everything and "status" not in wanted and "exited" not in wanted:
        found = [c for c in found if c.status in (Status.RUNNING, Status.PAUSED)]
    if as_json:
        print_json(
            [
                {
                    "id": c.id,
                    "name": c.name,
                    "image": c.image,
                    "status": c.status.value,
                    "pid": c.pid,
                    "created": c.created,
                    "exit_code": c.exit_code,
                    "out_of_memory": c.out_of_memory,
                    "ports": list(c.ports),
                }
                for c in found
            ]
        )
    elif quiet:
        for container in found:
            click.echo(container.id)
    else:
        print_table(
            ["ID", "NAME", "IMAGE", "STATUS", "PID", "PORTS", "COMMAND"],
            [
                [c.id, c.name, c.image, _state(c), str(c.pid or "-"), ", ".join(c.ports), " ".join(c.command)[:40]]
                for c in found
            ],
        )


def _state(container: ContainerSummary) -> str:
    now = time.time()
    if container.working:
        return "created (working)"
    if container.status is Status.EXITED:
        ago = f", {_span(now - container.finished)} ago" if container.finished else ""
        why = ", out of memory" if container.out_of_memory else ""
        return f"exited ({'?' if container.exit_code is None else container.exit_code}{why}){ago}"
    if container.status is Status.RUNNING and container.started:
        return f"running {_span(now - container.started)}"
    return str(container.status.value)


def _span(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return f"{max(0, int(seconds))} s"


def moment(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """A click callback: RFC 3339, seconds since the epoch, or a span back from now (10m, 1h30m) as epoch seconds."""
    import re

    if value is None:
        return None
    spans = re.fullmatch(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", value)
    if value and spans:
        days, hours, minutes, seconds = (int(part or 0) for part in spans.groups())
        back = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        return time.time() - back.total_seconds()
    try:
        return float(value)
    except ValueError:
        pass
    try:
        when = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is neither a time (2026-01-31T12:00:00Z) nor a span (10m)") from None
    return (when if when.tzinfo else when.astimezone()).timestamp()


@click.command()
@click.option("-f", "--follow", is_flag=True, help="Go on as more arrives, until the container ends.")
@click.option("--tail", type=click.IntRange(0), help="The last N lines alone.")
@click.option("--since", callback=moment, help="From this time (RFC 3339, or a span back from now: 10m) on.")
@click.option("--until", callback=moment, help="Up to this time.")
@click.option("-t", "--timestamps", is_flag=True, help="Put the time before each line.")
@click.argument("name", metavar="CONTAINER")
def logs(name: str, follow: bool, tail: int | None, since: float | None, until: float | None, timestamps: bool) -> None:
    """Print a container's output: its stdout on stdout, its stderr on stderr."""
    token = CancelToken()
    workbench = session().workbench
    sys.stdout.flush()
    try:
        workbench.copy_logs(
            name,
            sys.stdout.fileno(),
            sys.stderr.fileno(),
            token,
            timestamps=timestamps,
            follow=follow,
            tail=tail,
            since=since,
            until=until,
        )
    except KeyboardInterrupt:
        token.cancel()
        raise


def each_container(names: tuple[str, ...], title: str, act: Any) -> None:
    """Do `act(workbench, name, job)` to each, and print its name."""
    console = session()

    def one(name: str) -> None:
        console.do(f"{title} {name}", lambda job: act(console.workbench, name, job))
        click.echo(name)

    each(names, one)


@click.command()
@click.option("-t", "--time", "timeout", type=click.FloatRange(0), help="Seconds before it is killed.  [default: 10]")
@NAMES
def stop(names: tuple[str, ...], timeout: float | None) -> None:
    """Ask containers to end, and kill those that do not in time."""

    def act(workbench: Workbench, name: str, job: Job) -> None:
        workbench.stop(name, job, timeout=timeout)

    each_container(names, "stop", act)


@click.command()
@click.option("-s", "--signal", default="KILL", show_default=True, help="The signal, by name or number.")
@NAMES
def kill(names: tuple[str, ...], signal: str) -> None:
    """Send a signal to containers' first processes."""
    each_container(names, "kill", lambda workbench, name, job: workbench.kill(name, job, signal=signal))


@click.command()
@NAMES
def pause(names: tuple[str, ...]) -> None:
    """Freeze all processes of containers."""
    each_container(names, "pause", lambda workbench, name, job: workbench.pause(name, job))


@click.command()
@NAMES
def unpause(names: tuple[str, ...]) -> None:
    """Let frozen containers go on."""
    each_container(names, "unpause", lambda workbench, name, job: workbench.unpause(name, job))


@click.command()
@click.option("-f", "--force", is_flag=True, help="Kill those that run.")
@NAMES
def rm(names: tuple[str, ...], force: bool) -> None:
    """Take containers away with all that they have written."""
    each_container(names, "rm", lambda workbench, name, job: workbench.remove(name, job, force=force))


@click.command()
@NAMES
def wait(names: tuple[str, ...]) -> None:
    """Wait until containers end, and print their exit codes."""
    workbench = session().workbench
    token = CancelToken()
    for name in names:
        click.echo(workbench.wait(name, token))
