"""Blobs: what comes in is verified, resumed, and visible only when it is whole."""

import errno
import hashlib
import os
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.digest import Digest
from engine.errors import Cancelled, ContentError, StoreError
from engine.jobs import CancelToken
from engine.oci import DOCUMENT_LIMIT, Descriptor
from engine.store import Store
from engine.store.blobs import read_document

DATA = bytes(range(256)) * 40
BLOB = Descriptor("application/x", Digest.of(DATA), len(DATA))


def left_in_tmp(store: Store) -> list[str]:
    return [path.name for path in store.root.tmp.iterdir()]


def take_in(store: Store, data: bytes = DATA, blob: Descriptor = BLOB, *, start: int = 0) -> None:
    with store.ingest(blob, CancelToken()) as writer:
        assert writer.offset == start
        writer.write(data[writer.offset :])
        writer.commit()


def test_a_blob_comes_in(store: Store, token: CancelToken) -> None:
    with store.ingest(BLOB, token) as writer:
        assert not writer.complete
        writer.write(DATA[:100])
        writer.write(b"")
        writer.write(DATA[100:])
        assert not store.has_blob(BLOB.digest)
        writer.commit()
        assert writer.complete
    assert store.blob_path(BLOB.digest).read_bytes() == DATA
    assert store.read_blob(BLOB) == DATA
    assert left_in_tmp(store) == []
    with store.ingest(BLOB, token) as writer:
        assert writer.complete
        writer.commit()


@given(st.lists(st.integers(0, len(DATA)), max_size=6).map(sorted))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_transfer_broken_anywhere_any_number_of_times_goes_on(store: Store, breaks: list[int]) -> None:
    store.blob_path(BLOB.digest).unlink(missing_ok=True)
    at = 0
    for end in breaks:
        with store.ingest(BLOB, CancelToken()) as writer:
            assert writer.offset == at
            if writer.complete:
                break
            writer.write(DATA[at:end])
            at = end
    with store.ingest(BLOB, CancelToken()) as writer:
        if not writer.complete:  # where all had arrived, it was committed on opening
            writer.write(DATA[writer.offset :])
            writer.commit()
    assert store.blob_path(BLOB.digest).read_bytes() == DATA
    assert left_in_tmp(store) == []


def test_all_there_but_not_committed_is_complete_at_once(store: Store, token: CancelToken) -> None:
    with store.ingest(BLOB, token) as writer:
        writer.write(DATA)
    with store.ingest(BLOB, token) as writer:
        assert writer.complete
    assert store.has_blob(BLOB.digest)


def test_one_byte_too_many_is_refused_at_once_and_nothing_kept(store: Store, token: CancelToken) -> None:
    with pytest.raises(ContentError, match=f"should have {len(DATA)} bytes, but more"):
        take_in(store, DATA + b"x")
    assert left_in_tmp(store) == []
    take_in(store)


def test_another_content_is_refused_and_not_kept(store: Store) -> None:
    wrong = DATA[:-1] + b"x"
    with pytest.raises(ContentError, match=f"is not {BLOB.digest}, but sha256:{hashlib.sha256(wrong).hexdigest()}"):
        take_in(store, wrong)
    assert not store.has_blob(BLOB.digest)
    assert left_in_tmp(store) == []
    take_in(store)


def test_too_few_bytes_are_refused_and_kept_for_the_next_try(store: Store) -> None:
    with pytest.raises(ContentError, match="only 100 arrived"):
        take_in(store, DATA[:100])
    take_in(store, start=100)


@pytest.mark.parametrize("rest", [b"x" * len(DATA), b"x" * (len(DATA) + 1)], ids=["as long", "longer"])
def test_a_resumable_part_that_cannot_be_right_is_dropped(store: Store, rest: bytes) -> None:
    (store.root.tmp / f"blob-{BLOB.digest.hex}.part").write_bytes(rest)
    take_in(store, start=0)


def test_a_damaged_resumable_part_costs_one_try(store: Store) -> None:
    (store.root.tmp / f"blob-{BLOB.digest.hex}.part").write_bytes(bytes(100))
    with pytest.raises(ContentError, match="what arrived is not"):
        take_in(store, start=100)
    take_in(store)


