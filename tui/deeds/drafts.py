"""What can be done to a container that is not there yet: an edited config.json is in no file until then."""

from __future__ import annotations

from collections.abc import Sequence

from engine import visible
from tui.bench import Bench
from tui.deeds.deed import Deed, Offer
from tui.state import Writing


async def _launch(bench: Bench, offer: Offer[Writing]) -> None:
    if await _in_spite(bench, offer.thing):
        bench.conductor.launch(offer.thing.draft.image, offer.command)


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
        "draft.discard",
        "D,delete",
        "discard",
        _discard,
        why_not=_launching,
        question=lambda w: f"Throw away what you changed for {visible(w.draft.image)}?" if w.edited else "",
        changes=False,
    ),
)
