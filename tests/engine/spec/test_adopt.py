"""Another engine's config.json without what is true for its own container alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.errors import SpecError
from engine.spec import adopt, check

ID = "591b4fa8fac5aab03e091898cbbf09bd6ceb485f67ef2b5c43b9d87a68714553"
USERDATA = f"/var/lib/containers/overlay-containers/{ID}/userdata"


def theirs(**changes: Any) -> str:
    value: dict[str, Any] = {
        "process": {"args": ["/x"], "cwd": "/", "apparmorProfile": "docker-default", "selinuxLabel": "a:b:c:s0"},
        "root": {"path": "/elsewhere"},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/etc/hosts", "type": "bind", "source": f"{USERDATA}/hosts", "options": ["bind"]},
            {"destination": "/dev/shm", "type": "bind", "source": f"{USERDATA}/shm", "options": ["bind"]},
            {"destination": "/run/.containerenv", "type": "bind", "source": f"{USERDATA}/x", "options": ["bind"]},
            {"destination": "/mine", "type": "bind", "source": "/etc", "options": ["rbind", "ro"]},
            {"destination": "/gone", "type": "bind", "source": "/nowhere/at/all", "options": ["rbind"]},
        ],
        "hooks": {"prestart": [{"path": "/proc/1/exe", "args": ["libnetwork-setkey"]}]},
        "linux": {
            "mountLabel": "a:b:c:s0",
            "namespaces": [{"type": "network", "path": "/run/netns/netns-1"}, {"type": "mount"}],
        },
        "x-kept": {"as": ["it", "is"]},
    }
    return json.dumps(value | changes, indent=4)


def test_podman() -> None:
    text, notes, _ = adopt(theirs(), "podman", files={"hosts"})
    found = json.loads(text)
    mounts = {m["destination"]: m for m in found["mounts"]}
    assert set(mounts) == {"/proc", "/etc/hosts", "/dev/shm", "/mine"}
    assert mounts["/etc/hosts"]["source"] == "files/hosts"
    assert mounts["/dev/shm"]["type"] == "tmpfs"
    assert found["linux"] == {"namespaces": [{"type": "network"}, {"type": "mount"}]}
    assert found["process"] == {"args": ["/x"], "cwd": "/"}
    assert found["hooks"] == {"prestart": []}
    assert found["x-kept"] == {"as": ["it", "is"]}
    assert found["root"] == {"path": "/elsewhere"}  # that is for `adapt`
    said = {note.pointer: (note.done, note.why) for note in notes}
    assert "loopback alone" in said["/linux/namespaces/0/path"][1]
    assert "not on this host" in said["/mounts/5"][1]
    assert len(said) == len(notes) == 9
    # This sample has neither ociVersion nor user, and a key of its own.
    assert {d.code for d in check(text)} == {"missing", "unknown-field"}


def test_without_files_of_our_own_those_mounts_go() -> None:
    text, _, _ = adopt(theirs(), "podman")
    assert "/etc/hosts" not in {m["destination"] for m in json.loads(text)["mounts"]}


def test_twice_is_once() -> None:
    text, _, _ = adopt(theirs(), "podman", files={"hosts"})
    assert adopt(text, "podman", files={"hosts"}) == (text, [], {})


def test_hooks_of_a_file_stay_where_they_can_run() -> None:
    hooks = {"createRuntime": [{"path": "/proc/self/exe"}, {"path": "/nowhere/hook"}]}
    text, notes, _ = adopt(theirs(hooks=hooks), "file")
    assert json.loads(text)["hooks"] == {"createRuntime": [{"path": "/proc/self/exe"}]}
    assert [n.pointer for n in notes if n.pointer.startswith("/hooks")] == ["/hooks/createRuntime/1"]


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_no_configuration(text: str) -> None:
    with pytest.raises(SpecError):
        adopt(text, "podman")


@pytest.mark.parametrize("text", ['{"mounts": 5}', '{"mounts": [1, {"source": 2}], "linux": {"namespaces": {"a": 1}}}'])
def test_odd_shapes_are_left_alone(text: str) -> None:
    adopted = adopt(text, "podman")
    assert (json.loads(adopted.text), adopted.notes, adopted.origins) == (json.loads(text), [], {})
