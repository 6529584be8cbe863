"""Commands on working containers: mount, umount."""

from __future__ import annotations

import click

from engine.cli.console import each, print_json, print_table, session
from engine.cli.options import as_json


@click.command()
@click.option("--name", help="The working container's name.")
@as_json
@click.argument("image", metavar="[IMAGE|CONTAINER]", required=False)
def mount(image: str | None, name: str | None, as_json: bool) -> None:
    """Mount IMAGE below a writable directory of its own, and print where. Without IMAGE list what is mounted.

    A CONTAINER made so before is mounted again if it is not (after a reboot)."""
    console = session()
    if image is None:
        found = [entry for entry in console.workbench.containers() if entry.mounted]
        if as_json:
            print_json([{"id": c.id, "name": c.name, "image": c.image, "path": str(c.merged)} for c in found])
        else:
            print_table(["NAME", "IMAGE", "PATH"], [[c.name, c.image, str(c.merged)] for c in found])
        return
    made = console.do(f"mount {image}", lambda job: console.workbench.mount(image, job, name=name))
    if as_json:
        print_json({"id": made.id, "name": made.name, "image": made.image, "path": str(made.merged)})
    else:
        click.echo(str(made.merged))


@click.command()
@click.argument("names", metavar="NAME…", nargs=-1, required=True)
def umount(names: tuple[str, ...]) -> None:
    """Take working containers away, with what was changed in them. NAME may be the directory that `mount` printed."""
    console = session()

    def remove(name: str) -> None:
        console.do(f"umount {name}", lambda job: console.workbench.umount(name, job))
        click.echo(name)

    each(names, remove)
