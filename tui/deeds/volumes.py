"""Named volumes: the list, and taking one away."""

from __future__ import annotations

from engine import visible
from tui.bench import Bench
from tui.deeds.asking import ask_for_one
from tui.deeds.deed import Offer
from tui.dialogs.page import Page
from tui.state import State


async def show_volumes(bench: Bench, offer: Offer[State]) -> None:
    """Each with its directory and who binds it."""
    found = await bench.desk.ask(lambda workbench: workbench.volumes())
    bench.show_command(offer.command)
    called = {id: container.name for id, container in bench.state.containers.items()}
    rows = []
    for volume in found:
        binding = ", ".join(called.get(id, id) for id in volume.containers)
        rows.append((volume.name, f"{volume.path}\n{binding or 'no container binds it'}"))
    await bench.put(Page("Volumes", rows or [("", "There are none. run -v NAME:DIR makes one.")]))


async def remove_volume(bench: Bench, offer: Offer[State]) -> None:
    """Ask which, and then whether really: its data go with it."""
    name = await ask_for_one(bench, "Remove a volume", "volume", ("volume", "rm"), "remove")
    if not name:
        return
    line = bench.desk.command("volume", "rm", name)
    if await bench.ask(f"Remove the volume {visible(name)} with all that is in it?", command=line, yes="Remove"):
        await bench.result(f"remove {name}", lambda workbench, job: workbench.remove_volume(name), line)
