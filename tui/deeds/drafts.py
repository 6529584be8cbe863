"""What can be done to a config.json that is being written: of a container to be, or of one that is there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from engine import CutawayError, Job, RuntimeFailed, differences, visible
from tui import outside
from tui.bench import Bench
from tui.deeds import changing_drafts as changing
from tui.deeds import comparing_drafts as comparing
from tui.deeds import saving_drafts as saving
from tui.deeds.deed import Deed, Offer
from tui.dialogs.launch import How, LaunchDialog
from tui.state import Writing
from tui.telling import problem
from tui.terminal import DETACH, visit

if TYPE_CHECKING:
    from engine import Attachment, Difference, Workbench


def _alone(
    act: Callable[[Bench, Offer[Writing]], Awaitable[None]],
) -> Callable[[Bench, Offer[Writing]], Awaitable[None]]:
    """Of what asks something about a draft, one at a time: a key that is pressed while the question of an earlier one
    is on its way would have its own put below or above that."""

    async def alone(bench: Bench, offer: Offer[Writing]) -> None:
        writing = offer.thing
        if writing.asking:
            return
        writing.asking = True
        try:
            await act(bench, offer)
        finally:
            writing.asking = False

    return alone


async def _launch(bench: Bench, offer: Offer[Writing]) -> None:
    writing = offer.thing
    if not await _in_spite(bench, writing):
        return
    since, changed = await _since_last(bench, writing)
    ways = [(how, key, words, _line(bench, writing, how)) for how, key, words in _ways(writing)]
    how = await bench.put(LaunchDialog(f"Launch {writing.title}", ways, since, changed))
    if how is not None:
        line = next(line for way, _, _, line in ways if way is how)
        if how is How.ATTACHED:
            await _go_in(bench, writing, line)
        else:
            bench.conductor.drafts.launch(writing, line, start=how is How.DETACHED)


async def _go_in(bench: Bench, writing: Writing, command: str) -> None:
    """Launch it on the terminal. What cannot be started goes again where it is new."""
    drafts = bench.conductor.drafts
    draft = drafts.take(writing)
    if draft is None:
        return
    if not writing.revises:
        draft = draft.interactive()

    def work(workbench: Workbench, job: Job, to: Attachment) -> int | None:
        return workbench.launch(draft, job, to=to, revises=writing.revises)

    name = draft.name
    leaving = ["the end of its process brings you back", f"{DETACH} brings you back, and it goes on as {name}"]
    failure = None
    try:
        visit(bench, f"run {name}", command, leaving, work)
    except CutawayError as error:
        failure = error
    found = {c.id: c for c in await bench.desk.ask(lambda workbench: workbench.containers())}
    if failure is not None and not (isinstance(failure, RuntimeFailed) and failure.pointer):
        bench.complain(problem(failure))  # otherwise it is told at the value that was to blame
    if failure is not None and (writing.revises or draft.id not in found):
        drafts.failed(writing, failure)
    elif draft.id in found:
        drafts.launched(writing, found[draft.id], go="output")
    else:  # --rm
        drafts.discard(writing)


def _ways(writing: Writing) -> list[tuple[How, str, str]]:
    if writing.revises:
        return [
            (How.DETACHED, "d", "start it anew, in the background"),
            (How.ATTACHED, "a", "start it anew on this terminal, until it ends or you detach"),
            (How.CREATED, "c", "stop it, and leave the start for later"),
        ]
    return [
        (How.DETACHED, "d", "run it in the background"),
        (How.ATTACHED, "a", "run it on this terminal, until it ends or you detach"),
        (How.CREATED, "c", "make the container, and leave the start for later"),
    ]


async def _in_spite(bench: Bench, writing: Writing) -> bool:
    """Whether to launch what runc will refuse."""
    analysis = writing.analysis
    found = analysis.diagnostics if analysis is not None and analysis.text == writing.text else ()
    errors = [each for each in found if each.severity.value == "error" and each.code != "runc"]
    if not errors:
        return True
    return await bench.ask(
        "runc will refuse this config.json. Launch it all the same?",
        detail=f"Line {errors[0].line}: {visible(errors[0].message)}",
        yes="Launch",
    )


async def _since_last(bench: Bench, writing: Writing) -> tuple[str, list[Difference] | None]:
    """In words what was launched last, and in what this is different; None where nothing was."""
    last = await comparing.last_launched(bench, writing)
    if last is None:
        return "Nothing was launched of this image yet.", None
    label, text = last
    try:
        return label, [each for each in differences(text, writing.text) if not comparing.is_its_own(each)]
    except CutawayError:
        return "It is no JSON, and cannot be compared with what was launched last.", None


def _open(bench: Bench, offer: Offer[Writing]) -> None:
    bench.look(offer.subject, go="config")


def _write(bench: Bench, offer: Offer[Writing]) -> None:
    bench.conductor.drafts.look(offer.thing, typing=True)


def _discard(bench: Bench, offer: Offer[Writing]) -> None:
    bench.conductor.drafts.discard(offer.thing)


def _edit_outside(bench: Bench, offer: Offer[Writing]) -> None:
    writing = offer.thing
    command = outside.editor()
    bench.look(offer.subject, go="config")
    text = bench.at_terminal(lambda: outside.edit(writing.text, command))
    if text != writing.text:
        bench.conductor.drafts.rewrite(writing, text)
    else:
        bench.say("Nothing was changed.")


def _line(bench: Bench, writing: Writing, how: How) -> str:
    command = bench.desk.command
    return writing.line(command, start=how is not How.CREATED, attached=how is How.ATTACHED)


def _command(writing: Writing) -> Sequence[str]:
    return writing.words(start=True)


def _comparing(writing: Writing) -> Sequence[str]:
    return () if writing.draft.made_by else ("config", "--against", "bare", writing.draft.image)


def _launching(writing: Writing) -> str:
    return "it is being launched" if writing.launching else ""


def _question(writing: Writing) -> str:
    return f"Throw away what you changed for {visible(writing.title)}?" if writing.edited else ""


DRAFT_DEEDS: Sequence[Deed[Writing]] = (
    Deed("draft.open", "enter", "its config.json", _open, changes=False, shown=True),
    Deed("draft.write", "e", "write in it", _write, changes=False, shown=True),
    Deed(
        "draft.launch",
        "ctrl+l",
        "launch…",
        _alone(_launch),
        command=_command,
        why_not=_launching,
        shown=True,
        everywhere=True,
    ),
    Deed(
        "draft.compare",
        "ctrl+d",
        "differences",
        _alone(comparing.compare),
        command=_comparing,
        changes=False,
        shown=True,
        everywhere=True,
    ),
    Deed("draft.change", "ctrl+t", "change…", _alone(changing.change), why_not=_launching, shown=True, everywhere=True),
    Deed("draft.save", "ctrl+s", "save to a file", _alone(saving.save), shown=True, everywhere=True),
    Deed("draft.save-as", "S", "save to another file…", _alone(saving.save_as), everywhere=True),
    Deed(
        "draft.export",
        "X",
        "export as a bundle for runc…",
        _alone(saving.export),
        command=lambda writing: saving.bundle_words(writing, "DIRECTORY"),
        everywhere=True,
    ),
    Deed(
        "draft.editor",
        "E",
        "write in $EDITOR",
        _edit_outside,
        command=lambda writing: ("edit", writing.draft.name) if writing.revises else (),
        changes=False,
        shown=True,
        everywhere=True,
    ),
    Deed("draft.discard", "D,delete", "discard", _discard, why_not=_launching, question=_question, changes=False),
)  # fmt: skip
