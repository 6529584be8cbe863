"""What can be done to a container with a value that has to be given: another name, other limits, a signal, a time."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from engine import CutawayError
from tui.bench import Bench
from tui.deeds.conditions import damaged, not_live, working
from tui.deeds.deed import Deed, Offer
from tui.dialogs.form import Field, Form, Values

if TYPE_CHECKING:
    from engine import ContainerSummary, Job, Workbench

    _Offer: TypeAlias = Offer[ContainerSummary]

_LIMITS = (
    ("memory", "memory, as 512m or 2g; 0 for no limit", "unchanged"),
    ("memory-swap", "memory and swap together; -1 for no limit", "unchanged"),
    ("memory-reservation", "memory to be left where it is scarce", "unchanged"),
    ("cpus", "CPUs, as 1.5; 0 for no limit", "unchanged"),
    ("cpu-shares", "its share of CPU time beside others", "unchanged"),
    ("cpu-period", "µs in which a quota is used up", "unchanged"),
    ("cpu-quota", "µs of CPU time in such a period", "unchanged"),
    ("cpuset-cpus", "on these CPUs alone, as 0-2,4", "unchanged"),
    ("cpuset-mems", "in the memory of these nodes, as 0,1", "unchanged"),
    ("blkio-weight", "its share of the disks, 10 to 1000", "unchanged"),
    ("pids-limit", "processes at most; -1 for no limit", "unchanged"),
)
"""The options of `update`."""


async def _rename(bench: Bench, offer: _Offer) -> None:
    container = offer.thing

    def wrong(values: Values) -> str:
        return "" if values["name"] else "a name is needed"

    def line(values: Values) -> str:
        return bench.desk.command("rename", container.name, values["name"])

    form = Form(f"Rename {container.name}", [Field("name", "its new name", container.name)], done="rename", line=line,
                wrong=wrong)  # fmt: skip
    wish = await bench.put(form)
    if wish is not None and wish["name"] != container.name:
        new = wish["name"]
        bench.job(
            f"rename {container.name}", lambda workbench, job: workbench.rename(container.id, new, job), line(wish)
        )


async def _update(bench: Bench, offer: _Offer) -> None:
    from engine import parse_options  # brings all of config.json with it

    container = offer.thing

    def flags(values: Values) -> list[str]:
        return [f"--{name}={value}" for name, value in values.items() if value]

    def line(values: Values) -> str:
        return bench.desk.command("update", *flags(values), container.name)

    def wrong(values: Values) -> str:
        if not flags(values):
            return "nothing is changed yet"
        try:
            parse_options(flags(values))
        except CutawayError as error:
            return error.message
        return ""

    fields = [Field(name, words, hint=hint) for name, words, hint in _LIMITS]
    detail = "At once where it runs, and in its config.json for every start from now on."
    wish = await bench.put(
        Form(f"Limits of {container.name}", fields, done="change them", detail=detail, line=line, wrong=wrong)
    )
    if wish is not None:
        options = parse_options(flags(wish))
        bench.job(
            f"update {container.name}", lambda workbench, job: workbench.update(container.id, options, job), line(wish)
        )


async def _signal(bench: Bench, offer: _Offer) -> None:
    container = offer.thing

    def line(values: Values) -> str:
        return bench.desk.command("kill", "--signal", values["signal"], container.name)

    def wrong(values: Values) -> str:
        name = values["signal"].upper().removeprefix("SIG")
        known = f"SIG{name}" in signal.Signals.__members__ or (name.isdecimal() and 0 < int(name) < 65)
        return "" if known else "this is no signal: HUP, USR1, TERM or a number"

    field = Field("signal", "signal for its first process, as HUP or 15", "HUP")
    wish = await bench.put(Form(f"Send {container.name} a signal", [field], done="send", line=line, wrong=wrong))
    if wish is not None:
        name = wish["signal"]
        bench.job(
            f"signal {name} to {container.name}",
            lambda workbench, job: workbench.kill(container.id, job, signal=name),
            line(wish),
        )


async def _stop_within(bench: Bench, offer: _Offer) -> None:
    container = offer.thing

    def line(values: Values) -> str:
        return bench.desk.command("restart" if values["again"] else "stop", "--time", values["time"], container.name)

    def wrong(values: Values) -> str:
        try:
            return "" if float(values["time"]) >= 0 else "0 or more"
        except ValueError:
            return "this is no number of seconds"

    fields = [
        Field("time", "seconds that it gets before it is killed", "10"),
        Field("again", "and start it again (restart)", toggle=True),
    ]
    wish = await bench.put(Form(f"Stop {container.name}", fields, done="stop", line=line, wrong=wrong))
    if wish is not None:
        seconds = float(wish["time"])

        def work(workbench: Workbench, job: Job) -> object:
            return (workbench.restart if wish["again"] else workbench.stop)(container.id, job, timeout=seconds)

        bench.job(f"{'restart' if wish['again'] else 'stop'} {container.name}", work, line(wish))


CONTAINER_FORMS: Sequence[Deed[ContainerSummary]] = (
    Deed(
        "container.stop-within",
        "ctrl+s",
        "stop, with another time",
        _stop_within,
        command=lambda c: ("stop", "--time", "…", c.name),
        why_not=not_live,
    ),
    Deed(
        "container.signal",
        "ctrl+k",
        "send a signal",
        _signal,
        command=lambda c: ("kill", "--signal", "…", c.name),
        why_not=not_live,
    ),
    Deed("container.rename", "n", "rename", _rename, command=lambda c: ("rename", c.name, "…"), why_not=damaged),
    Deed(
        "container.update",
        "U",
        "change its limits",
        _update,
        command=lambda c: ("update", "…", c.name),
        why_not=working,
    ),
)
