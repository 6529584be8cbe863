"""Images that are not here: looked at in a registry or a file without pulling them, and podman's own, used in place."""

from __future__ import annotations

import json

from engine import human_size
from tui.bench import Bench
from tui.deeds.asking import TLS, tls_flags
from tui.deeds.deed import Offer
from tui.dialogs.form import Field, Form, Values
from tui.dialogs.page import Page
from tui.dialogs.pick import Pick
from tui.state import State

_PODMANS = "containers-storage:"


async def look_elsewhere(bench: Bench, offer: Offer[State]) -> None:
    """All that is known of an image where it is."""

    def name_of(values: Values) -> str:
        name = values["name"]
        return name if not name or bench.desk.workbench.is_elsewhere(name) else f"docker://{name}"

    def line(values: Values) -> str:
        chosen = ["--platform", values["platform"]] if values["platform"] else []
        return bench.desk.command("inspect", *tls_flags(values), *chosen, name_of(values) or "NAME")

    fields = [
        Field("name", "name", hint="quay.io/org/app:1, oci-archive:FILE, oci:DIR"),
        Field("platform", "platform", hint="this host's; OS/ARCH[/VARIANT]"),
        TLS,
    ]
    given = await bench.put(
        Form(
            "Look at an image without pulling it",
            fields,
            done="look",
            line=line,
            wrong=lambda values: "" if values["name"] else "the name is missing",
        )
    )
    if given is None:
        return
    name, platform, verify = name_of(given), given["platform"] or None, bool(given["tls"])
    found = await bench.result(
        f"inspect {name}",
        lambda workbench, job: workbench.inspect_at(name, job, tls_verify=verify, platform=platform),
        line(given),
    )
    if found is not None:
        text = json.dumps(found, indent=2, ensure_ascii=False, default=str)
        await bench.put(Page(f"All that is known of {name}", [("", text)], copies="all of it"))


async def podmans_images(bench: Bench, offer: Offer[State]) -> None:
    """One of podman's images, where podman has it: its config.json opens, to be launched without a copy."""
    found = await bench.desk.ask(lambda workbench: workbench.images_at(_PODMANS))
    bench.show_command(offer.command)
    things = [(image.reference, f"{image.reference}   {human_size(image.size)}") for image in found]
    name = await bench.put(Pick("podman's images, to be used where they are", things))
    if name is not None:
        bench.conductor.drafts.open(name if name.startswith(_PODMANS) else _PODMANS + name)
