"""Commands that make images and the means to that: mount, umount, commit."""

from __future__ import annotations

import click

from engine import CommitOptions
from engine.cli.console import each, how_large, narrate, print_json, print_table, session
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


@click.command()
@click.option("-c", "--change", "changes", multiple=True, metavar="INSTRUCTION", help="CMD, ENTRYPOINT, ENV, USER, …")
@click.option("-m", "--message", default="", help="A comment for the history.")
@click.option("-a", "--author", default="", help="Who made it.")
@click.option("-p", "--pause", is_flag=True, help="Freeze a running container meanwhile.")
@click.option("-s", "--squash", is_flag=True, help="One layer of the image's and the container's.")
@click.option("-f", "--format", "kind", type=click.Choice(["oci", "docker"]), default="oci", help="Whose media types.")
@click.option("--compression-format", "compression", type=click.Choice(["gzip", "zstd"]), default="gzip")
@click.option("--compression-level", "level", type=int, metavar="N", help="gzip 0 to 9 (2), zstd 1 to 19 (3).")
@click.option("--leave-out", multiple=True, metavar="PATH", help="A path in the container that stays as in the image.")
@click.option("-q", "--quiet", is_flag=True, help="Print the image's id alone.")
@click.argument("container")
@click.argument("image")
def commit(
    container: str,
    image: str,
    changes: tuple[str, ...],
    message: str,
    author: str,
    pause: bool,
    squash: bool,
    kind: str,
    compression: str,
    level: int | None,
    leave_out: tuple[str, ...],
    quiet: bool,
) -> None:
    """Make what CONTAINER has changed a layer on top of its image, and call the result IMAGE.

    With SOURCE_DATE_EPOCH in the environment the same changes make the same image.
    """
    options = CommitOptions(
        changes=changes,
        message=message,
        author=author,
        pause=pause,
        squash=squash,
        docker=kind == "docker",
        compression=compression,
        level=level,
        leave_out=leave_out,
    )
    console = session(quiet=quiet)
    made = console.do(f"commit {container}", lambda job: console.workbench.commit(container, image, job, options))
    if not quiet:
        narrate(f"{made.reference}  {how_large(made)}")
    click.echo(made.id)
