"""Expanded layers: published whole, once, and found again."""

import hashlib
import os
import threading
from pathlib import Path

import pytest

from engine.digest import Digest
from engine.errors import Cancelled
from engine.jobs import CancelToken
from engine.store import LayerRecord, Store
from engine.store.layers import sync_filesystem

CHAIN = Digest.of(b"chain")
RECORD = LayerRecord(CHAIN, Digest.of(b"diff"), Digest.of(b"below"), Digest.of(b"blob"), 7, 1)


def publish(store: Store, content: bytes = b"content") -> bool:
    with store.stage_layer(CHAIN, CancelToken()) as staging:
        if staging is None:
            return False
        (staging / "diff").mkdir()
        (staging / "diff/file").write_bytes(content)
        store.publish_layer(staging, RECORD)
        return True


def test_a_layer_is_published_as_a_whole(store: Store, token: CancelToken) -> None:
    with store.stage_layer(CHAIN, token) as staging:
        assert staging is not None
        assert list(staging.iterdir()) == []
        (staging / "diff").mkdir()
        (staging / "diff/file").write_text("content")
        assert store.layer(CHAIN) is None
        assert not store.layer_path(CHAIN).exists()
        store.publish_layer(staging, RECORD)
    record = store.layer(CHAIN)
    assert record is not None
    assert record.created.startswith("20")
    assert (record.diff_id, record.parent, record.blob, record.size) == (
        RECORD.diff_id,
        RECORD.parent,
        RECORD.blob,
        RECORD.size,
    )
    assert (store.layer_path(CHAIN) / "file").read_text() == "content"
    assert list(store.root.tmp.iterdir()) == []
    with store.stage_layer(CHAIN, token) as staging:
        assert staging is None


def test_what_was_not_published_goes(store: Store, token: CancelToken) -> None:
    def failing() -> None:
        with store.stage_layer(CHAIN, token) as staging:
            assert staging is not None
            (staging / "file").write_text("half")
            raise KeyError

    with pytest.raises(KeyError):
        failing()
    assert store.layer(CHAIN) is None
    assert list(store.root.tmp.iterdir()) == []
    assert publish(store)


def test_one_at_a_time_unpacks_a_layer(store: Store) -> None:
    published: list[bool] = []
    started = threading.Barrier(4)

    def work() -> None:
        started.wait()
        published.append(publish(store))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(published) == [False, False, False, True]


def test_waiting_for_another_can_be_cancelled(store: Store, token: CancelToken) -> None:
    with store.stage_layer(CHAIN, token):
        threading.Timer(0.05, token.cancel).start()
        with pytest.raises(Cancelled), store.stage_layer(CHAIN, token):
            raise AssertionError


@pytest.mark.parametrize(
    "damage",
    [
        None,
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"chain_id": "../../etc"}',
        b'{"chain_id":"%s","diff_id":"x"}' % CHAIN.encode(),
    ],
)
def test_a_damaged_layer_is_not_used_but_replaced(store: Store, damage: bytes | None) -> None:
    publish(store, b"old")
    record = store.root.layers / CHAIN.hex / "layer.json"
    if damage is None:
        record.unlink()
    else:
        record.write_bytes(damage)
    assert store.layer(CHAIN) is None
    assert publish(store, b"new")
    assert store.layer(CHAIN) is not None
    assert (store.layer_path(CHAIN) / "file").read_bytes() == b"new"
    assert list(store.root.tmp.iterdir()) == []


def test_a_record_of_another_layer_is_not_believed(store: Store) -> None:
    publish(store)
    (store.root.layers / CHAIN.hex).rename(store.root.layers / Digest.of(b"another").hex)
    assert store.layer(Digest.of(b"another")) is None


def test_a_layer_s_directory_is_no_way_in_for_other_users(store: Store) -> None:
    """Programs with set-user-ID in an image must not be runnable by the host's own users (CVE-2021-41091)."""
    publish(store)
    path: Path = store.root.layers
    assert path.stat().st_mode & 0o077 == 0
    assert (path / CHAIN.hex).stat().st_mode & 0o077 == 0


def test_a_layer_named_by_a_sha512_diff_id_is_listed_and_swept(store: Store, token: CancelToken) -> None:
    """The lowest layer's chain ID is its diff ID, as it is (image-spec config.md, "Layer ChainID")."""
    chain_id = Digest.parse("sha512:" + hashlib.sha512(b"layer").hexdigest())
    with store.stage_layer(chain_id, token) as staging:
        assert staging is not None
        (staging / "diff").mkdir()
        store.publish_layer(staging, LayerRecord(chain_id, chain_id, None, chain_id, 0, 0))
    assert store.sweep(lambda: [chain_id]).layers == ()
    assert store.sweep(lambda: []).layers == (chain_id,)
    assert not store.layer_path(chain_id).exists()


def test_sync_filesystem_reports_what_the_kernel_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sync_filesystem(tmp_path)
    real = os.open
    monkeypatch.setattr(os, "open", lambda path, flags: real(path, flags | os.O_PATH))  # syncfs(2): EBADF
    with pytest.raises(OSError, match="Bad file descriptor"):
        sync_filesystem(tmp_path)
