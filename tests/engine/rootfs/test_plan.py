"""Mount plans, without privileges."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from engine.digest import Digest
from engine.disk import DataRoot
from engine.errors import ContentError, MountError
from engine.rootfs import MAXIMUM_LAYERS, plan

ROOT = DataRoot(Path("/var/lib/cutaway"))
CONTAINER = ROOT.containers / "0123456789ab"


def layers(count: int) -> list[Digest]:
    return [Digest.of(str(number).encode()) for number in range(count)]


def test_layers_lowest_first_become_options_uppermost_first() -> None:
    first, second = layers(2)
    made = plan(ROOT, [first, second], CONTAINER)
    assert made.lower == (ROOT.layers / first.hex / "diff", ROOT.layers / second.hex / "diff")
    words = shlex.split(made.command())
    assert words[:5] == ["mount", "-t", "overlay", "overlay", "-o"]
    options = dict(option.split("=", 1) for option in words[5].split(","))
    assert options["lowerdir"] == f"{made.lower[1]}:{made.lower[0]}"
    assert options["upperdir"] == str(CONTAINER / "upper")
    assert options["workdir"] == str(CONTAINER / "work")
    assert words[6] == str(CONTAINER / "merged")


@pytest.mark.parametrize("count", [1, 2])
def test_one_to_be_read_alone_has_no_place_to_write_to(count: int) -> None:
    made = plan(ROOT, layers(count), CONTAINER, read_only=True)
    options = dict(option.split("=", 1) for option in shlex.split(made.command())[5].split(","))
    assert not {"upperdir", "workdir"} & set(options)
    assert len(options["lowerdir"].split(":")) == 2, "of a single one overlayfs makes no mount without an upper one"


def test_few_layers_are_readable_and_many_still_fit() -> None:
    assert plan(ROOT, layers(3), CONTAINER).plain
    many = plan(ROOT, layers(120), CONTAINER)
    assert not many.plain
    assert many.command().startswith('cd "$(mktemp -d)" && ln -s ')
    assert len(many.command().rpartition(" -o ")[2]) < 4096


@pytest.mark.parametrize("path", ["/a:b", "/a,b", "/a\\b", "relative"])
def test_paths_that_would_read_as_options_are_not_plain(path: str) -> None:
    assert not plan(DataRoot(Path(path)), layers(1), CONTAINER).plain


@pytest.mark.parametrize("count", [0, MAXIMUM_LAYERS + 1])
def test_impossible_numbers_of_layers(count: int) -> None:
    with pytest.raises(MountError):
        plan(ROOT, layers(count), CONTAINER)


def test_a_layer_by_something_else_than_a_digest_goes_nowhere() -> None:
    with pytest.raises(ContentError):
        plan(ROOT, [Digest("../../etc")], CONTAINER)
