"""Commands on images in files: save, load, import."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import BinaryIO

import click

from engine import UsageError, human_size
from engine.cli.console import narrate, session

FORMS = ["docker-archive", "oci-archive", "oci-dir"]


@click.command()
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The file; stdout where it is not given.")
@click.option("--format", "form", type=click.Choice(FORMS), default=FORMS[0], show_default=True, help="What to write.")
@click.option("-m", "--multi-image-archive", is_flag=True, expose_value=False, help="podman's word; it is always one.")
@click.option("-q", "--quiet", is_flag=True, help="Tell nothing on the way.")
@click.argument("names", metavar="IMAGE…", nargs=-1, required=True)
def save(names: tuple[str, ...], output: Path | None, form: str, quiet: bool) -> None:
    """Write images to one archive, for podman, docker, skopeo and `cutaway load`.

    docker-archive is what `docker save` writes; oci-archive an OCI image layout in a file, oci-dir in a directory.
    """
    console = session(quiet=quiet, recover=False)
    target: Path | BinaryIO
    if output is not None:
        target = output
    elif form == "oci-dir":
        raise UsageError("a directory needs a name", hint="Give it with --output DIR.")
    elif sys.stdout.isatty():
        raise UsageError("an archive is nothing for a terminal", hint="Use --output FILE, or redirect stdout.")
    else:
        target = sys.stdout.buffer
    console.do(f"save {' '.join(names)}", lambda job: console.workbench.save(names, target, job, form=form))


@click.command()
@click.option("-i", "--input", "archive", type=click.Path(path_type=Path), help="The archive; else stdin is read.")
@click.option("-q", "--quiet", is_flag=True, help="Tell nothing on the way.")
def load(archive: Path | None, quiet: bool) -> None:
    """Bring all images of an archive here. `podman save`, `docker save`, skopeo, buildah and `cutaway save` make them.

    It may be an oci-archive or a docker-archive, compressed or not, or a directory with an OCI image layout.
    """
    if archive is None and sys.stdin.isatty():
        raise UsageError("no archive", hint="Use --input FILE, or redirect stdin.")
    console = session(quiet=quiet)
    found = archive or sys.stdin.buffer
    for image in console.do(f"load {archive or '-'}", lambda job: console.workbench.load(found, job)):
        click.echo(f"Loaded image: {image.reference}")


@click.command("import")
@click.option("-c", "--change", "changes", multiple=True, metavar="INSTRUCTION", help="CMD, ENTRYPOINT, ENV, USER, …")
@click.option("-m", "--message", default="", help="A comment for the history.")
@click.option("-q", "--quiet", is_flag=True, help="Print the image's id alone.")
@click.argument("archive", metavar="FILE|DIRECTORY|-")
@click.argument("image")
def import_(archive: str, image: str, changes: tuple[str, ...], message: str, quiet: bool) -> None:
    """Make a root filesystem an image of one layer, called IMAGE.

    It may be in a tar archive (plain, gzip, zstd, xz, bzip2) or in a directory.
    """
    console = session(quiet=quiet)
    source = sys.stdin.buffer if archive == "-" else Path(archive)
    made = console.do(
        f"import {archive}",
        lambda job: console.workbench.import_root(source, image, job, changes=changes, message=message),
    )
    if not quiet:
        narrate(f"{made.reference}  {human_size(made.size)}")
    click.echo(made.id)
