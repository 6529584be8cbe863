"""Another engine's container, or a config.json in a file, as a draft of ours."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from tui.bench import Bench
from tui.deeds.deed import Offer
from tui.dialogs.form import Field, Form, Values
from tui.dialogs.page import Page
from tui.state import State

if TYPE_CHECKING:
    from engine import Adoption, Job, Workbench


async def adopt(bench: Bench, offer: Offer[State]) -> None:
    """Choose one of the containers of other engines here."""
    from tui.sheets.neighbours import NeighboursSheet

    wanted = await bench.put(NeighboursSheet(bench))
    if wanted is not None:
        await adopt_this(bench, wanted)


async def adopt_this(bench: Bench, what: str) -> None:
    """Ask how, and adopt it. `what` is an engine and a name; "" for a file, which is asked for, too."""

    def flags(values: Values) -> list[str]:
        given = [f"--{name}={values[name]}" for name in ("image", "name", "network") if values[name]]
        given += [word for port in shlex.split(values["publish"]) for word in ("-p", port)]
        return given + ["--rm"] * bool(values["rm"])

    def wrong(values: Values) -> str:
        try:
            shlex.split(values["publish"])
        except ValueError:
            return "a quotation mark is not closed"
        return "" if what or Path(values["file"]).expanduser().is_file() else "there is no such file"

    def line(values: Values) -> str:
        wanted = what or values["file"] or "FILE"
        return bench.desk.command("adopt", *flags(values), wanted) if not wrong(values) else ""

    fields = [
        *([] if what else [Field("file", "config.json", hint="a file")]),
        Field("image", "on the image", hint="one with the same layers, or the other engine's own"),
        Field("name", "its name", hint="as there"),
        Field("network", "network", hint="as there; bridge or none"),
        Field("publish", "ports on a bridge", hint="8080:80 …"),
        Field("rm", "away with it when it ends (--rm)", toggle=True),
    ]
    heading = f"Adopt {what}" if what else "Adopt a config.json"
    given = await bench.put(Form(heading, fields, done="adopt", line=line, wrong=wrong))
    if given is None:
        return
    wanted = what or str(Path(given["file"]).expanduser())

    def work(workbench: Workbench, job: Job) -> Adoption:
        return workbench.adopt(
            wanted,
            job,
            image=given["image"] or None,
            name=given["name"] or None,
            auto_remove=bool(given["rm"]),
            network=given["network"] or None,
            publish=shlex.split(given["publish"]),
        )

    adoption = await bench.result(f"adopt {wanted}", work, line(given))
    if adoption is None:
        return
    rows = [(note.pointer, f"{note.done}\n{note.why}") for note in adoption.notes]
    await bench.put(Page(f"What was changed in the config.json of {wanted}", rows or [("", "nothing had to be")]))
    bench.conductor.drafts.opened(adoption.draft)


async def adopt_file(bench: Bench, offer: Offer[State]) -> None:
    """A config.json, whoever wrote it."""
    await adopt_this(bench, "")
