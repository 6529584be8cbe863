"""Commands on images: pull, images, inspect, history, layers, tag, rmi."""

from __future__ import annotations

import functools
from typing import Any

import click

from engine import ContainerUnknown, ImageSummary, ImageUnknown, LayerChanges, efficiency, human_size
from engine.cli.choosing import LATEST, ContainerCommand, one
from engine.cli.console import complain, each, how_large, narrate, print_json, print_table, session, warn
from engine.cli.options import as_json, platform_option, tls_verify_option
from engine.cli.templates import at_path, filled


@click.command()
@tls_verify_option
@click.option("-q", "--quiet", is_flag=True, help="Print the image's id alone.")
@platform_option
@click.argument("reference")
def pull(reference: str, tls_verify: bool, quiet: bool, platform: str | None) -> None:
    """Fetch an image and expand its layers.

    REFERENCE is [docker://]NAME[:TAG|@DIGEST] for a registry, oci:DIR[:TAG] for an image layout on disk,
    oci-archive:FILE[:NAME] or docker-archive:FILE[:NAME] for an archive, containers-storage:NAME for podman's storage.
    """
    console = session(quiet=quiet)
    image = console.do(
        f"pull {reference}",
        lambda job: console.workbench.pull(reference, job, tls_verify=tls_verify, platform=platform),
    )
    if not quiet:
        narrate(f"{image.reference}  {how_large(image)}")
    click.echo(image.id)


@click.command()
@as_json
@click.option("-q", "--quiet", is_flag=True, help="Print ids alone.")
@click.argument("place", required=False)
def images(place: str | None, as_json: bool, quiet: bool) -> None:
    """List the images that are here. With PLACE, containers-storage:, those in podman's storage, for `run` in place."""
    workbench = session(recover=False).workbench
    if place is None:
        found = workbench.images()
        warn(workbench.damaged_images())
    else:
        found = workbench.images_at(place)
    if as_json:
        print_json([_as_data(image) for image in found])
    elif quiet:
        for image in found:
            click.echo(image.id[:12])
    else:
        print_table(
            ["REFERENCE", "ID", "CREATED", "SIZE", "LAYERS"],
            [
                [image.reference, image.id[:12], image.created[:10], human_size(image.size), str(image.layers)]
                for image in found
            ],
            right=[3, 4],
        )


def _as_data(image: ImageSummary) -> dict[str, object]:
    return {
        "reference": image.reference,
        "id": image.id,
        "digest": image.digest,
        "created": image.created,
        "size": image.size,
        "layers": image.layers,
    }


@click.command(cls=ContainerCommand)
@tls_verify_option
@platform_option
@LATEST
@click.option("-f", "--format", "form", metavar="json|TEMPLATE", help="A line of each: '{{.name}} {{json .config}}'.")
@click.argument("names", metavar="[NAME…]", nargs=-1)
def inspect(names: tuple[str, ...], latest: bool, form: str | None, tls_verify: bool, platform: str | None) -> None:
    """Print all that is known of images or containers, as JSON.

    A NAME with a transport, as `pull` takes it (docker://NAME, oci-archive:FILE, …), is looked at where it is.
    """
    console = session(recover=False)

    def look(name: str) -> Any:
        if not console.workbench.is_elsewhere(name):
            return console.workbench.inspect(name)
        return console.do(
            f"inspect {name}",
            lambda job: console.workbench.inspect_at(name, job, tls_verify=tls_verify, platform=platform),
        )

    if latest or not names:
        names = (one(console.workbench, names[0] if names else None, latest),)
    found, failures = [], []
    for name in names:
        try:
            found.append(look(name))
        except (ImageUnknown, ContainerUnknown) as error:
            failures.append(error)
    if found and form not in (None, "json"):
        assert form is not None
        for line in [filled(form, functools.partial(at_path, each)) for each in found]:
            click.echo(line)
    elif found:
        print_json(found)
    for failure in failures[:-1]:
        complain(failure.message, failure.hint)
    if failures:
        raise failures[-1]


@click.command()
@as_json
@click.argument("image")
def history(image: str, as_json: bool) -> None:
    """Show how an image was made, newest step first."""
    steps = session(recover=False).workbench.history(image)
    if as_json:
        print_json(
            [
                {"created": s.created, "created_by": s.created_by, "size": s.size, "comment": s.comment}
                for s in reversed(steps)
            ]
        )
    else:
        print_table(
            ["CREATED", "SIZE", "CREATED BY"],
            [[s.created[:19], human_size(s.size) if s.layer else "-", s.created_by] for s in reversed(steps)],
            right=[1],
        )


@click.command()
@as_json
@click.option(
    "--changes", is_flag=True, help="What each does to those below: files added, changed, removed, and wasted."
)
@click.argument("image")
def layers(image: str, as_json: bool, changes: bool) -> None:
    """List an image's layers, lowest first, and where they are expanded.

    Wasted is the size of files of the layers below that a layer replaces or removes: they are in the image, unseen.
    """
    workbench = session(recover=False).workbench
    if changes:
        found_changes = workbench.layer_changes(image)
        _print_changes(found_changes, as_json=as_json)
        narrate(f"{efficiency(found_changes):.1%} of its bytes are seen")
        return
    found = workbench.layers(image)
    if as_json:
        keys = ("digest", "diff_id", "chain_id", "media_type", "size", "path", "created_by")
        print_json([{key: getattr(layer, key) for key in keys} for layer in found])
    else:
        print_table(
            ["#", "DIGEST", "BLOB", "SIZE", "FILES", "CREATED BY"],
            [
                [
                    str(number),
                    layer.digest.partition(":")[2][:12],
                    human_size(layer.blob_size),
                    human_size(layer.size) if layer.files else "-",  # not expanded yet
                    str(layer.files) if layer.files else "-",
                    layer.created_by[:80],
                ]
                for number, layer in enumerate(found, 1)
            ],
            right=[0, 2, 3, 4],
        )


def _print_changes(found: list[LayerChanges], *, as_json: bool) -> None:
    if as_json:
        print_json([{name: getattr(each, name) for name in each.__slots__} for each in found])
        return
    rows = [
        [str(n), *map(str, (each.added, each.changed, each.removed)), human_size(each.size), human_size(each.wasted)]
        for n, each in enumerate(found, 1)
    ]
    print_table(["#", "ADDED", "CHANGED", "REMOVED", "SIZE", "WASTED"], rows, right=[0, 1, 2, 3, 4, 5])


@click.command()
@click.argument("image")
@click.argument("names", metavar="NAME…", nargs=-1, required=True)
def tag(image: str, names: tuple[str, ...]) -> None:
    """Give an image further names."""
    console = session(recover=False)
    each(names, lambda name: console.do(f"tag {name}", lambda job: console.workbench.tag(image, name, job)))


@click.command()
@click.option("-f", "--force", is_flag=True, help="Take the name away even where containers stand on the image.")
@click.argument("names", metavar="IMAGE…", nargs=-1, required=True)
def rmi(names: tuple[str, ...], force: bool) -> None:
    """Take names of images away, and with the last name the content that nothing else uses."""
    console = session()

    def remove(name: str) -> None:
        for line in console.do(f"rmi {name}", lambda job: console.workbench.untag(name, job, force=force)):
            click.echo(line)

    each(names, remove)
