"""What goes to the real terminal: a shell in a container, its own terminal, a new container in the foreground."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from engine import Cancelled, ContainerUnknown, Job
from tui.bench import Bench
from tui.deeds.conditions import already_live, not_running
from tui.deeds.deed import Deed, Offer
from tui.subjects import OfContainer
from tui.terminal import DETACH, linger, visit

if TYPE_CHECKING:
    from engine import Attachment, ContainerSummary, Draft, ImageSummary, Workbench

    _OfContainer: TypeAlias = Offer[ContainerSummary]
    _OfImage: TypeAlias = Offer[ImageSummary]


# -- in a container that runs --------------------------------------------------------------------------


async def _shell(bench: Bench, offer: _OfContainer) -> None:
    container = offer.thing
    shell = await bench.desk.ask(lambda workbench: workbench.shell(container.id))
    from engine import ExecOptions  # brings all of config.json with it

    options = ExecOptions(args=tuple(shell), terminal=True, interactive=True)
    command = bench.desk.command("exec", "-it", container.name, *shell)
    leaving = ["exit or ctrl-d ends the shell and brings you back", f"{DETACH} brings you back, and the shell goes on"]

    def work(workbench: Workbench, job: Job, to: Attachment) -> int | None:
        return workbench.exec(container.id, options, to, job)

    visit(bench, f"shell in {container.name}", command, leaving, work)


async def _attach(bench: Bench, offer: _OfContainer) -> None:
    container = offer.thing
    if container.terminal:
        leaving = [f"{DETACH} brings you back, and {container.name} goes on", "its end brings you back, too"]
    else:
        leaving = [f"ctrl-c brings you back, and {container.name} goes on: it has no terminal of its own"]

    def work(workbench: Workbench, job: Job, to: Attachment) -> int | None:
        try:
            return workbench.attach(container.id, to, job)
        except Cancelled:
            return None

    visit(bench, f"attach to {container.name}", offer.command, leaving, work)


async def _start_here(bench: Bench, offer: _OfContainer) -> None:
    container = offer.thing
    leaving = ["its end brings you back", f"{DETACH} brings you back where it has a terminal, and it goes on"]

    def work(workbench: Workbench, job: Job, to: Attachment) -> int | None:
        code = workbench.run(container.id, to, job)
        if code is not None:
            linger(f"It ended with {code}. enter brings you back.", to, job.token)
        return code

    visit(bench, f"run {container.name}", offer.command, leaving, work)


CONTAINER_TERMINALS: Sequence[Deed[ContainerSummary]] = (
    Deed(
        "container.shell",
        "s",
        "a shell in it",
        _shell,
        command=lambda c: ("exec", "-it", c.name, "sh"),
        why_not=not_running,
        shown=True,
        everywhere=True,
        short="shell",
    ),
    Deed(
        "container.attach",
        "a",
        "attach to its own terminal",
        _attach,
        command=lambda c: ("attach", c.name),
        why_not=not_running,
        everywhere=True,
    ),
    Deed(
        "container.start-here",
        "",
        "start it on this terminal",
        _start_here,
        command=lambda c: ("start", "-a", c.name),
        why_not=already_live,
    ),
)


# -- a new one -----------------------------------------------------------------------------------------


async def _shell_of(bench: Bench, offer: _OfImage) -> None:
    name = offer.thing.reference
    shell = await bench.desk.ask(lambda workbench: workbench.image_shell(name))
    entrypoint = shell[0] if len(shell) == 1 else json.dumps(shell)
    await run_here(bench, name, ["--rm", "--entrypoint", entrypoint])


async def _run(bench: Bench, offer: _OfImage) -> None:
    await run_here(bench, offer.thing.reference, [])


async def run_here(bench: Bench, image: str, flags: Sequence[str]) -> None:
    """`run -it` an image, with further options of `run` and those that a person has set for it."""
    from engine import parse_options  # brings all of config.json with it

    words = ["-i", "-t", *bench.state.flags.get("run", ()), *flags]
    options = parse_options(words)

    def make(job: Job) -> Draft:
        return bench.desk.workbench.draft(image, options, job)

    draft = await bench.desk.ask(lambda workbench: workbench.jobs.run(f"config.json for {image}", make))

    def work(workbench: Workbench, job: Job, to: Attachment) -> int | None:
        return workbench.launch(draft, job, to=to)

    name = draft.name
    leaving = ["the end of its process brings you back", f"{DETACH} brings you back, and it goes on as {name}"]
    visit(bench, f"run {name}", bench.desk.command("run", *words, image), leaving, work)
    bench.later(_look_at(bench, draft.id))


async def _look_at(bench: Bench, id: str) -> None:
    try:
        bench.state.containers[id] = await bench.desk.ask(lambda workbench: workbench.container(id))
    except ContainerUnknown:  # --rm
        return
    bench.look(OfContainer(id), go="output")


IMAGE_TERMINALS: Sequence[Deed[ImageSummary]] = (
    Deed(
        "image.shell",
        "s",
        "a shell in a new container of it",
        _shell_of,
        command=lambda image: ("run", "-i", "-t", "--rm", "--entrypoint", "sh", image.reference),
        shown=True,
        short="shell",
    ),
    Deed(
        "image.run-here",
        "R",
        "run it in this terminal",
        _run,
        command=lambda image: ("run", "-i", "-t", image.reference),
    ),
)