def test_the_empty_blob(store: Store, token: CancelToken) -> None:
    empty = Descriptor("application/x", Digest.of(b""), 0)
    with store.ingest(empty, token) as writer:
        assert writer.complete
    assert store.read_blob(empty) == b""


def test_sha512(store: Store) -> None:
    blob = Descriptor("x", Digest.parse("sha512:" + hashlib.sha512(DATA).hexdigest()), len(DATA))
    take_in(store, blob=blob)
    assert store.read_blob(blob) == DATA
    assert store.blob_path(blob.digest).parent.name == "sha512"


def test_a_known_digest_with_another_size_is_a_lie(store: Store, token: CancelToken) -> None:
    take_in(store)
    with pytest.raises(ContentError, match="named with 5 bytes"), store.ingest(Descriptor("x", BLOB.digest, 5), token):
        raise AssertionError


def test_a_failure_of_the_consumer_keeps_what_has_arrived(store: Store, token: CancelToken) -> None:
    def failing() -> None:
        with store.ingest(BLOB, token) as writer:
            writer.write(DATA[:500])
            raise KeyError

    with pytest.raises(KeyError):
        failing()
    take_in(store, start=500)


def test_two_at_once_fetch_once(store: Store) -> None:
    written, started = [], threading.Barrier(4)

    def work() -> None:
        started.wait()
        with store.ingest(BLOB, CancelToken()) as writer:
            if not writer.complete:
                written.append(writer.offset)
                for at in range(0, len(DATA), 100):
                    writer.write(DATA[at : at + 100])
                writer.commit()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert written == [0]
    assert left_in_tmp(store) == []


def test_waiting_and_hashing_again_can_be_cancelled(store: Store) -> None:
    token = CancelToken()
    with store.ingest(BLOB, token) as writer:
        writer.write(DATA[:500])
        threading.Timer(0.05, token.cancel).start()
        with pytest.raises(Cancelled), store.ingest(BLOB, token):
            raise AssertionError
    with pytest.raises(Cancelled), store.ingest(BLOB, token):
        raise AssertionError
    take_in(store, start=500)


def test_a_full_disk_is_said_and_leaves_a_part_that_can_be_resumed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, room = os.pwrite, 700

    def pwrite(handle: int, data: memoryview, offset: int) -> int:
        if offset >= room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(handle, data[: room - offset], offset)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", pwrite)
        with pytest.raises(StoreError, match="No space left") as caught:
            take_in(store)
    assert "disk is full" in caught.value.hint
    take_in(store, start=room)


def test_put_gives_a_descriptor_to_read_by(store: Store) -> None:
    blob = store.put_blob(b"{}", "application/x")
    assert blob == Descriptor("application/x", Digest.of(b"{}"), 2)
    assert store.read_blob(blob) == b"{}"
    assert store.put_blob(b"{}", "application/x") == blob


# -- reading ----------------------------------------------------------------------------------------------


def test_a_damaged_blob_is_not_read(store: Store) -> None:
    blob = store.put_blob(b"content", "application/x")
    store.blob_path(blob.digest).write_bytes(b"contEnt")
    with pytest.raises(ContentError, match="is not what its digest") as caught:
        store.read_blob(blob)
    assert "pull it again" in caught.value.hint
    store.blob_path(blob.digest).write_bytes(b"conten")
    with pytest.raises(ContentError, match="should have 7 bytes, but has 6"):
        store.read_blob(blob)


def test_what_is_no_document_is_not_read_whole(store: Store) -> None:
    with pytest.raises(ContentError, match="to be read as a document"):
        store.read_blob(Descriptor("x", BLOB.digest, DOCUMENT_LIMIT + 1))
    take_in(store)
    with pytest.raises(ContentError, match="but has more"):
        read_document(store.blob_path(BLOB.digest), Descriptor("x", BLOB.digest, 5))


def test_nothing_holds_a_reader_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name in ("fifo", "folder", "zero"):
        with pytest.raises(StoreError, match="not a regular file"):
            read_document(tmp_path / name, BLOB)
    with pytest.raises(StoreError, match="No such file"):
        read_document(tmp_path / "none", BLOB)
