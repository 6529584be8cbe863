"""Commands that tell what containers do: stats, events; ps and logs are in files of their own."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import Any

import click

from engine import CancelToken, ContainerStats, Happening, UsageError, human_size, visible
from engine.cli.choosing import LATEST, ContainerCommand, one
from engine.cli.console import narrate, print_json, print_table, session
from engine.cli.listing import ps
from engine.cli.logs import logs, moment
from engine.cli.options import as_json

__all__ = ["events", "logs", "ps", "stats"]

_format = click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", help="table or json.")


@click.command(cls=ContainerCommand)
@click.option("--no-stream", is_flag=True, help="Print one reading and end.")
@click.option("-i", "--interval", type=click.FloatRange(0.1), default=1.0, show_default=True, help="Seconds.")
@click.option("-a", "--all", "everything", is_flag=True, help="podman's; one that does not run uses nothing.")
@click.option("--no-reset", is_flag=True, help="Leave the screen as it is between two readings.")
@LATEST
@_format
@as_json
@click.argument("names", metavar="[CONTAINER…]", nargs=-1)
def stats(
    names: tuple[str, ...],
    no_stream: bool,
    interval: float,
    everything: bool,
    no_reset: bool,
    latest: bool,
    form: str,
    as_json: bool,
) -> None:
    """Show what running containers use: CPU, memory, processes, block I/O, network. Goes on until Ctrl-C.

    CPU % is of one CPU. Without names it shows all that run. As JSON it prints one array a line.
    """
    token = CancelToken()
    live = sys.stdout.isatty() and not no_stream and not no_reset
    workbench = session().workbench
    if latest:
        names = (one(workbench, names[0] if names else None, latest),)
    for lines in workbench.stats(token, *names, every=interval, once=no_stream):
        if as_json or form == "json":
            data = [_as_data(line) for line in lines]
            if no_stream:
                print_json(data)
            else:
                click.echo(json.dumps(data))
            sys.stdout.flush()
            continue
        if live:
            click.clear()
        print_table(
            [
                "ID",
                "NAME",
                "CPU %",
                "AVG %",
                "MEM USAGE / LIMIT",
                "MEM %",
                "PIDS",
                "NET IO",
                "BLOCK IO",
                "CPU TIME",
            ],
            [_row(line) for line in lines],
            right=[2, 3, 5, 6],
        )
        sys.stdout.flush()


def _row(line: ContainerStats) -> list[str]:
    now = line.reading
    return [
        line.id,
        line.name,
        f"{line.cpu_percent:.1f}",
        f"{line.average_cpu:.1f}",
        f"{_size(now.memory)} / {_size(now.memory_limit)}",
        f"{line.memory_percent:.1f}",
        "-" if now.pids is None else str(now.pids),
        f"{_size(now.received)} / {_size(now.sent)}",
        f"{_size(now.block_read)} / {_size(now.block_written)}",
        "-" if now.cpu_time is None else f"{now.cpu_time:.2f} s",
    ]


def _size(size: int | None) -> str:
    return "-" if size is None else human_size(size)


def _as_data(line: ContainerStats) -> dict[str, Any]:
    own = {key: getattr(line, key) for key in ("id", "name", "cpu_percent", "average_cpu", "memory_percent")}
    keys = ("time", "cpu_time", "memory", "memory_limit", "pids", "pids_limit", "received", "sent")
    return own | {key: getattr(line.reading, key) for key in (*keys, "block_read", "block_written")}


@click.command(cls=ContainerCommand)
@click.option("--since", callback=moment, help="From this time (RFC 3339, or a span back from now: 10m) on.")
@click.option("--until", callback=moment, help="Up to this time (RFC 3339, or a span ahead: 10s).")
@click.option(
    "-f", "--filter", "filters", multiple=True, metavar="KEY=VALUE", help="event=, container= (name or id) or image=."
)
@click.option("--stream/--no-stream", default=True, help="Wait for more, or print what has been.  [default: --stream]")
@_format
@as_json
def events(
    since: float | None, until: float | None, filters: tuple[str, ...], stream: bool, form: str, as_json: bool
) -> None:
    """Tell what is done to containers, as it happens. With --since or --no-stream also what has been done.

    As JSON it prints one object a line.
    """
    wanted: dict[str, set[str]] = {}
    for text in filters:
        key, equals, value = text.partition("=")
        if not equals or key not in ("event", "container", "image"):
            raise UsageError(
                f"not a filter: {visible(text)[:60]!r}", hint="event=died, container=NAME, image=REFERENCE."
            )
        wanted.setdefault(key, set()).add(value)
    if since is None and stream:
        import time

        since = time.time()
        narrate("waiting for what happens; Ctrl-C ends it")
    for happening in session().workbench.happenings(CancelToken(), since=since, until=until, follow=stream):
        if not _matches(happening, wanted):
            continue
        if as_json or form == "json":
            keys = ("time", "action", "id", "name", "image", "detail")
            click.echo(json.dumps({key: getattr(happening, key) for key in keys}))
        else:
            detail = "".join(f", {key}={value}" for key, value in happening.detail.items())
            when = datetime.fromtimestamp(happening.time).astimezone().isoformat(timespec="milliseconds")
            click.echo(
                visible(
                    f"{when} container {happening.action} {happening.id}"
                    f" (image={happening.image}, name={happening.name}{detail})"
                )
            )
        sys.stdout.flush()


def _matches(happening: Happening, wanted: dict[str, set[str]]) -> bool:
    """Of one key any value will do, and every key must."""
    if "event" in wanted and happening.action not in wanted["event"]:
        return False
    if "image" in wanted and happening.image not in wanted["image"]:
        return False
    return "container" not in wanted or any(
        value == happening.name or (value and happening.id.startswith(value)) for value in wanted["container"]
    )
