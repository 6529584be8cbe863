"""What is done to an image after a name or a place was given: tag, save, mount; and its history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from engine import efficiency, human_size
from tui.bench import Bench
from tui.deeds.deed import Deed, Offer
from tui.dialogs.form import Field, Form, Values
from tui.dialogs.page import Page
from tui.files_out import may_write, place, wrong_place

if TYPE_CHECKING:
    from engine import ImageSummary

    _Offer: TypeAlias = Offer[ImageSummary]


async def _tag(bench: Bench, offer: _Offer) -> None:
    name = offer.thing.reference

    def line(values: Values) -> str:
        return bench.desk.command("tag", name, values["new"] or "NAME")

    given = await bench.put(
        Form(
            f"Another name for {name}",
            [Field("new", "name", hint="name[:tag]")],
            done="tag",
            line=line,
            wrong=lambda values: "" if values["new"] else "a name is needed",
        )
    )
    if given is not None:
        new = given["new"]
        await bench.result(f"tag {new}", lambda workbench, job: workbench.tag(name, new, job), line(given))


async def _save(bench: Bench, offer: _Offer) -> None:
    name = offer.thing.reference

    def line(values: Values) -> str:
        flags = ["--format", form(values)] if form(values) != "docker-archive" else []
        return bench.desk.command("save", *flags, "-o", values["file"] or "FILE", name, *values["more"].split())

    def form(values: Values) -> str:
        return "oci-dir" if values["directory"] else "oci-archive" if values["oci"] else "docker-archive"

    def wrong(values: Values) -> str:
        if values["directory"]:
            return "" if values["file"] else "the directory's name is missing"
        return wrong_place(values["file"])

    fields = [
        Field("file", "file"),
        Field("more", "further images", hint="NAME …, in the same archive"),
        Field("oci", "as an OCI archive (podman's and docker's form otherwise)", toggle=True),
        Field("directory", "as an OCI image layout in a directory of that name", toggle=True),
    ]
    given = await bench.put(Form(f"Save {name} to an archive", fields, done="save", line=line, wrong=wrong))
    if given is not None and await may_write(bench, target := place(given["file"])):
        names, kind = [name, *given["more"].split()], form(given)
        bench.job(f"save {name}", lambda workbench, job: workbench.save(names, target, job, form=kind), line(given))


async def _mount(bench: Bench, offer: _Offer) -> None:
    image = offer.thing.reference

    def line(values: Values) -> str:
        return bench.desk.command("mount", *(["--name", values["name"]] if values["name"] else []), image)

    fields = [Field("name", "its name", hint="one is made up")]
    detail = "A directory with the image's files, and what you write there on top. umount takes it away again."
    given = await bench.put(Form(f"A working container of {image}", fields, done="mount", detail=detail, line=line))
    if given is not None:
        named = given["name"] or None
        made = await bench.result(
            f"mount {image}", lambda workbench, job: workbench.mount(image, job, name=named), line(given)
        )
        if made is not None:
            bench.say(f"{made.name} is mounted at\n{made.merged}")


async def _history(bench: Bench, offer: _Offer) -> None:
    steps = await bench.desk.ask(lambda workbench: workbench.history(offer.thing.reference))
    bench.show_command(offer.command)
    rows = []
    for number, step in enumerate(steps, 1):
        made = f"layer {step.layer[:19]}, {human_size(step.size)}" if step.layer else "no layer"
        comment = f" · {step.comment}" if step.comment else ""
        rows.append((f"{number}  {step.created}  {made}{comment}", step.created_by))
    await bench.put(Page(f"How {offer.thing.reference} was made", rows or [("", "The image does not say.")]))


async def _changes(bench: Bench, offer: _Offer) -> None:
    found = await bench.desk.ask(lambda workbench: workbench.layer_changes(offer.thing.reference))
    bench.show_command(offer.command)
    rows = [
        (
            f"layer {number}, {human_size(layer.size)}",
            f"{layer.added:,} added, {layer.changed:,} changed, {layer.removed:,} removed"
            f" · {human_size(layer.wasted)} of lower layers hidden",
        )
        for number, layer in enumerate(found, 1)
    ]
    wasted = sum(layer.wasted for layer in found)
    rows.append((f"{efficiency(found):.1%} of its bytes are seen", f"{human_size(wasted)} are hidden, and still there"))
    await bench.put(Page(f"What each layer of {offer.thing.reference} does", rows))


IMAGE_FORMS: Sequence[Deed[ImageSummary]] = (
    Deed("image.history", "H", "its history", _history, command=lambda i: ("history", i.reference), changes=False),
    Deed(
        "image.changes",
        "",
        "what each layer does, in numbers",
        _changes,
        command=lambda i: ("layers", "--changes", i.reference),
        changes=False,
    ),
    Deed("image.tag", "n", "give it another name", _tag, command=lambda i: ("tag", i.reference, "NAME")),
    Deed("image.mount", "", "mount it, as a working container…", _mount, command=lambda i: ("mount", i.reference)),
    Deed("image.save", "S", "save it to an archive", _save, command=lambda i: ("save", "-o", "FILE", i.reference)),
)
