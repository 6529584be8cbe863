"""An image made of what a container has changed, and an image brought to a registry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from tui.bench import Bench
from tui.deeds.asking import TLS, tls_flags
from tui.deeds.conditions import damaged
from tui.deeds.deed import Deed, Offer
from tui.dialogs.form import Field, Form, Values
from tui.panes.files.commit import CommitDialog, CommitWish, words

if TYPE_CHECKING:
    from engine import ContainerSummary, ImageSummary, Inside, Job, Workbench, Written
    from tui.panes.files.commit import CommitWish

    _OfContainer: TypeAlias = Offer[ContainerSummary]
    _OfImage: TypeAlias = Offer[ImageSummary]


async def _commit(bench: Bench, offer: _OfContainer) -> None:
    """Ask until it is an image, or nobody wants it any more: what was typed is not lost with a commit that failed."""
    # Imported when it is wanted: the list of what can be done is not to wait for it.
    from tui.panes.files.commit import CommitWish

    container = offer.thing

    def look(workbench: Workbench) -> tuple[Written, Inside]:
        inside = workbench.inside(container.id)
        below = inside.up_to(len(inside.roots) - 1)
        return workbench.written(container.id, below), below

    written, below = await bench.desk.ask(look)
    wish: CommitWish | None = CommitWish(f"{container.name}:latest")
    while wish is not None:
        wish = await bench.put(CommitDialog(container.name, wish, written.entries, below, bench.desk.command))
        if wish is None or await _made(bench, container, wish) is not None:
            return


async def _made(bench: Bench, container: ContainerSummary, wish: CommitWish) -> ImageSummary | None:

    def work(workbench: Workbench, job: Job) -> ImageSummary:
        return workbench.commit(container.id, wish.reference, job, wish.options())

    return await bench.result(f"commit {container.name}", work, bench.desk.command(*words(container.name, wish)))


async def _push(bench: Bench, offer: _OfImage) -> None:
    name = offer.thing.reference

    def given_words(values: Values) -> list[str]:
        flags = [*tls_flags(values), *(["--format", "v2s2"] if values["docker"] else [])]
        return ["push", *flags, name, *([values["to"]] if values["to"] not in ("", name) else [])]

    fields = [
        Field("to", "to", name, "registry/name[:tag]"),
        TLS,
        Field("docker", "as Docker's schema 2, for old registries", toggle=True),
    ]
    given = await bench.put(
        Form(
            f"Push {name}",
            fields,
            done="push",
            detail="What the registry has already is not sent.",
            line=lambda values: bench.desk.command(*given_words(values)),
            wrong=lambda values: "" if values["to"] else "a name is needed",
        )
    )
    if given is not None:
        kind = "v2s2" if given["docker"] else None
        bench.conductor.transfers.push(
            name, given["to"], tls_verify=bool(given["tls"]), kind=kind, words=given_words(given)
        )


CONTAINER_MAKING: Sequence[Deed[ContainerSummary]] = (
    Deed(
        "container.commit",
        "C",
        "make an image of what it changed",
        _commit,
        command=lambda container: ("commit", container.name, "IMAGE"),
        why_not=damaged,
        shown=True,
        short="commit",
    ),
)

IMAGE_MAKING: Sequence[Deed[ImageSummary]] = (
    Deed(
        "image.push",
        "P",
        "push it to a registry",
        _push,
        command=lambda image: ("push", image.reference),
        shown=True,
        short="push",
    ),
)
