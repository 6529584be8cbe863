"""What can be done to a thing: the key, the words, the command line that does the same, and why not now."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from engine import Status, visible

if TYPE_CHECKING:
    from engine import ContainerSummary


class Verb(Enum):
    """Something that can be done."""

    OPEN = "open"
    REMOVE_IMAGE = "remove-image"
    CANCEL = "cancel"
    LAUNCH = "launch"
    DISCARD = "discard"
    OUTPUT = "output"
    TRACE = "trace"
    CONFIG = "config"
    START = "start"
    STOP = "stop"
    KILL = "kill"
    PAUSE = "pause"
    UNPAUSE = "unpause"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that can be done. `why_not` is empty where it can be done now; `question` is asked before."""

    verb: Verb
    key: str
    label: str
    command: str = ""
    why_not: str = ""
    question: str = ""


def cutaway(root: str, *words: str) -> str:
    """A command line of Cutaway's own; `root` is the data directory where it is not the usual one."""
    return shlex.join(["cutaway", *(["--root", root] if root else []), *words])


def image_deeds(reference: str, *, root: str = "") -> list[Deed]:
    """What can be done to an image."""
    return [
        Deed(Verb.OPEN, "e", "open its config.json, to change and launch", cutaway(root, "config", reference)),
        Deed(Verb.TRACE, "@", "what was done to bring it here", cutaway(root, "trace", reference)),
        Deed(
            Verb.REMOVE_IMAGE,
            "D",
            "remove",
            cutaway(root, "rmi", reference),
            question=f"Remove the image {visible(reference)}?",
        ),
    ]


def job_deeds(*, running: bool) -> list[Deed]:
    """What can be done to work under way, or to what came of it."""
    if running:
        return [Deed(Verb.CANCEL, "c", "cancel")]
    return [Deed(Verb.DISCARD, "D", "off the list")]


def draft_deeds(reference: str, *, edited: bool, launching: bool = False, root: str = "") -> list[Deed]:
    """What can be done to a container that is not there yet: an edited config.json is in no file until then."""
    words = ["run", "-d", "--config", "FILE", reference] if edited else ["run", "-d", reference]
    why_not = "it is being launched" if launching else ""
    return [
        Deed(Verb.LAUNCH, "ctrl+l", "launch", cutaway(root, *words), why_not),
        Deed(
            Verb.DISCARD,
            "D",
            "discard",
            why_not=why_not,
            question=f"Throw away what you changed for {visible(reference)}?" if edited else "",
        ),
    ]


def container_deeds(container: ContainerSummary, *, root: str = "") -> list[Deed]:
    """What can be done to a container, each with the reason if it cannot be done now."""
    name, status = container.name, container.status
    state = f"{visible(name)} is {status.value}"
    live = status in (Status.RUNNING, Status.PAUSED)
    working = f"{visible(name)} is a working container: nothing runs in it" if container.working else ""
    pause = Verb.UNPAUSE if status is Status.PAUSED else Verb.PAUSE
    return [
        Deed(Verb.OUTPUT, "l", "its output", cutaway(root, "logs", "-f", name), working),
        Deed(Verb.CONFIG, "e", "its config.json", cutaway(root, "inspect", name), working),
        Deed(Verb.TRACE, "@", "what was done to make it", cutaway(root, "trace", name)),
        Deed(Verb.START, "s", "start", cutaway(root, "start", name), working or (state if live else "")),
        Deed(Verb.STOP, "S", "stop", cutaway(root, "stop", name), working or ("" if live else state)),
        Deed(pause, "P", pause.value, cutaway(root, pause.value, name), working or ("" if live else state)),
        Deed(
            Verb.KILL,
            "K",
            "kill",
            cutaway(root, "kill", name),
            working or ("" if live else state),
            f"Kill {visible(name)}? It gets no chance to tidy up.",
        ),
        Deed(
            Verb.REMOVE,
            "D",
            "remove",
            cutaway(root, "umount" if container.working else "rm", name),
            f"{state}: stop it first" if live else "",
            f"Remove {visible(name)} and everything written in it?",
        ),
    ]
