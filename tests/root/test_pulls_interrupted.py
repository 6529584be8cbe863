"""Pulls from a registry that are killed, cancelled, or two at once: what has come is not fetched again."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Cutaway
from faulty_registry import FaultyRegistry, Reply, faulty_registry
from layer_kit import END, file
from waiting import until

from engine.digest import Digest
from engine.disk import DataRoot
from engine.jobs import CancelToken
from engine.store import Store

pytestmark = pytest.mark.root

PATIENCE = 60.0  # seconds
SIZE, BEFORE = 3_000_000, 1_500_000  # bytes: of the large layer, and of it before it stalls


@pytest.fixture
def registry() -> Iterator[FaultyRegistry]:
    with faulty_registry() as server:
        yield server


@pytest.fixture
def cutaway(tmp_path: Path) -> Cutaway:
    return Cutaway(tmp_path / "root", tmp_path / "run")


def layer(name: str, size: int = 1000) -> bytes:
    return file(name, os.urandom(size)) + END


def pull(registry: FaultyRegistry, tag: str = "latest") -> list[str]:
    return ["pull", "--tls-verify=false", f"{registry.host}/t:{tag}"]


def blobs_asked_for(registry: FaultyRegistry, *layers: bytes) -> list[int]:
    """How often each layer's blob was asked for."""
    return [registry.paths().count(f"/v2/t/blobs/{Digest.of(each)}") for each in layers]


def whole(cutaway: Cutaway, layers: int) -> Digest:
    """The one image that is here has so many layers, all is as it should be, and nothing is left over; its digest."""
    store = Store(DataRoot(cutaway.root))
    (image,) = store.images()
    assert len(image.manifest.layers) == layers
    assert all(store.layer(chain_id) for chain_id in image.chain_ids)
    assert store.check(lambda: [], CancelToken()) == []
    assert list((cutaway.root / "tmp").iterdir()) == []
    return image.descriptor.digest


def stop_in_mid_blob(
    cutaway: Cutaway, registry: FaultyRegistry, number: signal.Signals, *, whole: bytes, half: bytes
) -> int:
    """Begin a pull and stop it by a signal when one layer is here, and half of another; returns the exit code."""
    process = cutaway.start(*pull(registry))
    blob = cutaway.root / "images/blobs/sha256" / Digest.of(whole).hex
    part = cutaway.root / f"tmp/blob-{Digest.of(half).hex}.part"
    until(lambda: process.poll() is not None or (blob.exists() and part.exists() and part.stat().st_size == BEFORE))
    assert process.poll() is None
    for _ in range(2 if number is signal.SIGHUP else 1):  # as the shell and the kernel tell of a lost terminal
        process.send_signal(number)
        time.sleep(0.01)
    process.communicate(timeout=PATIENCE)
    return process.returncode


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_the_next_pull_goes_on_where_one_was_stopped(
    cutaway: Cutaway, registry: FaultyRegistry, number: signal.Signals
) -> None:
    small, large = layer("small"), layer("large", SIZE)
    registry.put_image(small, large)
    path = f"/v2/t/blobs/{Digest.of(large)}"
    registry.reply(path, Reply(stall=BEFORE))
    assert stop_in_mid_blob(cutaway, registry, number, whole=small, half=large) == (
        -9 if number is signal.SIGKILL else 130
    )
    assert Store(DataRoot(cutaway.root)).images() == []
    assert list((cutaway.root / "layers").iterdir()) == []
    if number is not signal.SIGKILL:  # nothing is left but the resumable part
        (part,) = (cutaway.root / "tmp").iterdir()
        assert part.name.endswith(".part")
        assert cutaway.json("system", "df", "--json")["partial"] == BEFORE
    cutaway(*pull(registry))
    assert [seen.headers.get("range") for seen in registry.seen if seen.path == path] == [None, f"bytes={BEFORE}-"]
    assert blobs_asked_for(registry, small) == [1]
    whole(cutaway, layers=2)


def test_an_image_that_is_here_costs_one_question(cutaway: Cutaway, registry: FaultyRegistry) -> None:
    digest = registry.put_image(layer("one"), layer("two"))
    cutaway(*pull(registry))
    before = len(registry.seen)
    cutaway(*pull(registry))
    assert registry.paths()[before:] == ["/v2/t/manifests/latest"]
    assert whole(cutaway, layers=2) == digest


def test_what_two_images_share_is_fetched_and_expanded_once(cutaway: Cutaway, registry: FaultyRegistry) -> None:
    base, one, two = layer("base"), layer("one"), layer("two")
    registry.put_image(base, one, tag="one")
    registry.put_image(base, two, tag="two")
    cutaway(*pull(registry, "one"))
    (below,) = (path for path in (cutaway.root / "layers").iterdir() if (path / "diff/base").exists())
    expanded = (below / "diff/base").stat()
    cutaway(*pull(registry, "two"))
    assert blobs_asked_for(registry, base, one, two) == [1, 1, 1]
    assert (below / "diff/base").stat().st_ino == expanded.st_ino
    assert len(list((cutaway.root / "layers").iterdir())) == 3


def test_two_pulls_at_once_fetch_nothing_twice(cutaway: Cutaway, registry: FaultyRegistry) -> None:
    layers = [layer(f"l{number}", 400_000) for number in range(4)]
    registry.put_image(*layers)
    for each in layers:  # slow enough that both are at it at once
        registry.reply(f"/v2/t/blobs/{Digest.of(each)}", Reply(drip=(40_000, 0.1)))
    both = [cutaway.start(*pull(registry)), cutaway.start(*pull(registry))]
    said = [process.communicate(timeout=PATIENCE) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert said[0][0] == said[1][0], "both print the image's id"
    assert blobs_asked_for(registry, *layers) == [1, 1, 1, 1]
    whole(cutaway, layers=4)


def test_one_fails_while_another_waits_for_it(cutaway: Cutaway, registry: FaultyRegistry) -> None:
    """The one that waited takes over where the other was killed."""
    large = layer("large", SIZE)
    registry.put_image(large)
    path = f"/v2/t/blobs/{Digest.of(large)}"
    registry.reply(path, Reply(stall=BEFORE))
    first = cutaway.start(*pull(registry))
    until(lambda: any(part.stat().st_size >= BEFORE for part in (cutaway.root / "tmp").glob("*.part")))
    manifests = registry.paths().count("/v2/t/manifests/latest")
    second = cutaway.start(*pull(registry))
    until(lambda: registry.paths().count("/v2/t/manifests/latest") > manifests)
    first.kill()
    first.communicate()
    said = second.communicate(timeout=PATIENCE)
    assert second.returncode == 0, said
    assert [seen.headers.get("range") for seen in registry.seen if seen.path == path] == [None, f"bytes={BEFORE}-"]
