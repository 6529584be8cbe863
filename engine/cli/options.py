"""Options that several commands share; those of `run` are the engine's."""

from __future__ import annotations

import click

platform_option = click.option("--platform", metavar="OS/ARCH[/VARIANT]", help="Choose from a multi-platform image.")

pull_option = click.option(
    "--pull",
    "policy",
    type=click.Choice(["always", "missing", "never", "newer"]),
    default="missing",
    show_default=True,
    help="When to ask the registry for the image.",
)

tls_verify_option = click.option(
    "--tls-verify",
    type=bool,
    default=True,
    metavar="true|false",
    help="Demand HTTPS with a good certificate; false takes any, and plain HTTP.  [default: true]",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
