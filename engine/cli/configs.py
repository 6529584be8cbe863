"""Commands on config.json: config, check, explain, adopt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, BinaryIO

import click

from engine import (
    MAX_CONFIG_BYTES,
    Adoption,
    Difference,
    DifferenceKind,
    Draft,
    Field,
    Job,
    RunOptions,
    Severity,
    UsageError,
    differences,
    explain_field,
    fields,
    known_words,
    member_names,
    run_options,
    visible,
)
from engine.cli.console import Session, narrate, print_json, print_table, session
from engine.cli.options import as_json, platform_option, tls_verify_option


class OptionsAround(click.Command):
    """Takes options before its first argument and right after it; from the next word or "--" on, all are arguments."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        options = [each for each in self.params if isinstance(each, click.Option)]
        read = click.Command(self.name, params=[*options]).make_parser(ctx).parse_args
        _, rest, _ = read(list(args))
        before = args[: len(args) - len(rest)]
        if len(rest) < 2 or not rest[1].startswith("-") or before[-1:] == ["--"]:
            return super().parse_args(ctx, args)
        first, *after = rest
        try:
            _, words, _ = read(list(after))
        except click.NoSuchOption as error:
            raise UsageError(
                error.format_message().rstrip("."),
                hint=f"If that is an argument of the container's, write -- before it: {self.name} IMAGE -- ARG",
            ) from None
        return super().parse_args(ctx, [*before, *after[: len(after) - len(words)], first, *words])


_VERSIONS = {"podman": "podman 4.3", "docker": "docker 20.10"}
"""Whose ways `config --against` knows."""


@click.command(cls=OptionsAround, context_settings={"allow_interspersed_args": False})
@click.option("--explain", is_flag=True, help="Show where each value comes from, in place of the config.json.")
@click.option(
    "--against",
    metavar="WHAT",
    help="Show in what it differs: bare, podman, docker, container:NAME, podman:NAME, docker:NAME, runc:ID, or a file.",
)
@as_json
@platform_option
@click.option(
    "--pull",
    "policy",
    type=click.Choice(["always", "missing", "never", "newer"]),
    default="never",
    show_default=True,
    help="When to ask the registry for the image.",
)
@run_options
@click.argument("image")
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
def config(
    image: str,
    explain: bool,
    against: str | None,
    as_json: bool,
    platform: str | None,
    policy: str,
    **flags: Any,
) -> None:
    """Print the config.json that `run` would start IMAGE with.

    Options may stand before IMAGE or right after it; a command that begins with a dash goes after --.
    --against bare is the image without any option; podman and docker are what podman 4.3 and docker 20.10 themselves
    would write by the same options, but for what they draw by lot. What is meant to differ, docs/engines.md says.
    """
    if explain and against is not None:
        raise UsageError("--explain and --against each take the place of the config.json: say one of them")
    console = session()
    options = RunOptions(**flags)

    def make(job: Job) -> Draft:
        name = console.workbench.obtain(image, job, policy=policy, platform=platform)
        return console.workbench.draft(name, options, job)

    draft = console.do(f"config {image}", make)
    if against is not None:
        other = console.do(f"config {image}", lambda job: console.workbench.baseline(against, draft, job))
        _print_differences(differences(other, draft.text), as_json)
        if against in ("podman", "docker"):
            narrate(
                f"compared with what {_VERSIONS[against]} would write by these options, but for its root.path and what"
                f" else it draws by lot; --against {against}:NAME compares with a container of its own"
            )
        return
    if not explain:
        click.echo(draft.text, nl=False)
        if draft.network:
            narrate(
                "the network namespace in it is made when a container is: for runc alone there are --network=host or"
                " none, and cutaway bundle"
            )
        if not json.loads(draft.text)["process"]["args"]:
            narrate("process.args is empty: the image names no command, and none was given")
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


def _print_differences(found: list[Difference], as_json: bool) -> None:
    """What the other one has not, or has otherwise: + only here, - only there, ~ there and here."""
    if as_json:
        print_json([{"kind": d.kind.value, "pointer": d.pointer, "before": d.before, "after": d.after} for d in found])
        return
    for d in found:
        match d.kind:
            case DifferenceKind.ADDED:
                click.echo(visible(f"+ {d.pointer}  {shortened(d.after)}"))
            case DifferenceKind.REMOVED:
                click.echo(visible(f"- {d.old}  {shortened(d.before)}"))
            case DifferenceKind.REORDERED:
                click.echo(visible(f"~ {d.pointer}  in another order"))
            case DifferenceKind.CHANGED:
                click.echo(visible(f"~ {d.pointer}  {shortened(d.before)} -> {shortened(d.after)}"))
    if not found:
        narrate("no difference")


