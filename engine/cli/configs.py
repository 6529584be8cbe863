"""Commands on config.json: config, check."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import click

from engine import RunOptions, Severity, visible
from engine.cli.console import narrate, print_json, print_table, session
from engine.cli.options import as_json, run_options, to_options


@click.command(context_settings={"ignore_unknown_options": False, "allow_interspersed_args": False})
@click.option("--explain", is_flag=True, help="Show where each value comes from, in place of the config.json.")
@as_json
@run_options
@click.argument("image")
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
def config(image: str, explain: bool, as_json: bool, **flags: Any) -> None:
    """Print the config.json that `run` would start IMAGE with."""
    console = session()
    options: RunOptions = to_options(flags)
    draft = console.do(f"config {image}", lambda job: console.workbench.draft(image, options, job))
    if not explain:
        click.echo(draft.text, nl=False)
        return
    rows = console.workbench.explain(draft)
    if as_json:
        print_json(
            [{"pointer": r.pointer, "value": r.value, "source": r.source.value, "detail": r.detail} for r in rows]
        )
    else:
        print_table(
            ["POINTER", "VALUE", "SOURCE", "DETAIL"],
            [[r.pointer, shortened(r.value), r.source.value, r.detail] for r in rows],
        )


def shortened(value: Any, limit: int = 60) -> str:
    """A JSON value on one line of at most `limit` characters."""
    import json

    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= limit else text[: limit - 1] + "…"


@click.command()
@as_json
@click.argument("file", type=click.File("rb"))
def check(file: BinaryIO, as_json: bool) -> None:
    """Say what is wrong in a config.json ("-" reads it from stdin).

    Exit code 1 if runc would refuse it; warnings alone leave it at 0.
    """
    found = session(recover=False).workbench.check(file.read())
    if as_json:
        keys = ("code", "pointer", "line", "column", "message", "hint")
        print_json([{"severity": d.severity.value, **{key: getattr(d, key) for key in keys}} for d in found])
    else:
        name = Path(file.name).name if isinstance(file.name, str) else "-"
        for d in found:
            click.echo(visible(f"{name}:{d.line}:{d.column}: {d.severity.value}: {d.message} [{d.code}] {d.pointer}"))
            if d.hint:
                click.echo(visible(f"    {d.hint}"))
        if not found:
            narrate("nothing found: runc should take it")
    if any(d.severity is Severity.ERROR for d in found):
        raise click.exceptions.Exit(1)
