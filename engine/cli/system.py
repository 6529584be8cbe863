"""Commands on this host and the store: system info."""

from __future__ import annotations

import click

from engine import visible
from engine.cli.console import print_json, session
from engine.cli.images import as_json


@click.group()
def system() -> None:
    """This host and the store."""


@system.command()
@as_json
def info(as_json: bool) -> None:
    """Show what this host has, what is missing, and where things are kept."""
    workbench = session().workbench
    facts = workbench.facts
    rows: dict[str, str | bool | None] = {
        "host": facts.hostname,
        "kernel": facts.kernel,
        "platform": str(facts.platform),
        "root": facts.is_root,
        "cgroups": facts.cgroups.value,
        "overlay": facts.overlay,
        "runc": f"{facts.runc.version} ({facts.runc.path})" if facts.runc else None,
        "conmon": f"{facts.conmon.version} ({facts.conmon.path})" if facts.conmon else None,
        "data": str(workbench.root.path),
        "state": str(workbench.root.run),
    }
    problems = workbench.problems()
    if as_json:
        print_json({**rows, "problems": [{"code": p.code, "message": p.message, "hint": p.hint} for p in problems]})
        return
    for key, value in rows.items():
        click.echo(f"{key:10}{visible(_shown(value))}")
    for problem in problems:
        click.echo(f"\n! {visible(problem.message)}\n  {visible(problem.hint)}")


def _shown(value: str | bool | None) -> str:
    if value is None:
        return "not installed"
    return value if isinstance(value, str) else ("yes" if value else "no")
