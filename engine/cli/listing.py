"""The command that lists containers: ps."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import click

from engine import ALIVE, ContainerDamaged, ContainerSummary, ContainerUnknown, Status, Workbench, human_size
from engine.cli.choosing import ContainerCommand
from engine.cli.console import print_json, print_table, session, warn
from engine.cli.filters import known, labels, matches, mounted, parse_filters
from engine.cli.options import as_json
from engine.cli.templates import field, print_filled

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
    help="id=, name= (regular expressions), status=, exited= (code), ancestor= (image), volume= (name or directory),"
    " network= (bridge, host, none); several of a key: any of them. label=NAME[=VALUE]: all of them.",
)
@click.option("-s", "--size", is_flag=True, help="How much it has written, and how much that is with its image.")
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
    size: bool,
    noheading: bool,
    sort: str,
    form: str | None,
    as_json: bool,
) -> None:
    """List containers."""
    wanted = parse_filters(filters)
    workbench = session().workbench
    found = [c for c in workbench.containers() if matches(c, wanted, workbench.inspect)]
    warn(workbench.damaged_containers())
    if last or latest:
        found = found[-(last or 1) :]
    elif not everything and "status" not in wanted and "exited" not in wanted:
        found = [c for c in found if c.status in ALIVE or (c.status is Status.DAMAGED and c.pid)]
    found.sort(key=_ORDERS[sort])
    listed = [Listed(workbench, container, with_size=size) for container in found]
    if as_json or form == "json":
        print_json([_as_data(each) for each in listed])
    elif quiet:
        for container in found:
            click.echo(container.id)
    elif form not in (None, "table"):
        assert form is not None
        print_filled(form, [functools.partial(_field, listed=each) for each in listed], heading=not noheading)
    else:
        width = None if no_trunc else 40
        rows = [
            [c.id, c.name, c.image, _state(c), str(c.pid or "-"), ", ".join(c.ports), " ".join(c.command)[:width]]
            + ([each.size] if size else [])
            for each in listed
            for c in [each.summary]
        ]
        titles = ["ID", "NAME", "IMAGE", "STATUS", "PID", "PORTS", "COMMAND"] + ["SIZE"] * size
        print_table(titles, rows, heading=not noheading)


class Listed:
    """A container of the list, and what is looked up where somebody asks for it."""

    def __init__(self, workbench: Workbench, summary: ContainerSummary, *, with_size: bool) -> None:
        self.summary = summary
        self.with_size = with_size
        self._workbench = workbench

    @functools.cached_property
    def document(self) -> dict[str, Any]:
        """All that is known of it."""
        return known(self._workbench.inspect, self.summary.id)

    @functools.cached_property
    def sizes(self) -> tuple[int, int | None]:
        """Bytes: written, and with the image's."""
        try:
            return self._workbench.sizes(self.summary.id)
        except (ContainerUnknown, ContainerDamaged):
            return 0, None

    @property
    def size(self) -> str:
        """As podman writes it."""
        own, whole = self.sizes
        return human_size(own) + (f" (virtual {human_size(whole)})" if whole is not None else "")


def _as_data(listed: Listed) -> dict[str, Any]:
    container = listed.summary
    own = {key: getattr(container, key) for key in ("id", "name", "image")}
    keys = ("pid", "created", "exit_code", "out_of_memory")
    rest = {key: getattr(container, key) for key in keys}
    found = own | {"status": container.status.value} | rest | {"ports": list(container.ports)}
    if listed.with_size:
        found |= {"size": listed.sizes[0], "virtual_size": listed.sizes[1]}
    return found


_FIELDS: dict[str, Callable[[Listed], str]] = {
    "ID": lambda each: each.summary.id,
    "Names": lambda each: each.summary.name,
    "Image": lambda each: each.summary.image,
    "Command": lambda each: " ".join(each.summary.command),
    "CreatedAt": lambda each: each.summary.created,
    "Status": lambda each: _state(each.summary),
    "State": lambda each: each.summary.status.value,
    "Pid": lambda each: str(each.summary.pid),
    "ExitCode": lambda each: "" if each.summary.exit_code is None else str(each.summary.exit_code),
    "Ports": lambda each: ", ".join(each.summary.ports),
    "Networks": lambda each: each.summary.network,
    "Labels": lambda each: ",".join(f"{key}={value}" for key, value in labels(each.document).items()),
    "Mounts": lambda each: ",".join(place for _, place in mounted(each.document)),
    "Size": lambda each: each.size,
}
"""What can stand in a template by podman's names, beside the names of --json."""


def _field(words: str, listed: Listed) -> str:
    fields = {name: functools.partial(value, listed) for name, value in _FIELDS.items()}
    return field(words, fields, _as_data(listed))


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
