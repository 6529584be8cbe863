"""Mark and sweep: what nothing leads to goes, all else stays."""

import json
import os
import threading
from typing import Any

import pytest

from engine.digest import Digest, chain_ids
from engine.errors import ImageUnknown, StoreError
from engine.oci import INDEX, MANIFEST, Descriptor, Index, encode
from engine.store import Store, Swept

ONE, TWO = "localhost/one:latest", "localhost/two:latest"


def content(store: Store) -> tuple[int, int]:
    """How many blobs and layers there are."""
    blobs = [name for _, _, names in os.walk(store.root.images / "blobs") for name in names]
    return len(blobs), len(list(store.root.layers.iterdir()))


def nothing() -> list[Digest]:
    return []


def test_an_image_s_last_name_takes_all_with_it(store: Store, add_image: Any) -> None:
    add_image(b"a", b"b", names=(ONE, TWO))
    assert content(store) == (4, 2)
    assert store.remove(ONE, nothing) == Swept()
    assert content(store) == (4, 2)
    swept = store.remove(TWO, nothing)
    assert (len(swept.blobs), len(swept.layers)) == (4, 2)
    assert swept.size > 4
    assert content(store) == (0, 0)
    assert list(store.root.tmp.iterdir()) == []


def test_what_is_shared_stays(store: Store, add_image: Any) -> None:
    add_image(b"base", b"one", names=(ONE,))
    add_image(b"base", b"two", names=(TWO,))
    swept = store.remove(ONE, nothing)
    assert set(swept.blobs) >= {Digest.of(b"one")}
    assert Digest.of(b"base") not in swept.blobs
    assert swept.layers == (chain_ids([Digest.of(b"base"), Digest.of(b"one")])[1],)
    assert all(store.layer(chain_id) for chain_id in store.find(TWO).chain_ids)


def test_the_same_content_on_another_base_is_another_layer(store: Store, add_image: Any) -> None:
    add_image(b"x", b"same", names=(ONE,))
    add_image(b"y", b"same", names=(TWO,))
    store.remove(ONE, nothing)
    assert store.has_blob(Digest.of(b"same"))
    assert content(store) == (4, 2)


def test_a_layer_in_use_stays_with_those_below_it(store: Store, add_image: Any) -> None:
    add_image(b"a", b"b", b"c", names=(ONE,))
    chain = store.find(ONE).chain_ids
    swept = store.remove(ONE, lambda: [chain[1]])
    assert swept.layers == (chain[2],)
    assert [store.layer(chain_id) is not None for chain_id in chain] == [True, True, False]
    assert store.has_blob(Digest.of(b"a"))
    assert store.sweep(nothing).layers == tuple(sorted(chain[:2]))


def test_a_manifest_in_use_keeps_its_image(store: Store, add_image: Any) -> None:
    descriptor = add_image(b"a", b"b", names=(ONE,))
    assert store.remove(ONE, lambda: [descriptor.digest]) == Swept()
    store.tag(ONE, descriptor)
    assert len(store.find(ONE).chain_ids) == 2


def test_the_old_content_of_a_name_that_moved_goes(store: Store, add_image: Any) -> None:
    add_image(b"old", names=(ONE,))
    add_image(b"new", names=(ONE,))
    swept = store.sweep(nothing)
    assert Digest.of(b"old") in swept.blobs
    assert content(store) == (3, 1)


def test_what_others_put_into_the_layout_keeps_its_parts(store: Store, add_image: Any) -> None:
    """Nested indexes, artifacts of unknown types, signatures: reachable from index.json by descriptors."""
    image = add_image(b"a")
    config = store.put_blob(b"{}", "application/vnd.example.config")
    data = store.put_blob(b"signature", "application/octet-stream")
    artifact = {
        "schemaVersion": 2,
        "artifactType": "application/x",
        "config": {"mediaType": config.media_type, "digest": config.digest, "size": config.size},
        "blobs": [{"mediaType": "x", "digest": data.digest, "size": data.size}, {"digest": 5}, None],
        "subject": {"mediaType": MANIFEST, "digest": image.digest, "size": image.size},
    }
    inner = store.put_blob(json.dumps(artifact).encode(), "application/vnd.example")
    nested = store.put_blob(encode(Index(2, [inner])), INDEX)
    path = store.root.images / "index.json"
    path.write_bytes(encode(Index(2, [Descriptor(INDEX, nested.digest, nested.size)])))
    before = content(store)
    assert store.sweep(nothing) == Swept()
    assert content(store) == before
    path.write_bytes(encode(Index(2, [])))
    store.sweep(nothing)
    assert content(store) == (0, 0)


