"""How long a pull that is cancelled takes to end, as a process: while a registry is silent, and while it expands."""

from __future__ import annotations

import os
import shutil
import signal
import statistics
import time
from collections.abc import Callable

import pytest
from command_line import Cutaway
from faulty_registry import FaultyRegistry, Reply, faulty_registry
from layer_kit import END, file
from waiting import until

pytestmark = [pytest.mark.bench, pytest.mark.root]

ROUNDS = 10
CANCEL = 0.2  # seconds from the signal to the process's end


def ends(cutaway: Cutaway, registry: FaultyRegistry, under_way: Callable[[], object]) -> float:
    """Seconds from a signal to a pull that is under way until it has ended."""
    shutil.rmtree(cutaway.root, ignore_errors=True)
    pull = cutaway.start("pull", "--quiet", "--tls-verify=false", f"{registry.host}/t")
    until(under_way)
    began = time.monotonic()
    pull.send_signal(signal.SIGINT)
    said = pull.communicate(timeout=30)[1]
    took = time.monotonic() - began
    assert pull.returncode == 130, said
    return took


def test_a_pull(cutaway: Cutaway) -> None:
    with faulty_registry() as registry:
        layer = file("big", os.urandom(1 << 20) * 300) + END
        registry.put_image(layer)
        (blob,) = (digest for digest, data in registry.blobs.items() if len(data) == len(layer))
        silent, expanding = [], []
        for _ in range(ROUNDS):
            registry.stalled.clear()
            registry.reply(f"/v2/t/blobs/{blob}", Reply(stall=400_000))
            silent.append(ends(cutaway, registry, registry.stalled.is_set))
            expanding.append(ends(cutaway, registry, lambda: list(cutaway.root.glob("tmp/*/diff"))))
    for name, took in (("the registry is silent", silent), ("a layer is expanded", expanding)):
        print(f"\ncancelled while {name}: median {statistics.median(took):.3f} s, at most {max(took):.3f} s")
    assert max(silent + expanding) < CANCEL
