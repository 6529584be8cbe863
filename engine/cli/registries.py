"""Commands on registries: push, tags, login, logout."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from engine import CutawayError, Job, UsageError
from engine.cli.console import narrate, print_json, session
from engine.cli.options import as_json, tls_verify_option


@click.command()
@tls_verify_option
@click.option("-q", "--quiet", is_flag=True, help="Print the digest alone.")
@click.option("--digestfile", type=click.Path(path_type=Path, dir_okay=False), help="Write the digest to a file.")
@click.option("-f", "--format", "kind", type=click.Choice(["oci", "v2s2"]), help="The kind of manifest; its own.")
@click.argument("image")
@click.argument("destination", required=False)
def push(
    image: str, destination: str | None, tls_verify: bool, quiet: bool, digestfile: Path | None, kind: str | None
) -> None:
    """Bring IMAGE to a registry, and print its digest. It goes as DESTINATION ([docker://]NAME[:TAG]), if given."""
    console = session(quiet=quiet, recover=False)
    title = f"push {image}" + (f" {destination}" if destination else "")
    digest = console.do(
        title, lambda job: console.workbench.push(image, job, to=destination, tls_verify=tls_verify, kind=kind)
    )
    if digestfile is not None:
        try:
            digestfile.write_text(digest)
        except OSError as error:
            raise CutawayError(f"pushed, but cannot write {digestfile}: {error.strerror}", hint=digest) from error
    click.echo(digest)


@click.command()
@tls_verify_option
@as_json
@click.argument("repository")
def tags(repository: str, tls_verify: bool, as_json: bool) -> None:
    """List the tags that a registry has in REPOSITORY."""
    console = session(recover=False)

    def work(job: Job) -> None:
        found = console.workbench.tags(repository, job, tls_verify=tls_verify)
        if as_json:
            print_json(list(found))
        else:
            for tag in found:
                click.echo(tag)

    console.do(f"tags {repository}", work)


@click.command()
@tls_verify_option
@click.option("-u", "--username", help="The user; asked for where it is not given.")
@click.option("--password-stdin", is_flag=True, help="Read the password from stdin.")
@click.argument("registry")
def login(registry: str, username: str | None, password_stdin: bool, tls_verify: bool) -> None:
    """Log in to REGISTRY, for podman, buildah and skopeo too. The login is tried before it is kept."""
    if password_stdin:
        if username is None:
            raise UsageError("--password-stdin needs --username")
        password = sys.stdin.read().removesuffix("\n").removesuffix("\r")
    elif not sys.stdin.isatty():
        raise UsageError("no terminal to ask for the password", hint="Use --username and --password-stdin.")
    else:
        username = username or click.prompt("Username", err=True)
        password = click.prompt("Password", hide_input=True, err=True)
    console = session(recover=False)
    where = console.do(
        f"login {registry}",
        lambda job: console.workbench.login(registry, username, password, job, tls_verify=tls_verify),
    )
    narrate(f"Logged in to {registry}. Kept in {where}")


@click.command()
@click.argument("registry")
def logout(registry: str) -> None:
    """Forget the login to REGISTRY."""
    narrate(f"Logged out of {registry}. It was kept in {session(recover=False).workbench.logout(registry)}")
