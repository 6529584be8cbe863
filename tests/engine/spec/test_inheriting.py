"""--volumes-from: what another container's config.json binds, whoever wrote it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.spec import volumes_of
from engine.spec.provenance import Provenance
from engine.spec.values import VolumesFrom


def taken(access: str, *mounts: Any) -> list[tuple[str, ...]]:
    asked = VolumesFrom("other", access)
    return [mount.options for mount in volumes_of(json.dumps({"mounts": mounts}), Provenance(), asked)]


def bound(options: Any, kind: Any = "bind") -> dict[str, Any]:
    return {"destination": "/data", "type": kind, "source": "/srv", "options": options}


@pytest.mark.parametrize("options", [5, True, "rbind", {"ro": 1}, None, [], [5, None, ["ro"]]])
def test_options_that_are_no_list_of_words_are_none(options: Any) -> None:
    assert taken("", bound(options)) == [()]
    assert taken("ro", bound(options)) == [("ro",)]
    assert taken("", bound(options, "none")) == []


@pytest.mark.parametrize("kind", ["none", "", None, "ext4", ["bind"]])
@pytest.mark.parametrize("word", ["bind", "rbind"])
def test_what_binds_by_its_options_is_taken_whatever_its_type(kind: Any, word: str) -> None:
    assert taken("ro", bound([word, "rw"], kind)) == [(word, "ro")]


def test_what_does_not_bind_is_not_taken() -> None:
    mounts: list[Any] = [bound(["ro"], "tmpfs"), 5, None, {}, {"options": ["rbind"]}]
    assert taken("", *mounts) == []
