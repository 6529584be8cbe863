"""Why something cannot be done to a container now, in words; "" where it can."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import ALIVE, Status, visible

if TYPE_CHECKING:
    from engine import ContainerSummary


def is_live(container: ContainerSummary) -> bool:
    return container.status in ALIVE


def goes_by_force(container: ContainerSummary) -> bool:
    """Whether it may run when it is removed."""
    return is_live(container) or container.status is Status.DAMAGED


def as_it_is(container: ContainerSummary) -> str:
    return f"{visible(container.name)} is {container.status.value}"


def damaged(container: ContainerSummary) -> str:
    is_damaged = container.status is Status.DAMAGED
    return f"the record of {container.id} cannot be read: it can be ended and removed alone" if is_damaged else ""


def working(container: ContainerSummary) -> str:
    is_working = f"{visible(container.name)} is a working container: nothing runs in it"
    return damaged(container) or (is_working if container.working else "")


def not_live(container: ContainerSummary) -> str:
    return working(container) or ("" if is_live(container) else as_it_is(container))


def not_running(container: ContainerSummary) -> str:
    return working(container) or ("" if container.status is Status.RUNNING else as_it_is(container))


def already_live(container: ContainerSummary) -> str:
    return working(container) or (as_it_is(container) if is_live(container) else "")
