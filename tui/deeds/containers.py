"""What can be done to a container."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from engine import Status, visible
from tui.bench import Bench
from tui.deeds.deed import Act, Deed, Offer

if TYPE_CHECKING:
    from engine import ContainerSummary, Job, Workbench

    _Offer: TypeAlias = Offer[ContainerSummary]


def _tab(name: str) -> Act[ContainerSummary]:
    """Look at one of its tabs."""

    def act(bench: Bench, offer: _Offer) -> None:
        bench.show_command(offer.command)
        bench.look(offer.subject, go=name)

    return act


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
            workbench.remove(container.id, job)

    bench.job(f"remove {container.name}", work, offer.command)


def _words(verb: str, *flags: str) -> Callable[[ContainerSummary], Sequence[str]]:
    return lambda container: (verb, *flags, container.name)


def _live(container: ContainerSummary) -> bool:
    return container.status in (Status.RUNNING, Status.PAUSED)


def _state(container: ContainerSummary) -> str:
    return f"{visible(container.name)} is {container.status.value}"


def _working(container: ContainerSummary) -> str:
    return f"{visible(container.name)} is a working container: nothing runs in it" if container.working else ""


def _not_live(container: ContainerSummary) -> str:
    return _working(container) or ("" if _live(container) else _state(container))


CONTAINER_DEEDS: Sequence[Deed[ContainerSummary]] = (
    Deed(
        "container.output",
        "enter,l",
        "its output",
        _tab("output"),
        command=_words("logs", "-f"),
        why_not=_working,
        changes=False,
        shown=True,
    ),
    Deed(
        "container.config",
        "e",
        "its config.json",
        _tab("config"),
        command=_words("inspect"),
        why_not=_working,
        changes=False,
        shown=True,
    ),
    Deed("container.trace", "T", "what was done to make it", _tab("trace"), command=_words("trace"), changes=False),
    Deed(
        "container.start",
        "s",
        "start",
        _job("start", lambda workbench, id, job: workbench.start(id, job)),
        command=_words("start"),
        why_not=lambda c: _working(c) or (_state(c) if _live(c) else ""),
        many=True,
        shown=True,
    ),
    Deed(
        "container.stop",
        "S",
        "stop",
        _job("stop", lambda workbench, id, job: workbench.stop(id, job)),
        command=_words("stop"),
        why_not=_not_live,
        many=True,
        shown=True,
    ),
    Deed(
        "container.pause",
        "P",
        "pause",
        _job("pause", lambda workbench, id, job: workbench.pause(id, job)),
        command=_words("pause"),
        why_not=_not_live,
        applies=lambda c: c.status is not Status.PAUSED,
        many=True,
    ),
    Deed(
        "container.unpause",
        "P",
        "unpause",
        _job("unpause", lambda workbench, id, job: workbench.unpause(id, job)),
        command=_words("unpause"),
        applies=lambda c: c.status is Status.PAUSED,
        many=True,
    ),
    Deed(
        "container.kill",
        "K",
        "kill",
        _job("kill", lambda workbench, id, job: workbench.kill(id, job)),
        command=_words("kill"),
        why_not=_not_live,
        question=lambda c: f"Kill {visible(c.name)}? It gets no chance to tidy up.",
        many=True,
    ),
    Deed(
        "container.remove",
        "D,delete",
        "remove",
        _remove,
        command=lambda c: ("umount" if c.working else "rm", c.name),
        why_not=lambda c: f"{_state(c)}: stop it first" if _live(c) else "",
        question=lambda c: f"Remove {visible(c.name)} and everything written in it?",
        many=True,
        shown=True,
    ),
)
