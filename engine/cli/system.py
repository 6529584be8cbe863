"""Commands on this host and the store: system info, df, check, prune."""

from __future__ import annotations

import click

from engine import UsageError, human_size, visible
from engine.cli.console import narrate, print_json, print_table, session
from engine.cli.options import as_json


@click.group(no_args_is_help=False)
def system() -> None:
    """This host and the store."""


@system.command()
@as_json
def info(as_json: bool) -> None:
    """Show what this host has and lacks, and where things are kept."""
    workbench = session(recover=False).workbench
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
        "netavark": f"{facts.netavark.version} ({facts.netavark.path})" if facts.netavark else None,
        "network": facts.wished_network or ("bridge" if facts.bridge else "host"),
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


@system.command()
@as_json
def df(as_json: bool) -> None:
    """Show what takes how much room."""
    usage = session(recover=False).workbench.usage()
    totals = {key: getattr(usage, key) for key in ("blobs", "layers", "partial", "reclaimable")}
    if as_json:
        images = [
            {"names": list(i.names), "id": i.id.hex, "unique": i.unique, "shared": i.shared} for i in usage.images
        ]
        print_json({"images": images, **totals})
        return
    print_table(
        ["IMAGE", "ITS OWN", "SHARED"],
        [[", ".join(i.names), human_size(i.unique), human_size(i.shared)] for i in usage.images],
        right=[1, 2],
    )
    click.echo("")
    print_table(
        ["WHAT", "SIZE"],
        [
            ["blobs, as fetched", human_size(usage.blobs)],
            ["layers, expanded", human_size(usage.layers)],
            ["unfinished transfers", human_size(usage.partial)],
            ["freed by system prune", human_size(usage.reclaimable)],
        ],
        right=[1],
    )


@system.command()
@click.option("--repair", is_flag=True, help="Take damaged things away, so that a next pull brings them whole.")
@as_json
def check(repair: bool, as_json: bool) -> None:
    """Read all of the store again, and say what is damaged or left over. Exit code 1 if something is, and stays so."""
    console = session(recover=False)
    found = console.do("check the store", lambda job: console.workbench.check_store(job, repair=repair))
    if as_json:
        print_json([{"code": p.code, "message": p.message, "hint": p.hint, "mended": p.mended} for p in found])
    else:
        for problem in found:
            click.echo(visible(f"{'taken away: ' * problem.mended}{problem.message}. {problem.hint}"))
        if not found:
            narrate("everything is as it should be")
    if not all(problem.mended for problem in found):
        raise click.exceptions.Exit(1)


@system.command()
@click.option("-f", "--force", is_flag=True, help="podman's; nothing is asked here.")
@as_json
def prune(force: bool, as_json: bool) -> None:
    """Remove what no image and no container needs. Blobs and layers, and what has come of broken transfers."""
    console = session()
    swept = console.do("prune", console.workbench.prune)
    if as_json:
        print_json(
            {"blobs": list(swept.blobs), "layers": list(swept.layers), "partial": swept.partial, "size": swept.size}
        )
    else:
        for digest in (*swept.blobs, *swept.layers):
            click.echo(digest)
        unfinished = f", {human_size(swept.partial)} of it of unfinished transfers" if swept.partial else ""
        narrate(f"{human_size(swept.size)} freed{unfinished}")


@click.command("config-file")
@click.pass_context
def config_file(ctx: click.Context) -> None:
    """Print the settings with their defaults, for ~/.config/cutaway/config.toml. Each has a comment."""
    make = ctx.obj["default_settings"]
    if make is None:
        raise UsageError("the settings are the screen's, which is not installed here")
    click.echo(make(), nl=False)
