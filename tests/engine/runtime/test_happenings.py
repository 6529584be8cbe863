"""The record of what was done to containers."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from engine.disk import DataRoot
from engine.errors import Cancelled
from engine.jobs import CancelToken
from engine.runtime import ContainerRecord, Happenings, happenings

RECORD = ContainerRecord(
    id="0123456789ab", name="w", image="i", image_digest="sha256:0", layers=[], created="2026-01-01", command=[]
)


@pytest.fixture
def record_of(tmp_path: Path) -> Happenings:
    root = DataRoot(tmp_path)
    root.prepare()
    return Happenings(root)


def actions(record_of: Happenings, **limits: float) -> list[str]:
    return [h.action for h in record_of.read(CancelToken(), **limits)]  # type: ignore[arg-type]


def test_what_was_done_is_told_in_order(record_of: Happenings, tmp_path: Path) -> None:
    assert actions(record_of) == []
    for number, action in enumerate(("create", "start", "died")):
        record_of.add(RECORD, action, 1000.0 + number, exit_code=str(number))
    assert actions(record_of) == ["create", "start", "died"]
    assert actions(record_of, since=1001.0, until=1001.5) == ["start"]
    last = list(record_of.read(CancelToken()))[-1]
    assert (last.id, last.name, last.image, last.time, last.detail) == (RECORD.id, "w", "i", 1002.0, {"exit_code": "2"})
    with (tmp_path / "events.jsonl").open("ab") as file:
        file.write(b'{"time": 1003, "act')  # a crash tore it
    assert actions(record_of) == ["create", "start", "died"]


def test_it_does_not_grow_for_ever(record_of: Happenings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.runtime.happenings._LIMIT", 2000)
    for number in range(100):
        record_of.add(RECORD, f"a{number}")
    assert sum(path.stat().st_size for path in tmp_path.glob("events.jsonl*")) < 5000
    told = actions(record_of)
    assert told[-1] == "a99"
    assert told == [f"a{number}" for number in range(100 - len(told), 100)]
    assert len(told) > 10


def test_a_follower_hears_of_more_until_it_is_cancelled(record_of: Happenings) -> None:
    token, heard = CancelToken(), []
    record_of.add(RECORD, "create")

    def follow() -> None:
        told = record_of.read(token, follow=True)
        heard.extend(next(told).action for _ in range(3))
        token.cancel()
        with pytest.raises(Cancelled):
            next(told)

    thread = threading.Thread(target=follow)
    thread.start()
    record_of.add(RECORD, "start")
    record_of.add(RECORD, "died")
    thread.join(5)
    assert not thread.is_alive()
    assert heard == ["create", "start", "died"]


def test_what_cannot_be_written_fails_nobody(tmp_path: Path) -> None:
    happenings.Happenings(DataRoot(tmp_path / "not-there")).add(RECORD, "start")
