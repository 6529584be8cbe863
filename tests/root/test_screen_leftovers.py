"""Containers that lose conmon and then end, while nothing but the screen is open."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from command_line import Cutaway
from waiting import until

from engine import rootfs
from engine.disk import DataRoot
from tui.deeds import DEEDS
from tui.subjects import OfContainer

pytestmark = [pytest.mark.root, pytest.mark.interop("iptables", "netavark")]

DEMO = "localhost/cutaway/demo:latest"


def kill_conmon_then_init(cutaway: Cutaway, root: DataRoot, *names: str) -> None:
    there = {c["name"]: c for c in cutaway.json("ps", "--json")}
    for name in names:
        os.kill(int((root.run / "containers" / there[name]["id"] / "conmon.pid").read_text()), signal.SIGKILL)
    for name in names:
        os.kill(there[name]["pid"], signal.SIGKILL)


def watched(screen: Any) -> Callable[[str], bool]:
    """From then on the screen is told what ends."""
    return lambda _: screen.screen.desk.loaded and screen.screen.desk.workbench._watcher is not None


def left(root: DataRoot) -> list[str]:
    """Mounts, network namespaces and what runc holds."""
    held = [str(path) for kind in ("netns", "runc") for path in (root.run / kind).glob("[0-9a-f]*")]
    return [*map(str, rootfs.mounts_below(root.path)), *held]


async def test_what_conmon_would_have_cleared_is_cleared(cutaway: Cutaway, bench: Any, data_root: DataRoot) -> None:
    cutaway("run", "-d", "--name", "one", "-p", "127.0.0.1:18111:80", DEMO, "sleep", "600")
    cutaway("run", "-d", "--name", "two", "--network=host", DEMO, "sleep", "600")
    async with bench(root=data_root.path) as screen:
        await screen.wait("one +running", "two +running", watched(screen))
        assert len(left(data_root)) >= 5
        kill_conmon_then_init(cutaway, data_root, "one", "two")
        await screen.wait("one +exited", "two +exited")
        await screen.until(lambda: not left(data_root))
        state = screen.screen.state
        said = {f"cleared up after the container {name}" for name in ("one", "two")}
        await screen.until(lambda: said <= {message.text for message in state.messages})
        await screen.until(lambda: state.work and not state.working)
        assert [work.title for work in state.work.values()] == ["clear up after containers"], "once for both"
        steps = [step.command for title, step in state.steps if title == "clear up after containers"]
        assert len([step for step in steps if step.startswith("umount ")]) == 2, steps


async def test_not_where_nothing_may_be_changed(cutaway: Cutaway, bench: Any, data_root: DataRoot) -> None:
    cutaway("run", "-d", "--name", "one", "--network=host", DEMO, "sleep", "600")
    async with bench(root=data_root.path, read_only=True) as screen:
        await screen.wait("one +running", watched(screen))
        before = left(data_root)
        kill_conmon_then_init(cutaway, data_root, "one")
        await screen.wait("one +exited")
        assert not screen.screen.conductor.leftovers._arranged
        assert left(data_root) == before
    cutaway("ps")
    until(lambda: not left(data_root))


async def test_a_container_whose_record_cannot_be_read_is_there_and_can_be_removed(
    cutaway: Cutaway, bench: Any, data_root: DataRoot
) -> None:
    id = cutaway.out("run", "-d", "--name", "one", "--network=host", DEMO, "sleep", "600")
    (data_root.containers / id / "container.json").write_text("")
    async with bench(root=data_root.path) as screen:
        await screen.wait(f"✕ {id} +damaged")
        await screen.press("4", "enter")
        for tab in ("Files", "Output", "Stats", "Trace", "Config"):
            await screen.wait(f"{id} › {tab}", "(?i)the record of", without="reading…")
            await screen.press("right_square_bracket")
        await screen.press("4", "N")
        await screen.wait("Not now: the record of")
        (container,) = screen.screen.state.containers.values()
        free = {deed.id for deed in DEEDS[OfContainer] if not deed.why_not(container)}
        assert free == {"container.files", "container.trace", "container.remove"}
        await screen.press("D")
        await screen.wait("Kill it, and remove it")
        await screen.press("y")
        await screen.wait(lambda text: "damaged" not in text)
    assert not (data_root.containers / id).exists()
