"""The command that lists containers: ps."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import click

from engine import ALIVE, ContainerSummary, Status, UsageError, visible
from engine.cli.choosing import ContainerCommand
from engine.cli.console import print_json, print_table, session, warn
from engine.cli.filters import matches, parse_filters
from engine.cli.options import as_json
from engine.cli.templates import at_path, filled

_ORDERS: dict[str, Callable[[ContainerSummary], Any]] = {
    "created": lambda c: (c.created, c.id),
    "name": lambda c: c.name,
    "id": lambda c: c.id,
    "image": lambda c: (c.image, c.name),
    "status": lambda c: (c.status.value, c.name),
    "pid": lambda c: c.pid,
    "command": lambda c: (c.command, c.name),
}


@click.command(cls=ContainerCommand)
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
@click.option("--no-trunc", is_flag=True, help="Whole commands.")
@click.option("--sync", is_flag=True, expose_value=False, help="podman's; states are read from the kernel anyway.")
@click.option("--noheading", is_flag=True, help="No line of titles.")
@click.option("--sort", type=click.Choice(sorted(_ORDERS)), default="created", show_default=True, help="By what.")
@click.option("--format", "form", metavar="table|json|TEMPLATE", help="A template: '{{.ID}} {{.Names}} {{.Status}}'.")
@as_json
def ps(
    everything: bool,
    quiet: bool,
    filters: tuple[str, ...],
    last: int | None,
    latest: bool,
    no_trunc: bool,
    noheading: bool,
    sort: str,
    form: str | None,
    as_json: bool,
) -> None:
    """List containers."""
    wanted = parse_filters(filters)
    workbench = session().workbench
    found = [c for c in workbench.containers() if matches(c, wanted)]
    warn(workbench.damaged_containers())
    if last or latest:
        found = found[-(last or 1) :]
    elif not everything and "status" not in wanted and "exited" not in wanted:
        found = [c for c in found if c.status in ALIVE]
    found.sort(key=_ORDERS[sort])
    if as_json or form == "json":
        print_json([_as_data(container) for container in found])
    elif quiet:
        for container in found:
            click.echo(container.id)
    elif form not in (None, "table"):
        assert form is not None
        _print_filled(form, found, heading=not noheading)
    else:
        width = None if no_trunc else 40
        rows = [
            [c.id, c.name, c.image, _state(c), str(c.pid or "-"), ", ".join(c.ports), " ".join(c.command)[:width]]
            for c in found
        ]
        titles = ["ID", "NAME", "IMAGE", "STATUS", "PID", "PORTS", "COMMAND"]
        print_table(titles, rows, heading=not noheading)


def _as_data(container: ContainerSummary) -> dict[str, Any]:
    own = {key: getattr(container, key) for key in ("id", "name", "image")}
    keys = ("pid", "created", "exit_code", "out_of_memory")
    rest = {key: getattr(container, key) for key in keys}
    return own | {"status": container.status.value} | rest | {"ports": list(container.ports)}


_FIELDS: dict[str, Callable[[ContainerSummary], str]] = {
    "ID": lambda c: c.id,
    "Names": lambda c: c.name,
    "Image": lambda c: c.image,
    "Command": lambda c: " ".join(c.command),
    "CreatedAt": lambda c: c.created,
    "Status": lambda c: _state(c),
    "State": lambda c: c.status.value,
    "Pid": lambda c: str(c.pid),
    "ExitCode": lambda c: "" if c.exit_code is None else str(c.exit_code),
    "Ports": lambda c: ", ".join(c.ports),
    "Networks": lambda c: c.network,
}
"""What can stand in a template by podman's names, beside the names of --json."""


def _field(words: str, container: ContainerSummary) -> str:
    value = _FIELDS.get(words.removeprefix(".")) if words.startswith(".") else None
    if value is not None:
        return visible(value(container))
    try:
        return at_path(_as_data(container), words)
    except UsageError as error:
        raise UsageError(error.message, hint=f"There: .{', .'.join(_FIELDS)}, and what --json has.") from None


def _print_filled(form: str, containers: list[ContainerSummary], *, heading: bool) -> None:
    """A line of each; with `table ` before the template in columns, which its tabs divide, with titles."""
    template, as_table = form.removeprefix("table ").replace("\\t", "\t"), form.startswith("table ")
    columns = template.split("\t") if as_table else [template]
    fields = [functools.partial(_field, container=container) for container in containers]
    rows = [[filled(column, field) for column in columns] for field in fields]
    if not as_table:
        for (line,) in rows:
            click.echo(line)
        return
    titles = [filled(column, lambda words: words.removeprefix("json ").removeprefix(".").upper()) for column in columns]
    print_table(titles, rows, heading=heading)


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
