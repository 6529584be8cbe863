"""Commands that look inside images and containers: files, cat, diff, cp."""

from __future__ import annotations

import shutil
import stat
import sys
from collections.abc import Iterable
from datetime import datetime

import click
import msgspec

from engine import FileEntry, Job, Owners, human_size, place_within, visible
from engine.cli.choosing import ContainerCommand
from engine.cli.console import print_json, print_table, session
from engine.cli.options import as_json

_SIGNS = {"added": "A", "changed": "C", "removed": "D"}


@click.command()
@as_json
@click.option("-r", "--recursive", is_flag=True, help="All below it, too.")
@click.option("-l", "--layer", type=click.IntRange(min=1), metavar="N", help="What layer N adds, changes and removes.")
@click.argument("name")
@click.argument("path", default="/")
def files(name: str, path: str, recursive: bool, layer: int | None, as_json: bool) -> None:
    """List the files at PATH in an image or a container NAME, each with the layer it comes from.

    A letter says what that layer did: A added, C changed (and the layer whose file it hides), D removed. Owners have
    the names of its own /etc/passwd and /etc/group.
    """
    workbench = session(recover=False).workbench
    found: Iterable[FileEntry]
    inside = workbench.inside(name)
    owners = inside.owners()
    if layer is not None:
        found = workbench.layer_files(name, layer)
    else:
        found = inside.all(path) if recursive else inside.entries(path)
    if as_json:
        print_json([{**msgspec.structs.asdict(entry), **_named(entry, owners)} for entry in found])
        return
    whole = recursive or layer is not None
    print_table(
        ["MODE", "OWNER", "SIZE", "MODIFIED", "LAYER", "", "NAME"],
        [
            [
                stat.filemode(entry.mode),
                f"{entry.uid}:{entry.gid} {owners.of(entry)}".rstrip(),
                _size(entry),
                _time(entry.mtime),
                str(entry.layer),
                _SIGNS.get(entry.change, "") + (f" hides {entry.hides}" if entry.hides else ""),
                _name(entry, whole=whole),
            ]
            for entry in found
        ],
        right=[2, 4],
    )


def _named(entry: FileEntry, owners: Owners) -> dict[str, str]:
    return {"user": owners.users.get(entry.uid, ""), "group": owners.groups.get(entry.gid, "")}


def _size(entry: FileEntry) -> str:
    if any(entry.device):
        return "{},{}".format(*entry.device)
    return human_size(entry.size) if stat.S_ISREG(entry.mode) else "-"


def _time(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):  # an image may claim any time
        return f"{seconds:.0f}"


def _name(entry: FileEntry, *, whole: bool) -> str:
    name = "/" + entry.path if whole else entry.path.rpartition("/")[2]
    if entry.target:
        return f"{name} -> {entry.target}"
    return f"{name} = /{entry.same_as}" if entry.same_as else name


@click.command()
@click.argument("name")
@click.argument("path")
def cat(name: str, path: str) -> None:
    """Print a file of an image or a container NAME, byte for byte."""
    with session(recover=False).workbench.open_file(name, path) as file:
        sys.stdout.flush()
        shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.buffer.flush()


@click.command()
@as_json
@click.argument("name")
@click.argument("other", required=False)
def diff(name: str, other: str | None, as_json: bool) -> None:
    """List what a container NAME has changed. With OTHER, in what that image or container differs from NAME.

    A added, C changed, D removed.
    """
    console = session(recover=False)
    found = console.do(f"diff {name}", lambda job: console.workbench.diff(name, other, job))
    if as_json:
        print_json([msgspec.structs.asdict(entry) for entry in found])
        return
    for entry in found:
        click.echo(f"{_SIGNS[entry.change]} {visible('/' + entry.path)}")


@click.command(cls=ContainerCommand)
@click.option("-a", is_flag=True, expose_value=False, help="As --archive=true, which it is anyway.")
@click.option(
    "--archive",
    "to_user",
    type=bool,
    default=True,
    metavar="BOOL",
    help="What goes into a container becomes its user's; with =false its owner stays.",
)
@click.option("--overwrite", is_flag=True, help="Let a directory be replaced by a file, and the other way round.")
@click.argument("source", metavar="[NAME:]PATH")
@click.argument("target", metavar="[NAME:]PATH")
def cp(source: str, target: str, to_user: bool, overwrite: bool) -> None:
    """Copy files between a container and this host, or out of an image. NAME:PATH is in a container or an image.

    As with cp -a: into a directory that is there, otherwise as the new name; PATH/. is a directory's content.
    A host path with a colon in it begins with / or a dot. For `-` a tar stream is read from stdin into the directory
    PATH, or written to stdout.
    """
    console = session(recover=False)
    workbench = console.workbench
    origin, place = place_within(source), place_within(target)
    if origin and target == "-":
        console.do(f"cp {source} -", lambda job: workbench.extract_tar(*origin, sys.stdout.buffer, job))
        return

    def work(job: Job) -> int:
        if place and source == "-":
            stdin = sys.stdin.buffer
            return workbench.copy_in_tar(stdin, *place, job, keep_owner=not to_user, overwrite=overwrite)
        return workbench.copy(source, target, job, keep_owner=not to_user, overwrite=overwrite)

    count = console.do(f"cp {source} {target}", work)
    click.echo(f"{target}: {count} files and directories", err=True)
