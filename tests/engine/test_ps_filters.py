"""podman's filters of `ps`."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import ContainerSummary, Status, UsageError
from engine.cli.filters import matches, parse_filters

ONE = ContainerSummary(
    id="0123456789ab", name="web-1", image="docker.io/library/alpine:latest", status=Status.EXITED, pid=0, created="",
    exit_code=3, command=(), started=1.0, finished=2.0, out_of_memory=False, working=False, terminal=False,
    interactive=False, mounted=False, path=Path("/x"),
)  # fmt: skip


DOCUMENT = {
    "network": None,
    "path": "/x/containers/0123456789ab",
    "config": {
        "annotations": {"tier": "front", "empty": ""},
        "mounts": [
            {"type": "bind", "source": "/x/volumes/data/_data", "destination": "/srv"},
            {"type": "bind", "source": "/host/dir", "destination": "/dir"},
            {"type": "bind", "source": "files/hosts", "destination": "/etc/hosts"},
            {"type": "tmpfs", "source": "tmpfs", "destination": "/tmp"},
            "hostile",
        ],
        "linux": {"namespaces": [{"type": "pid"}, {"type": "network"}]},
    },
}


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ([], True),
        (["name=web"], True),
        (["name=^eb"], False),
        (["id=0123"], True),
        (["id=123"], False),
        (["status=exited", "status=running"], True),
        (["status=running"], False),
        (["exited=3"], True),
        (["exited=0"], False),
        (["ancestor=alpine"], True),
        (["ancestor=alpine:latest"], True),
        (["ancestor=docker.io/library/alpine"], True),
        (["ancestor=pine"], False),
        (["name=web", "exited=0"], False),
        (["label=tier"], True),
        (["label=tier=front", "label=empty="], True),
        (["label=tier=front", "label=tier=back"], False),
        (["label=empty=x"], False),
        (["label=tie"], False),
        (["volume=data"], True),
        (["volume=data:/srv", "volume=nope"], True),
        (["volume=/srv"], False),
        (["volume=/host/dir"], True),
        (["volume=files/hosts"], False),
        (["network=none"], True),
        (["network=host", "network=bridge"], False),
    ],
)
def test_of_a_key_any_and_every_key(filters: list[str], found: bool) -> None:
    assert matches(ONE, parse_filters(filters), {ONE.id: DOCUMENT}.__getitem__) is found


@pytest.mark.parametrize("bad", ["name", "colour=red", "status=happy", "exited=x", "name=(", "=x"])
def test_what_is_no_filter(bad: str) -> None:
    with pytest.raises(UsageError):
        parse_filters([bad])
