"""What two images say of themselves, beside each other."""

from __future__ import annotations

from engine import HistoryStep
from tui.sheets.differences import Pair, config_pairs, history_pairs


def step(made_by: str) -> HistoryStep:
    return HistoryStep("2026-01-01", made_by, "", "", 0)


def test_values_that_differ_each_by_its_place() -> None:
    one = {
        "created": "a",
        "config": {"Env": ["A=1", "B=2", "C=3"], "Cmd": ["x", "y"], "Labels": {"k": "v"}, "User": ""},
        "history": [1],
        "rootfs": {"diff_ids": [1]},
    }
    other = {"created": "a", "config": {"Env": ["B=2", "A=9", "D=4"], "Cmd": ["x"], "Labels": None}, "history": [2]}
    assert list(config_pairs(one, other)) == [
        Pair("/config/Cmd", '["x", "y"]', '["x"]'),
        Pair("/config/Env/A", "1", "9"),
        Pair("/config/Env/C", "3", ""),
        Pair("/config/Env/D", "", "4"),
        Pair("/config/Labels/k", "v", ""),
    ]
    assert list(config_pairs(one, one)) == []
    assert list(config_pairs({}, {})) == []


def test_histories_side_by_side() -> None:
    one, other = map(step, "abcd"), map(step, "axyd")
    assert [(pair.one, pair.other, pair.same) for pair in history_pairs(list(one), list(other))] == [
        ("a", "a", True),
        ("b", "x", False),
        ("c", "y", False),
        ("d", "d", True),
    ]
    longer = history_pairs([step("a")], [step("a"), step("b")])
    assert [(pair.one, pair.other) for pair in longer] == [("a", "a"), ("", "b")]
    assert list(history_pairs([], [])) == []
