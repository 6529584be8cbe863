"""Commands for a config.json that is written by hand: a bundle for runc, and a container's own, changed."""

from __future__ import annotations

import shlex
import tempfile
from pathlib import Path

import click

from engine import CutawayError, Job, Severity, UsageError, visible
from engine.cli.configs import OptionsAround
from engine.cli.console import Session, narrate, session
from engine.cli.drafting import Asked, config_option, drafting, text_of


@click.command(cls=OptionsAround)
@click.option(
    "-o",
    "--output",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="The bundle's directory.  [default: NAME-bundle]",
)
@drafting
def bundle(asked: Asked, directory: Path | None) -> None:
    """Write what `run` would start as a bundle for plain runc, and print its directory.

    In it are config.json and the files that it binds; its root filesystem is a working container of IMAGE, which
    `umount` takes away again.
    """
    console = session()
    draft = asked.draft(console)
    target = (directory or Path(f"{draft.name}-bundle")).absolute()
    made, said = console.do(f"bundle {draft.name}", lambda job: console.workbench.export(draft, target, job))
    for line in said:
        narrate(line)
    narrate(f"run it:  {shlex.join(['runc', 'run', '--bundle', str(target), draft.name])}")
    narrate(f"away with its root filesystem:  cutaway umount {made.name}")
    click.echo(target)


@click.command()
@config_option
@click.option("--restart", is_flag=True, help="Stop it where it runs, and start it with what was written.")
@click.argument("name", metavar="CONTAINER")
def edit(name: str, config_file: Path | None, restart: bool) -> None:
    """Change a container's config.json in $EDITOR, for its next start; print its id.

    With --config nothing is asked: that file takes its place. What runc will refuse is named, and taken all the same.
    """
    console = session()
    draft = console.workbench.reopen(name)
    text = text_of(config_file) if config_file is not None else click.edit(draft.text, extension=".json")
    if text is None or text == draft.text:
        narrate(f"{draft.name}: nothing was changed")
        click.echo(draft.id)
        return
    try:
        _take(console, draft.id, text, restart=restart)
    except CutawayError as error:
        if config_file is not None:
            raise
        raise UsageError(error.message, hint=f"What you wrote is in {_kept(text)}. {error.hint}".rstrip()) from error
    click.echo(draft.id)


def _take(console: Session, id: str, text: str, *, restart: bool) -> None:
    draft = console.workbench.reopen(id).with_text(text)
    for found in console.workbench.check(text, container=id):
        if found.severity is Severity.ERROR or found.code == "root-elsewhere":
            narrate(visible(f"line {found.line}: {found.message}"))

    def work(job: Job) -> object:
        if restart:
            return console.workbench.launch(draft, job, revises=True)
        return console.workbench.revise(draft, job)

    console.do(f"edit {draft.name}", work)


def _kept(text: str) -> str:
    """The file that has it now; its owner's alone, as it may hold secrets."""
    with tempfile.NamedTemporaryFile("wb", prefix="cutaway-", suffix=".json", delete=False) as file:
        file.write(text.encode("utf-8", "surrogateescape"))
    return file.name
