"""Commands on named volumes, `run -v NAME:DIR`."""

from __future__ import annotations

import click

from engine.cli.console import each, print_json, print_table, session
from engine.cli.options import as_json


@click.group(no_args_is_help=False)
def volume() -> None:
    """Named volumes: directories that outlive containers."""


@volume.command("ls")
@as_json
def list_(as_json: bool) -> None:
    """List the volumes, each with the containers that bind it."""
    found = session(recover=False).workbench.volumes()
    if as_json:
        print_json([{"name": v.name, "path": str(v.path), "containers": list(v.containers)} for v in found])
    else:
        print_table(["NAME", "CONTAINERS", "PATH"], [[v.name, ", ".join(v.containers), str(v.path)] for v in found])


@volume.command("rm")
@click.argument("names", nargs=-1, required=True, metavar="NAME…")
def remove(names: tuple[str, ...]) -> None:
    """Take volumes away with all that is in them. One that a container binds stays."""
    workbench = session().workbench

    def remove_one(name: str) -> None:
        workbench.remove_volume(name)
        click.echo(name)

    each(names, remove_one)
