"""Who takes how much room."""

import os
from typing import Any

from engine.store import Store

ONE, TWO, AGAIN = "localhost/one:latest", "localhost/two:latest", "localhost/one:again"


def test_an_empty_store_takes_nothing(store: Store) -> None:
    usage = store.usage(lambda: [])
    assert (usage.images, usage.blobs, usage.layers, usage.partial, usage.reclaimable) == ((), 0, 0, 0, 0)


def test_room_is_told_by_image_shared_and_unique(store: Store, add_image: Any) -> None:
    base, one, two = b"b" * 1000, b"1" * 100, b"2" * 10
    add_image(base, one, names=(ONE, AGAIN))
    add_image(base, two, names=(TWO,))
    usage = store.usage(lambda: [])
    by_name = {image.names: image for image in usage.images}
    assert set(by_name) == {(AGAIN, ONE), (TWO,)}
    first, second = by_name[(AGAIN, ONE)], by_name[(TWO,)]
    documents = {name: _documents(store, name) for name in (ONE, TWO)}
    assert (first.shared, first.unique) == (2 * 1000, 2 * 100 + documents[ONE])
    assert (second.shared, second.unique) == (2 * 1000, 2 * 10 + documents[TWO])
    assert usage.layers == 1110
    assert usage.blobs == 1110 + sum(documents.values())
    assert usage.reclaimable == 0


def _documents(store: Store, name: str) -> int:
    image = store.find(name)
    return image.descriptor.size + image.manifest.config.size


def test_what_a_sweep_would_free_is_what_it_frees(store: Store, add_image: Any) -> None:
    add_image(b"b" * 1000, b"1" * 100, names=(ONE,))
    add_image(b"b" * 1000, names=(TWO,))
    layers = store.find(ONE).chain_ids
    store.untag(ONE)
    in_use = store.usage(lambda: layers).reclaimable
    free = store.usage(lambda: []).reclaimable
    assert free == in_use + 200
    assert store.sweep(lambda: []).size == free
    assert store.usage(lambda: []).reclaimable == 0


def test_unfinished_transfers_count(store: Store) -> None:
    with store.root.partial("blob-x") as (_, handle):
        os.write(handle, b"x" * 77)
    assert store.usage(lambda: []).partial == 77


def test_a_prune_takes_unfinished_transfers_that_nobody_holds(store: Store) -> None:
    left = store.root.tmp / "blob-left.part"
    left.write_bytes(b"1234567")
    with store.root.partial("blob-held") as (held, handle):
        os.write(handle, b"12345")
        usage = store.usage(lambda: [])
        assert (usage.partial, usage.reclaimable) == (12, 7)
        swept = store.prune(lambda: [])
        assert (swept.size, swept.partial) == (7, 7)
        assert held.exists()
        assert not left.exists()
