"""Containers on disk, without privileges."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from engine.digest import Digest
from engine.disk import DataRoot
from engine.errors import ContainerState, ContainerUnknown, StoreError, UsageError
from engine.runtime import ContainerRecord, Containers, Kind


@pytest.fixture
def root(tmp_path: Path) -> DataRoot:
    root = DataRoot(tmp_path)
    root.prepare()
    return root


@pytest.fixture
def containers(root: DataRoot) -> Containers:
    return Containers(root)


def record(container_id: str = "0123456789ab", name: str = "debian-1", **fields: Any) -> ContainerRecord:
    fields = {"created": "2026-01-01T00:00:00Z", "layers": [], "command": ["sh"], **fields}
    return ContainerRecord(
        id=container_id, name=name, image="docker.io/library/debian:12", image_digest=Digest.of(b"m"), **fields
    )


def test_what_is_added_is_found(containers: Containers) -> None:
    made = record(kind=Kind.WORKING, terminal=True, stop_timeout=2.5, layers=[Digest.of(b"l")])
    path = containers.add(made, {"config.json": b"{}", "files/hosts": b"127.0.0.1 localhost\n"})
    assert path == containers.path(made.id)
    assert containers.find("debian-1") == containers.find(made.id) == containers.find("01") == made
    assert sorted(entry.name for entry in path.iterdir()) == [
        "config.json", "container.json", "files", "merged", "upper", "work"
    ]  # fmt: skip
    assert (path / "files/hosts").read_bytes() == b"127.0.0.1 localhost\n"
    stored = json.loads((path / "container.json").read_text())
    assert stored["kind"] == "working"
    assert stored["layers"] == [Digest.of(b"l")]


def test_secrets_in_a_configuration_are_the_owners_alone(containers: Containers) -> None:
    path = containers.add(record(), {"config.json": b"{}"})
    assert (path / "config.json").stat().st_mode & 0o777 == 0o600
    assert (path / "container.json").stat().st_mode & 0o777 == 0o600


def test_the_upper_directory_is_the_images_root_directory(root: DataRoot, containers: Containers) -> None:
    layer = Digest.of(b"layer")
    (root.layers / layer.hex / "diff").mkdir(parents=True)
    os.chmod(root.layers / layer.hex / "diff", 0o1750)
    path = containers.add(record(layers=[Digest.of(b"lower"), layer]), {})
    assert (path / "upper").stat().st_mode & 0o7777 == 0o1750


def test_oldest_first_and_what_cannot_be_read_left_out(root: DataRoot, containers: Containers) -> None:
    containers.add(record("00000000000b", "b", created="2026-01-02T00:00:00Z"), {})
    containers.add(record("00000000000a", "a", created="2026-01-03T00:00:00Z"), {})
    containers.add(record("00000000000c", "c", created="2026-01-01T00:00:00Z"), {})
    (root.containers / "not-an-id").mkdir()
    (root.containers / "0000000000ee").mkdir()
    (root.containers / "0000000000ff").mkdir()
    (root.containers / "0000000000ff/container.json").write_text("{")
    (root.containers / "0000000000fe").mkdir()
    (root.containers / "0000000000fe/container.json").write_bytes(
        (root.containers / "00000000000a/container.json").read_bytes()
    )
    assert [found.name for found in containers.all()] == ["c", "b", "a"]


def test_a_beginning_of_an_id_must_be_unique(containers: Containers) -> None:
    containers.add(record("aa0000000001", "one"), {})
    containers.add(record("aa0000000002", "two"), {})
    assert containers.find("aa0000000002").name == "two"
    with pytest.raises(UsageError, match="one"):
        containers.find("aa")
    for unknown in ("b", "", "on", "../aa0000000001", "\x1b[2J"):
        with pytest.raises(ContainerUnknown) as caught:
            containers.find(unknown)
        assert "\x1b" not in caught.value.message


def test_a_name_goes_before_the_beginning_of_an_id(containers: Containers) -> None:
    containers.add(record("aa0000000001", "bb"), {})
    containers.add(record("bb0000000002", "two"), {})
    assert containers.find("bb").id == "aa0000000001"


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("docker.io/library/debian:12", "debian-1"),
        ("localhost:5000/a/b", "b-1"),
        ("registry/x@sha256:" + "0" * 64, "x-1"),
        ("r/___:1", "container-1"),
        ("oci:/tmp/dir with space:tag", "dir-with-space-1"),
    ],
)
def test_default_names(containers: Containers, image: str, name: str) -> None:
    assert containers.reserve(None, image).name == name


def test_the_smallest_free_number(containers: Containers) -> None:
    containers.add(record("000000000001", "debian-1"), {})
    containers.add(record("000000000003", "debian-3"), {})
    assert containers.reserve(None, "debian").name == "debian-2"


@pytest.mark.parametrize("name", ["", "-a", ".a", "a b", "a/b", "..", "ä", "a\n", "a\x1b", "a" * 129])
def test_names_outside_the_grammar(containers: Containers, name: str) -> None:
    with pytest.raises(UsageError):
        containers.reserve(name, "image")
    with pytest.raises(UsageError):
        containers.add(record(name=name), {})


def test_a_taken_name(root: DataRoot, containers: Containers) -> None:
    containers.add(record("000000000001", "taken"), {})
    with pytest.raises(ContainerState, match="taken"):
        containers.reserve("taken", "image")
    with pytest.raises(ContainerState, match="taken"):
        containers.add(record("000000000002", "taken"), {})
    with pytest.raises(ContainerState):
        containers.add(record("000000000001", "other"), {})
    assert [path.name for path in root.containers.iterdir()] == ["000000000001"]
    assert list(root.tmp.iterdir()) == []


def test_many_at_once_take_one_name(root: DataRoot) -> None:
    outcomes: list[bool] = []

    def take(number: int) -> None:
        try:
            Containers(root).add(record(f"{number:012x}", "one"), {})
            outcomes.append(True)
        except ContainerState:
            outcomes.append(False)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count(True) == 1
    assert len(Containers(root).all()) == 1


@pytest.mark.parametrize("place", ["/etc/x", "../x", "a/../../x", "upper/x", "merged/x"])
def test_files_stay_in_their_place(root: DataRoot, containers: Containers, place: str) -> None:
    with pytest.raises(StoreError):
        containers.add(record(), {place: b""})
    assert list(root.containers.iterdir()) == []


@pytest.mark.parametrize("container_id", ["", "..", "0123456789AB", "0123456789a", "../../etc/pa", "0123456789ab\n"])
def test_only_ids_become_paths(containers: Containers, container_id: str) -> None:
    with pytest.raises(ContainerUnknown):
        containers.path(container_id)


def test_change(containers: Containers) -> None:
    containers.add(record("000000000001", "one"), {})
    containers.add(record("000000000002", "two"), {})
    containers.update(record("000000000001", "three"))
    assert [found.name for found in containers.all()] == ["three", "two"]
    with pytest.raises(ContainerState):
        containers.update(record("000000000001", "two"))
    with pytest.raises(ContainerUnknown):
        containers.update(record("000000000009", "nine"))


def test_what_others_change_is_seen(root: DataRoot, containers: Containers) -> None:
    """Another process renames it, somebody writes into its record, damages that, mends it, takes it away."""
    containers.add(record(name="one"), {})
    place = containers.path("0123456789ab") / "container.json"
    assert containers.find("one") in containers.all()
    Containers(root).update(record(name="two"))
    assert [each.name for each in containers.all()] == ["two"]
    text = place.read_text()
    place.write_text(text.replace("two", "seven"))
    assert [each.name for each in containers.all()] == ["seven"]
    place.write_text(text[:-9])
    assert containers.all() == []
    assert len(containers.damaged()) == 1
    place.write_text(text)
    assert [each.name for each in containers.all()] == ["two"]
    Containers(root).remove("0123456789ab")
    assert containers.all() == []
    containers.add(record(name="new"), {})
    assert [each.name for each in containers.all()] == ["new"]


def test_remove(root: DataRoot, containers: Containers) -> None:
    path = containers.add(record(), {})
    (path / "upper/deep/er").mkdir(parents=True)
    containers.remove("0123456789ab")
    assert containers.all() == []
    assert list(root.tmp.iterdir()) == []
    with pytest.raises(ContainerUnknown):
        containers.remove("0123456789ab")


def test_a_lock_on_what_goes_meanwhile(containers: Containers) -> None:
    containers.add(record(), {})
    waiting, outcome = threading.Event(), []

    def wait() -> None:
        waiting.set()
        try:
            with containers.lock("0123456789ab"):
                outcome.append("locked")
        except ContainerUnknown:
            outcome.append("gone")

    thread = threading.Thread(target=wait)
    with containers.lock("0123456789ab"):
        thread.start()
        waiting.wait()
        containers.remove("0123456789ab")
    thread.join()
    assert outcome == ["gone"]
    with pytest.raises(ContainerUnknown), containers.lock("0123456789ab"):
        pass
