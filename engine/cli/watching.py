"""Commands that tell what containers do: stats, events."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

import click

from engine import CancelToken, ContainerStats, Happening, UsageError, human_size, visible
from engine.cli.choosing import LATEST, ContainerCommand, one
from engine.cli.console import narrate, print_json, print_table, session
from engine.cli.logs import moment
from engine.cli.options import as_json
from engine.cli.templates import field, print_filled

_format = click.option(
    "--format", "form", default="table", metavar="table|json|TEMPLATE", help="A template: '{{.Name}} {{.ID}}'."
)


@click.command(cls=ContainerCommand)
@click.option("--no-stream", is_flag=True, help="Print one reading and end.")
@click.option("-i", "--interval", type=click.FloatRange(0.1), default=1.0, show_default=True, help="Seconds.")
@click.option("-a", "--all", "everything", is_flag=True, help="Of those, too, that do not run.")
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

    CPU % is of one CPU. Without names it shows all that run; one that is named, and does not run, uses nothing. As JSON
    it prints one array a line.
    """
    token = CancelToken()
    live = sys.stdout.isatty() and not no_stream and not no_reset
    workbench = session().workbench
    if latest:
        names = (one(workbench, names[0] if names else None, latest),)
    idle = everything or bool(names)
    for lines in workbench.stats(token, *names, every=interval, once=no_stream, idle=idle):
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
        if form == "table":
            rows = [[value(line) for value in _COLUMNS.values()] for line in lines]
            print_table(list(_COLUMNS), rows, right=[2, 3, 5, 6])
        else:
            print_filled(form, [functools.partial(_stats_field, line=line) for line in lines], heading=True)
        sys.stdout.flush()


_COLUMNS: dict[str, Callable[[ContainerStats], str]] = {
    "ID": lambda line: line.id,
    "NAME": lambda line: line.name,
    "CPU %": lambda line: f"{line.cpu_percent:.1f}",
    "AVG %": lambda line: f"{line.average_cpu:.1f}",
    "MEM USAGE / LIMIT": lambda line: f"{_size(line.reading.memory)} / {_size(line.reading.memory_limit)}",
    "MEM %": lambda line: f"{line.memory_percent:.1f}",
    "PIDS": lambda line: "-" if line.reading.pids is None else str(line.reading.pids),
    "NET IO": lambda line: f"{_size(line.reading.received)} / {_size(line.reading.sent)}",
    "BLOCK IO": lambda line: f"{_size(line.reading.block_read)} / {_size(line.reading.block_written)}",
    "CPU TIME": lambda line: "-" if line.reading.cpu_time is None else f"{line.reading.cpu_time:.2f} s",
}
_STATS = {
    **{"ID": "ID", "Name": "NAME", "CPUPerc": "CPU %", "AvgCPU": "AVG %", "MemUsage": "MEM USAGE / LIMIT"},
    **{"MemPerc": "MEM %", "PIDs": "PIDS", "NetIO": "NET IO", "BlockIO": "BLOCK IO", "CPUTime": "CPU TIME"},
}
"""What a template calls the columns, podman's names."""


def _stats_field(words: str, line: ContainerStats) -> str:
    fields = {name: functools.partial(_COLUMNS[column], line) for name, column in _STATS.items()}
    fields |= {name: functools.partial("{}%".format, fields[name]()) for name in ("CPUPerc", "AvgCPU", "MemPerc")}
    return field(words, fields, _as_data(line))


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
            click.echo(json.dumps(_event_data(happening)))
        elif form != "table":
            print_filled(form, [functools.partial(_event_field, happening=happening)], heading=False)
        else:
            detail = "".join(f", {key}={value}" for key, value in happening.detail.items())
            click.echo(
                visible(
                    f"{_when(happening)} container {happening.action} {happening.id}"
                    f" (image={happening.image}, name={happening.name}{detail})"
                )
            )
        sys.stdout.flush()


def _when(happening: Happening) -> str:
    return datetime.fromtimestamp(happening.time).astimezone().isoformat(timespec="milliseconds")


def _event_data(happening: Happening) -> dict[str, Any]:
    return {key: getattr(happening, key) for key in ("time", "action", "id", "name", "image", "detail")}


def _event_field(words: str, happening: Happening) -> str:
    fields: dict[str, Callable[[], str]] = {
        "Time": lambda: _when(happening),
        "Type": lambda: "container",
        "Status": lambda: happening.action,
        "ID": lambda: happening.id,
        "Name": lambda: happening.name,
        "Image": lambda: happening.image,
        "ContainerExitCode": lambda: happening.detail.get("exit_code", ""),
        "Attributes": lambda: json.dumps(happening.detail),
    }
    return field(words, fields, _event_data(happening))


def _matches(happening: Happening, wanted: dict[str, set[str]]) -> bool:
    """Of one key any value will do, and every key must."""
    if "event" in wanted and happening.action not in wanted["event"]:
        return False
    if "image" in wanted and happening.image not in wanted["image"]:
        return False
    return "container" not in wanted or any(
        value == happening.name or (value and happening.id.startswith(value)) for value in wanted["container"]
    )