def shortened(value: Any, limit: int = 60) -> str:
    """A JSON value on one line of at most `limit` characters."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= limit else text[: limit - 1] + "…"


@click.command()
@as_json
@click.option(
    "--bundle",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The directory where its relative paths start, as runc's --bundle.",
)
@click.argument("file", type=click.File("rb"))
def check(file: BinaryIO, as_json: bool, bundle: Path | None) -> None:
    """Say what is wrong in a config.json ("-" reads it from stdin).

    A file called config.json that lies beside its root filesystem is judged in that directory, as with --bundle; one
    that is for a container to be made is judged alone. Exit code 1 if runc would refuse it; warnings alone leave it
    at 0.
    """
    path = Path(file.name) if isinstance(file.name, str) else None
    text = file.read(MAX_CONFIG_BYTES + 1)
    bundle = bundle or (_bundle_around(path, text) if path is not None else None)
    found = session(recover=False).workbench.check(text, bundle=bundle)
    if as_json:
        keys = ("code", "pointer", "line", "column", "message", "hint")
        print_json([{"severity": d.severity.value, **{key: getattr(d, key) for key in keys}} for d in found])
    else:
        name = path.name if path is not None and file.name != "<stdin>" else "-"
        for d in found:
            click.echo(visible(f"{name}:{d.line}:{d.column}: {d.severity.value}: {d.message} [{d.code}] {d.pointer}"))
            if d.hint:
                click.echo(visible(f"    {d.hint}"))
        if not found:
            narrate("nothing found: runc should take it")
    if any(d.severity is Severity.ERROR for d in found):
        raise click.exceptions.Exit(1)


def _bundle_around(path: Path, text: bytes) -> Path | None:
    """The directory of a config.json, if that is a bundle (runtime-spec, bundle.md): its root filesystem is there."""
    if path.name != "config.json":
        return None
    try:
        root = json.loads(text)["root"]["path"]
        return path.absolute().parent if (path.parent / root).is_dir() else None
    except (ValueError, LookupError, TypeError, RecursionError, OSError):
        return None


@click.command()
@as_json
@click.argument("pointer", required=False)
def explain(pointer: str | None, as_json: bool) -> None:
    """Say what a field of config.json is; without POINTER list every field.

    POINTER is a JSON pointer, for example /linux/resources/memory/limit; for an index, * will do.
    """
    found = fields() if pointer is None else [explain_field(pointer)]
    if as_json:
        print_json([_field_data(field) for field in found] if pointer is None else _field_data(found[0]))
    elif pointer is None:
        print_table(["POINTER", "TYPE", "MEANING"], [[f.pattern, f.type_text, f.meaning] for f in found])
    else:
        (field,) = found
        below = member_names(field.pattern)
        words = sorted(known_words(field.pattern))
        click.echo(f"{field.pattern}\n  {field.meaning}")
        for name, said in {
            "type": field.type_text + ", required" * field.required,
            "default": field.default,
            "example": json.dumps(field.example, ensure_ascii=False),
            "values": ", ".join(words),
            "fields": ", ".join(below),
            "since": f"runc {field.newer}" if field.newer else "",
        }.items():
            if said:
                click.echo(f"  {name:8} {said}")


def _field_data(field: Field) -> dict[str, Any]:
    return {
        "pointer": field.pattern,
        "type": field.type_text,
        "required": field.required,
        "default": field.default,
        "example": field.example,
        "meaning": field.meaning,
        "values": sorted(known_words(field.pattern)),
        "since": field.newer,
    }


@click.command()
@click.option("--image", metavar="IMAGE", help="Its root filesystem, in place of what it has there.")
@click.option("--name", help="Name the new container; the other's with a number otherwise.")
@click.option("--rm", "auto_remove", is_flag=True, help="Remove the container when it ends.")
@click.option(
    "--network",
    type=click.Choice(["bridge", "none"]),
    help="In place of what it has there; none is the loopback alone.",
)
@click.option(
    "-p", "--publish", multiple=True, metavar="[[IP:][PORT]:]PORT[/PROTO]", help="Publish a port, by a bridge."
)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the config.json, only.")
@click.option("--print", "to_stdout", is_flag=True, help="Print the config.json, only.")
@tls_verify_option
@as_json
@click.argument("what", required=False, metavar="[podman:NAME|docker:NAME|runc:ID|FILE]")
def adopt(
    what: str | None,
    image: str | None,
    name: str | None,
    auto_remove: bool,
    network: str | None,
    publish: tuple[str, ...],
    output: Path | None,
    to_stdout: bool,
    tls_verify: bool,
    as_json: bool,
) -> None:
    """Make a container by another engine's config.json. Without argument list what podman, docker and runc have.

    What holds for the other container alone is replaced, and told; the other container stays as it is.
    """
    console = session()
    if what is None:
        _list_neighbours(console, as_json)
        return

    def draft(job: Job) -> Adoption:
        base = None if image is None else console.workbench.obtain(image, job, tls_verify=tls_verify)
        return console.workbench.adopt(
            what, job, image=base, name=name, auto_remove=auto_remove, network=network, publish=publish
        )

    adoption = console.do(f"adopt {what}", draft)
    notes = [{"pointer": n.pointer, "done": n.done, "why": n.why} for n in adoption.notes]
    if not as_json:
        for note in adoption.notes:
            narrate(f"{note.pointer}: {note.done}: {note.why}")
    if output is not None or to_stdout:
        data = adoption.draft.text.encode("utf-8", "surrogateescape")
        if output is not None:
            _write(output, data)
        if to_stdout:
            click.echo(data, nl=False)
        if as_json and not to_stdout:
            print_json({"image": adoption.draft.image, "notes": notes})
        return
    made = console.do(f"create {adoption.draft.name}", lambda job: console.workbench.create(adoption.draft, job))
    if as_json:
        print_json({"id": made.id, "name": made.name, "image": made.image, "notes": notes})
    else:
        click.echo(made.id)


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error


def _list_neighbours(console: Session, as_json: bool) -> None:
    found, silent = console.workbench.neighbours()
    for line in silent:
        narrate(line)
    if as_json:
        keys = ("engine", "id", "name", "image", "status", "why_not")
        print_json([{key: getattr(each, key) for key in keys} for each in found])
        return
    rows = [[f"{n.engine}:{n.name or n.id[:12]}", n.status, n.image, n.why_not] for n in found]
    print_table(["ADOPT", "STATUS", "IMAGE", "WHY NOT"], rows)
