"""Commands that move containers: stop, kill, restart, pause, unpause, wait, rm."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from functools import partial
from typing import Any

import click

from engine import ALIVE, CancelToken, ContainerDamaged, ContainerUnknown, CutawayError, Job, Status, Workbench
from engine.cli.choosing import ContainerCommand, choice, chosen, ending_with
from engine.cli.console import complain, each, session

_ANY = tuple(Status)


def _each(
    title: str, states: Collection[Status], choose: dict[str, Any], act: Any, *, youngest_first: bool = False
) -> None:
    """Do `act(workbench, name, job)` to each that is chosen, and print its name."""
    console = session()

    def one(name: str) -> None:
        console.do(f"{title} {name}", lambda job: act(console.workbench, name, job))
        click.echo(name)

    names = chosen(console.workbench, states, **choose)
    each(_youngest_first(names, choose) if youngest_first else names, one)


def _youngest_first(names: list[str], choose: dict[str, Any]) -> list[str]:
    """Who shares another's network is younger than that one, and should go first, where nobody said an order."""
    return names if choose["names"] else names[::-1]


_patience = click.option(
    "-t", "--time", "timeout", type=click.FloatRange(0), help="Seconds before it is killed.  [default: its own, 10]"
)


@click.command(cls=ContainerCommand)
@_patience
@choice("All that run.", ignore=("-i", "--ignore"), short_filter=True)
def stop(timeout: float | None, **choose: Any) -> None:
    """Ask containers to end, and kill those that do not in time."""

    def act(workbench: Workbench, name: str, job: Job) -> None:
        workbench.stop(name, job, timeout=timeout)

    _each("stop", ALIVE, choose, act, youngest_first=True)


@click.command(cls=ContainerCommand)
@click.option("-s", "--signal", default="KILL", show_default=True, help="The signal, by name or number.")
@choice("All that run.")
def kill(signal: str, **choose: Any) -> None:
    """Send a signal to containers' first processes."""
    _each("kill", ALIVE, choose, lambda workbench, name, job: workbench.kill(name, job, signal=signal))


@click.command(cls=ContainerCommand)
@_patience
@click.option("--running", is_flag=True, help="With --all: those that run alone.")
@choice("All, running or not.", short_filter=True)
def restart(timeout: float | None, running: bool, **choose: Any) -> None:
    """Stop containers where they run, and start them."""
    if running:
        choose["everything"] = True
    states = ALIVE if running else set(_ANY) - {Status.DAMAGED}
    _each("restart", states, choose, lambda workbench, name, job: workbench.restart(name, job, timeout=timeout))


@click.command(cls=ContainerCommand)
@choice("All that run.", short_filter=True)
def pause(**choose: Any) -> None:
    """Freeze all processes of containers."""
    _each("pause", (Status.RUNNING,), choose, lambda workbench, name, job: workbench.pause(name, job))


@click.command(cls=ContainerCommand)
@choice("All that are frozen.", short_filter=True)
def unpause(**choose: Any) -> None:
    """Let frozen containers go on."""
    _each("unpause", (Status.PAUSED,), choose, lambda workbench, name, job: workbench.unpause(name, job))


@click.command(cls=ContainerCommand)
@click.option("-f", "--force", is_flag=True, help="Kill those that run. One that is not there is no error.")
@click.option(
    "-t", "--time", "timeout", type=click.FloatRange(0), help="With --force: ask first, and kill after these seconds."
)
@click.option("--depend", is_flag=True, help="Those that share its network go, too.")
@click.option("-v", "--volumes", is_flag=True, help="podman's; volumes without a name go anyway.")
@choice("All, running or not.", ignore=("-i", "--ignore"))
def rm(force: bool, depend: bool, timeout: float | None, volumes: bool, **choose: Any) -> None:
    """Take containers away with all that they have written.

    One whose network others share cannot go before them. Where one is not there, none goes.

    Exit codes: 1 where there is no such container, 2 where one runs (and no --force), 125 otherwise.
    """
    choose["ignore"] |= force

    def act(workbench: Workbench, name: str, job: Job) -> None:
        with suppress(ContainerDamaged):  # whose signal nobody knows
            ask_first = force and timeout is not None and workbench.container(name).status in ALIVE
            if ask_first and not workbench.sharers(name):  # with those it is refused, and goes on
                workbench.stop(name, job, timeout=timeout)
        workbench.remove(name, job, force=force)

    console = session()
    codes: list[int] = []
    with ending_with(1, ContainerUnknown.code):
        names = _youngest_first(chosen(console.workbench, _ANY, **choose), choose)
    for name in _and_sharers(console.workbench, names) if depend else names:
        try:
            console.do(f"rm {name}", partial(act, console.workbench, name))
            click.echo(name)
        except ContainerUnknown as error:
            if not force:  # otherwise it was one with --rm, and went when it ended
                complain(error.message, error.hint)
                codes.append(error.exit_code)
        except CutawayError as error:
            complain(error.message, error.hint)
            codes.append(2 if not force and _runs(console.workbench, name) else 125)
    if codes:
        raise click.exceptions.Exit(codes[-1])


def _and_sharers(workbench: Workbench, names: list[str]) -> list[str]:
    """Before each name those of the containers that share its network."""
    found: list[str] = []
    for name in names:
        with suppress(ContainerUnknown, ContainerDamaged):  # that is told when its turn comes
            found += reversed(workbench.sharers(name))
        found.append(name)
    return list(dict.fromkeys(found))


def _runs(workbench: Workbench, name: str) -> bool:
    try:
        return workbench.container(name).status in ALIVE
    except CutawayError:
        return False


_LOOK = 0.25  # seconds between two looks at a state, podman's


@click.command(cls=ContainerCommand)
@click.option(
    "--condition",
    type=click.Choice(["stopped", "exited", "created", "running", "paused"]),
    default="exited",
    help="What to wait for: its end, or another state.",
)
@click.option("-i", "--interval", metavar="SPAN", help="podman's; an end is told here, not asked for.")
@choice("All that run.", ignore=("--ignore",), by_file=False)
def wait(condition: str, interval: str | None, **choose: Any) -> None:
    """Wait until containers end, and print their exit codes; -1 for those of another state."""
    workbench = session().workbench
    token = CancelToken()
    names = chosen(workbench, ALIVE, **choose)
    if condition in ("stopped", "exited"):
        for code in workbench.wait_each(names, token):
            click.echo(code)
        return
    for name in names:
        while workbench.container(name).status is not Status(condition):
            token.sleep(_LOOK)
        click.echo(-1)
