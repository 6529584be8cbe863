"""What can be done to a container that is not there yet: an edited config.json is in no file until then."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine import visible
from tui.bench import Bench
from tui.deeds.deed import Deed, Offer
from tui.deeds.terminals import enter
from tui.dialogs.choice import Choice
from tui.state import Writing
from tui.subjects import OfContainer

if TYPE_CHECKING:
    from engine import ContainerSummary


async def _launch(bench: Bench, offer: Offer[Writing]) -> None:
    if not await _in_spite(bench, offer.thing):
        return
    where = "b"
    if _has_terminal(offer.thing):
        choices = [("i", "go in now: run -it"), ("b", "in the background, to attach to later: run -d -t")]
        answer = await bench.put(Choice("It has a terminal (process.terminal)", choices))
        where = answer or ""
    if where == "b":
        bench.conductor.launch(offer.thing.draft.image, offer.command)
    elif where == "i":
        made = await _made(bench, offer.thing)
        if made is not None:
            flags = ["--config", str(made.path / "config.json")] if offer.thing.edited else ["-i", "-t"]
            enter(bench, made, bench.desk.command("run", *flags, made.image))


async def _create(bench: Bench, offer: Offer[Writing]) -> None:
    made = await _made(bench, offer.thing) if await _in_spite(bench, offer.thing) else None
    if made is not None:
        bench.state.containers[made.id] = made
        flags = ["--config", str(made.path / "config.json")] if offer.thing.edited else []
        bench.show_command(bench.desk.command("create", *flags, made.image), "✓ done")
        bench.look(OfContainer(made.id), go="containers")


async def _made(bench: Bench, writing: Writing) -> ContainerSummary | None:
    """The draft as a container that does not run yet; None where it was made, or thrown away, meanwhile."""
    if writing.launching or bench.state.drafts.get(writing.draft.image) is not writing:
        return None
    draft, writing.launching = writing.result, True
    try:
        made = await bench.desk.ask(
            lambda workbench: workbench.jobs.run(f"create {draft.name}", lambda job: workbench.create(draft, job))
        )
    finally:
        writing.launching = False
    bench.state.drafts.pop(draft.image, None)
    bench.conductor.drafts_changed()
    return made


def _has_terminal(writing: Writing) -> bool:
    try:
        return json.loads(writing.text)["process"]["terminal"] is True
    except (ValueError, TypeError, LookupError, RecursionError):
        return False


async def _in_spite(bench: Bench, writing: Writing) -> bool:
    """Whether to launch what runc will refuse."""
    analysis = writing.analysis
    errors = [found for found in analysis.diagnostics if found.severity.value == "error"] if analysis else []
    if not errors:
        return True
    return await bench.ask(
        "runc will refuse this config.json. Launch it all the same?",
        detail=f"Line {errors[0].line}: {visible(errors[0].message)}",
        yes="Launch",
    )


def _open(bench: Bench, offer: Offer[Writing]) -> None:
    bench.conductor.open(offer.thing.draft.image)


def _discard(bench: Bench, offer: Offer[Writing]) -> None:
    bench.conductor.discard(offer.thing.draft.image)


def _command(writing: Writing) -> Sequence[str]:
    edited = ["--config", "FILE"] if writing.edited else []
    return ["run", "-d", *edited, writing.draft.image]


def _launching(writing: Writing) -> str:
    return "it is being launched" if writing.launching else ""


DRAFT_DEEDS: Sequence[Deed[Writing]] = (
    Deed("draft.open", "enter,e", "its config.json", _open, changes=False, shown=True),
    Deed(
        "draft.launch", "ctrl+l", "launch", _launch, command=_command, why_not=_launching, shown=True, everywhere=True
    ),
    Deed(
        "draft.create",
        "C",
        "create it, without starting it",
        _create,
        command=lambda w: ["create", *(["--config", "FILE"] if w.edited else []), w.draft.image],
        why_not=_launching,
    ),
    Deed(
        "draft.discard",
        "D,delete",
        "discard",
        _discard,
        why_not=_launching,
        question=lambda w: f"Throw away what you changed for {visible(w.draft.image)}?" if w.edited else "",
        changes=False,
    ),
)
