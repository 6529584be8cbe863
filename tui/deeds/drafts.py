"""What can be done to a config.json that is being written: of a container to be, or of one that is there."""

from __future__ import annotations

from collections.abc import Sequence
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


async def _launch(bench: Bench, offer: Offer[Writing]) -> None:
    writing = offer.thing
    if writing.asking:
        return  # the key was pressed twice, and the question is on its way
    writing.asking = True
    try:
        await _ask_and_launch(bench, writing)
    finally:
        writing.asking = False


async def _ask_and_launch(bench: Bench, writing: Writing) -> None:
    if not await _in_spite(bench, writing):
        return
    since, changed = await _since_last(bench, writing)
    ways = [(how, key, words, bench.desk.command(*_words(writing, how))) for how, key, words in _ways(writing)]
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


def _words(writing: Writing, how: How) -> list[str]:
    name, file = writing.draft.name, ["--config", writing.saved_to or "FILE"]
    if writing.revises:
        if writing.edited and how is not How.ATTACHED:
            return ["edit", *file, *(["--restart"] if how is How.DETACHED else []), name]
        return {How.DETACHED: ["restart", name], How.ATTACHED: ["start", "-a", name], How.CREATED: ["stop", name]}[how]
    words = {How.DETACHED: ["run", "-d"], How.ATTACHED: ["run", "-i"], How.CREATED: ["create"]}[how]
    return [*words, *(file if writing.edited else []), *writing.base]


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


def _command(writing: Writing) -> Sequence[str]:
    return _words(writing, How.DETACHED)


def _launching(writing: Writing) -> str:
    return "it is being launched" if writing.launching else ""


def _question(writing: Writing) -> str:
    return f"Throw away what you changed for {visible(writing.title)}?" if writing.edited else ""


DRAFT_DEEDS: Sequence[Deed[Writing]] = (
    Deed("draft.open", "enter", "its config.json", _open, changes=False, shown=True),
    Deed("draft.write", "e", "write in it", _write, changes=False, shown=True),
    Deed(
        "draft.launch", "ctrl+l", "launch…", _launch, command=_command, why_not=_launching, shown=True, everywhere=True
    ),
    Deed(
        "draft.compare",
        "ctrl+d",
        "differences",
        comparing.compare,
        command=lambda writing: ("config", "--against", "bare", writing.draft.image),
        changes=False,
        shown=True,
        everywhere=True,
    ),
    Deed("draft.change", "ctrl+t", "change…", changing.change, why_not=_launching, shown=True, everywhere=True),
    Deed("draft.save", "ctrl+s", "save to a file", saving.save, shown=True, everywhere=True),
    Deed("draft.save-as", "S", "save to another file…", saving.save_as, everywhere=True),
    Deed(
        "draft.export",
        "X",
        "export as a bundle for runc…",
        saving.export,
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
