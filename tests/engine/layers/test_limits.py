"""Limits as the environment has them."""

from __future__ import annotations

import pytest

from engine.errors import UsageError
from engine.layers.limits import VARIABLE, Limits


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("", Limits()),
        ("size=2T", Limits(size=2 << 40)),
        ("  entries=7   ratio=600 ", Limits(entries=7, ratio=600)),
        ("after_end=3k ratio_from=1m waiting=1G", Limits(after_end=3 << 10, ratio_from=1 << 20, waiting=1 << 30)),
        ("size=1 size=2", Limits(size=2)),
    ],
)
def test_what_is_said_counts_over_what_is_built_in(text: str, limits: Limits) -> None:
    assert Limits.configured({VARIABLE: text}) == limits
    assert Limits.configured({}) == Limits()


@pytest.mark.parametrize(
    "text", ["size", "size=", "size=0", "size=-1", "size=1X", "Size=1", "depth=3", "=1", "size=1,ratio=2"]
)
def test_what_is_no_limit_is_named_with_those_that_are(text: str) -> None:
    with pytest.raises(UsageError, match="is no limit") as caught:
        Limits.configured({VARIABLE: text})
    assert "entries, waiting, size, ratio, ratio_from, zeros, after_end" in caught.value.hint


@pytest.mark.parametrize("name", ["entries", "waiting", "size", "ratio", "zeros", "after_end"])
def test_the_hint_can_be_followed(name: str) -> None:
    limits = Limits()
    assignment = next(word for word in limits.hint(name).split() if word.startswith(VARIABLE)).rstrip(",")
    variable, _, value = assignment.partition("=")
    assert getattr(Limits.configured({variable: value}), name) == 2 * getattr(limits, name)
