"""What can be done to a container."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from engine import Status, visible
from tui.bench import Bench
from tui.deeds.comparing import CONTAINER_COMPARING
from tui.deeds.conditions import already_live, as_it_is, damaged, goes_by_force, not_live, working
from tui.deeds.container_forms import CONTAINER_FORMS
from tui.deeds.copying import CONTAINER_COPYING
from tui.deeds.deed import Act, Deed, Offer, at_tab
from tui.deeds.executing import CONTAINER_EXECUTING
from tui.deeds.making import CONTAINER_MAKING
from tui.deeds.terminals import CONTAINER_TERMINALS
from tui.dialogs.page import Page

if TYPE_CHECKING:
    from engine import ContainerSummary, Job, Workbench

    _Offer: TypeAlias = Offer[ContainerSummary]


def _job(verb: str, work: Callable[[Workbench, str, Job], object]) -> Act[ContainerSummary]:
    """Something that the engine does by the container's id."""

    def act(bench: Bench, offer: _Offer) -> None:
        id = offer.thing.id
        bench.job(f"{verb} {offer.thing.name}", lambda workbench, job: work(workbench, id, job), offer.command)

    return act


def _remove(bench: Bench, offer: _Offer) -> None:
    container = offer.thing

    def work(workbench: Workbench, job: Job) -> None:
        if container.working:
            workbench.umount(container.id, job)
        else:
            workbench.remove(container.id, job, force=goes_by_force(container))

    bench.job(f"remove {container.name}", work, offer.command)


def _words(verb: str, *flags: str) -> Callable[[ContainerSummary], Sequence[str]]:
    return lambda container: (verb, *flags, container.name)


def _before_removal(container: ContainerSummary) -> str:
    kill = (
        f"{as_it_is(container)}. Kill it, and remove it"
        if goes_by_force(container)
        else f"Remove {visible(container.name)}"
    )
    return f"{kill} with everything written in it?"


async def _inspect(bench: Bench, offer: _Offer) -> None:
    document = await bench.desk.ask(lambda workbench: workbench.inspect(offer.thing.id))
    bench.show_command(offer.command)
    text = json.dumps(document, indent=2, ensure_ascii=False, default=str)
    await bench.put(Page(f"All that is known of {offer.thing.name}", [("", text)], copies="all of it"))


async def _wait(bench: Bench, offer: _Offer) -> None:
    """Tell its end when it comes; asked for again, no longer."""
    container, waits = offer.thing, bench.state.waits
    if (under_way := waits.get(container.id)) is not None:
        under_way.cancel()
        return
    code = await bench.result(
        f"wait for {container.name}",
        lambda workbench, job: workbench.wait(container.id, job.token),
        offer.command,
        begun=lambda job: waits.update({container.id: job}),
    )
    waits.pop(container.id, None)
    if code is not None:
        bench.say(f"{container.name} has ended with exit code {code}.")


async def _script(bench: Bench, offer: _Offer) -> None:
    text = await bench.desk.ask(lambda workbench: workbench.script(offer.thing.id))
    bench.show_command(offer.command)
    await bench.put(Page(f"A script that makes {offer.thing.name} again", [("", text)], copies="the script"))


def _another(bench: Bench, offer: _Offer) -> None:
    image = offer.thing.image
    bench.conductor.drafts.open(f"rootfs:{image}" if image.startswith("/") else image)


CONTAINER_DEEDS: Sequence[Deed[ContainerSummary]] = (
    Deed(
        "container.output",
        "enter,l",
        "its output",
        at_tab("output"),
        command=_words("logs", "-f"),
        why_not=working,
        changes=False,
        shown=True,
        short="output",
    ),
    Deed(
        "container.config",
        "e",
        "its config.json",
        at_tab("config"),
        why_not=working,
        changes=False,
        shown=True,
        short="config.json",
    ),
    Deed(
        "container.files",
        "f",
        "its files, and what it has written",
        at_tab("files"),
        command=_words("files"),
        changes=False,
        shown=True,
        short="files",
    ),
    *CONTAINER_COPYING,
    *CONTAINER_MAKING,
    *CONTAINER_COMPARING,
    Deed(
        "container.trace",
        "T",
        "what was done to make it",
        at_tab("trace"),
        command=_words("trace"),
        changes=False,
        everywhere=True,
    ),
    *CONTAINER_TERMINALS,
    *CONTAINER_EXECUTING,
    Deed(
        "container.stats",
        "t",
        "what it uses, and its processes",
        at_tab("stats"),
        command=_words("stats"),
        why_not=working,
        changes=False,
    ),
    Deed(
        "container.script",
        "",
        "a shell script that makes it again",
        _script,
        command=_words("trace", "--script"),
        why_not=working,
        changes=False,
    ),
    Deed(
        "container.inspect",
        "I",
        "all that is known of it",
        _inspect,
        command=_words("inspect"),
        why_not=damaged,
        changes=False,
    ),
    Deed(
        "container.start",
        "r",
        "start",
        _job("start", lambda workbench, id, job: workbench.start(id, job)),
        command=_words("start"),
        why_not=already_live,
        many=True,
        shown=True,
    ),
    Deed(
        "container.restart",
        "R",
        "restart",
        _job("restart", lambda workbench, id, job: workbench.restart(id, job)),
        command=_words("restart"),
        why_not=working,
        many=True,
    ),
    Deed(
        "container.stop",
        "S",
        "stop",
        _job("stop", lambda workbench, id, job: workbench.stop(id, job)),
        command=_words("stop"),
        why_not=not_live,
        many=True,
        shown=True,
    ),
    Deed(
        "container.pause",
        "P",
        "pause",
        _job("pause", lambda workbench, id, job: workbench.pause(id, job)),
        command=_words("pause"),
        why_not=lambda c: f"{c.name} is paused" if c.status is Status.PAUSED else not_live(c),
        applies=lambda c: c.status is not Status.PAUSED,
        many=True,
    ),
    Deed(
        "container.unpause",
        "P",
        "unpause",
        _job("unpause", lambda workbench, id, job: workbench.unpause(id, job)),
        command=_words("unpause"),
        why_not=lambda c: "" if c.status is Status.PAUSED else f"{c.name} is not paused",
        applies=lambda c: c.status is Status.PAUSED,
        many=True,
    ),
    Deed(
        "container.kill",
        "K",
        "kill",
        _job("kill", lambda workbench, id, job: workbench.kill(id, job)),
        command=_words("kill"),
        why_not=not_live,
        question=lambda c: f"Kill {visible(c.name)}? It gets no chance to tidy up.",
        many=True,
    ),
    *CONTAINER_FORMS,
    Deed(
        "container.wait",
        "W",
        "wait for its end, or no longer",
        _wait,
        command=_words("wait"),
        why_not=not_live,
        changes=False,
    ),
    Deed(
        "container.another",
        "N",
        "a new one of its image",
        _another,
        command=lambda c: ("config", c.image),
        why_not=damaged,
        changes=False,
    ),
    Deed(
        "container.remove",
        "D,delete",
        "remove",
        _remove,
        command=lambda c: (
            ("umount", c.name) if c.working else ("rm", *(["--force"] if goes_by_force(c) else []), c.name)
        ),
        question=_before_removal,
        many=True,
        shown=True,
    ),
)