def test_circles_end(store: Store) -> None:
    """Digests cannot go in a circle, but damaged content under them can."""
    name = Digest.of(b"a")
    descriptor = Descriptor(INDEX, name, 1)
    store.blob_path(name).write_bytes(encode(Index(2, [descriptor])))
    (store.root.images / "index.json").write_bytes(encode(Index(2, [descriptor])))
    assert store.sweep(nothing) == Swept()


def test_a_damaged_index_sweeps_nothing(store: Store, add_image: Any) -> None:
    add_image(b"a", names=(ONE,))
    before = content(store)
    (store.root.images / "index.json").write_text("{")
    with pytest.raises(StoreError, match="damaged"):
        store.sweep(nothing)
    assert content(store) == before


def test_a_failing_look_at_containers_sweeps_nothing(store: Store, add_image: Any) -> None:
    add_image(b"a", names=(ONE,))
    store.untag(ONE)
    before = content(store)

    def broken() -> list[Digest]:
        raise StoreError("cannot read a container")

    with pytest.raises(StoreError):
        store.sweep(broken)
    assert content(store) == before


def test_damaged_layers_and_strange_files(store: Store, add_image: Any) -> None:
    add_image(b"a", names=(ONE,))
    (store.root.layers / store.find(ONE).chain_ids[0].hex / "layer.json").unlink()
    (store.root.layers / "notes").mkdir()
    (store.root.images / "blobs/sha256/README").write_text("another program's")
    store.remove(ONE, nothing)
    assert [path.name for path in store.root.layers.iterdir()] == ["notes"]
    assert [path.name for path in (store.root.images / "blobs/sha256").iterdir()] == ["README"]


def test_nothing_is_swept_under_a_pull(store: Store, add_image: Any) -> None:
    add_image(b"old", names=(ONE,))
    with store.holding():
        with store.holding():
            descriptor = add_image(b"new", b"layers")
            assert store.remove(ONE, nothing) == Swept()
        store.tag(TWO, descriptor)
    assert len(store.find(TWO).chain_ids) == 2
    assert Digest.of(b"old") in store.sweep(nothing).blobs


def test_a_pull_waits_for_a_sweep_and_then_sees_what_is_gone(store: Store, add_image: Any) -> None:
    """What `in_use` says is decided while nobody can begin to use anything."""
    add_image(b"a", names=(ONE,))
    chain = store.find(ONE).chain_ids
    sweeping, go_on, seen = threading.Event(), threading.Event(), list[bool]()

    def in_use() -> list[Digest]:
        sweeping.set()
        go_on.wait(5)
        return []

    def puller() -> None:
        with store.holding():
            seen.append(store.layer(chain[0]) is not None)

    sweeper = threading.Thread(target=lambda: store.remove(ONE, in_use))
    sweeper.start()
    assert sweeping.wait(5)
    pulling = threading.Thread(target=puller)
    pulling.start()
    pulling.join(0.1)
    assert pulling.is_alive()
    go_on.set()
    pulling.join(5)
    sweeper.join(5)
    assert seen == [False]


def test_an_unknown_name_removes_nothing(store: Store, add_image: Any) -> None:
    add_image(b"a", names=(ONE,))
    with pytest.raises(ImageUnknown):
        store.remove(TWO, nothing)
    assert store.find(ONE)


def test_the_journal_of_an_image_goes_with_it(store: Store, add_image: Any) -> None:
    one, two = add_image(b"a", names=(ONE,)), add_image(b"b", names=(TWO,))
    for descriptor in (one, two):
        (store.root.traces / f"{descriptor.digest.hex}.jsonl").write_text("")
    store.remove(ONE, nothing)
    assert [path.stem for path in store.root.traces.iterdir()] == [two.digest.hex]
    store.remove(TWO, lambda: [two.digest])
    assert [path.stem for path in store.root.traces.iterdir()] == [two.digest.hex], "a container stands on it"
