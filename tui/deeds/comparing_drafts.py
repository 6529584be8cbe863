"""Compares what is being written with what it was, with other engines' defaults, with other containers."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from engine import CutawayError, take_back, visible
from tui.bench import Bench
from tui.deeds.deed import Offer
from tui.desk import quiet
from tui.dialogs.comparison import Base, Comparison
from tui.state import Writing
from tui.text import age

if TYPE_CHECKING:
    from engine import ContainerSummary, Difference

_LABELS = {
    "generated": "generated",
    "launched": "last launched",
    "bare": "the image's bare defaults",
    "podman": "podman 4.3, same options",
    "docker": "docker 20.10, same options",
}

_ID = re.compile(r"[0-9a-f]{12,64}")
_NETWORK = re.compile(r"/linux/namespaces/\d+/path")
"""In the file's name is whose network it is."""


async def compare(bench: Bench, offer: Offer[Writing]) -> None:
    """Show the differences from something that is chosen there; back in the editor with what was chosen."""
    writing = offer.thing
    draft = writing.draft
    bases = [Base("edits", "in force" if writing.revises else "as adopted" if draft.made_by else "generated")]
    last = _last_container(bench, writing)
    if last is not None:
        bases.append(Base(f"container:{last.name}", f"last launched ({visible(last.name)})"))
    for each in await bench.desk.ask(lambda workbench: workbench.baselines(draft)):
        same = each.what == "generated" and draft.generated in ("", draft.text)
        if not same and each.what not in {base.what for base in bases}:
            bases.append(Base(each.what, _LABELS.get(each.what) or visible(each.what.removeprefix("container:"))))

    async def read(what: str) -> str:
        if what == "edits":
            return writing.original
        text = await bench.desk.ask(lambda workbench: workbench.baseline(what, draft, quiet("compare")))
        if not writing.revises and not draft.made_by and what not in ("generated", "launched"):
            bench.show_command(bench.desk.command("config", "--against", what, draft.image))
        return text

    answer = await bench.put(Comparison(f"Differences: {writing.title}", writing.text, bases, read, take_back))
    if answer is None:
        return
    if answer.text != writing.text:
        bench.look(offer.subject, go="config")
        bench.conductor.drafts.rewrite(writing, answer.text)
    if answer.pointer is not None:
        bench.look(offer.subject, go="config")
        if writing.port is not None:
            writing.port.look_again(answer.pointer)


def _last_container(bench: Bench, writing: Writing) -> ContainerSummary | None:
    """The container of the same image that was started last."""
    if writing.revises:
        return None
    others = [c for c in bench.state.containers.values() if c.image == writing.draft.image and not c.working]
    return max((c for c in others if c.started), key=lambda c: c.started or 0, default=None)


async def last_launched(bench: Bench, writing: Writing) -> tuple[str, str] | None:
    """What was launched last, in words, and its config.json; None where nothing was, or it is gone."""
    draft = writing.draft
    container = _last_container(bench, writing)
    what, label = "launched", f"the last start of {draft.name}"
    if not writing.revises:
        if container is None:
            return None
        ago = age(time.time() - (container.started or 0))
        what, label = f"container:{container.name}", f"{container.name}, launched {ago} ago"
    try:
        text = await bench.desk.ask(lambda workbench: workbench.baseline(what, draft, quiet("compare")))
    except CutawayError:
        return None
    return label, text


def is_its_own(difference: Difference) -> bool:
    """Whether it only says that it is another container: its control group, its network, and the id in its name."""
    if difference.pointer == "/linux/cgroupsPath":
        return True
    if _NETWORK.fullmatch(difference.pointer):
        places = [str(value).rpartition("/") for value in (difference.before, difference.after)]
        return places[0][0] == places[1][0] != "" and all(_ID.fullmatch(place[2]) for place in places)
    if difference.pointer == "/hostname" or difference.pointer.startswith("/process/env/"):
        values = (str(value).removeprefix("HOSTNAME=") for value in (difference.before, difference.after))
        return all(_ID.fullmatch(value) for value in values)
    return False
