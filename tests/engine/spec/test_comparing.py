"""Differences by meaning, each of which can be taken back alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spec_kit import Make

from engine.errors import SpecError
from engine.oci import Execution
from engine.spec import Difference, DifferenceKind, differences, take_back

names = st.sampled_from(["a", "b", "mounts", "env", "x/y", "~"])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("abc=/", max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)
documents = st.dictionaries(st.sampled_from(["process", "mounts", "linux", "a", "x/y"]), values, max_size=4)


@settings(max_examples=150, deadline=None)
@given(documents, documents, st.sampled_from([None, 1, "\t"]))
def test_taking_everything_back_leads_to_where_it_began(before: Any, after: Any, indent: Any) -> None:
    first, now = json.dumps(before, indent=2), json.dumps(after, indent=indent)
    found = differences(first, now)
    rounds = 0
    while found:
        now = take_back(now, first, found[-1])
        found, rounds = differences(first, now), rounds + 1
        assert rounds < 200
    # Of what is named by nothing the order counts; of objects it never does.
    assert json.loads(now) == before


@given(documents)
def test_order_and_formatting_mean_nothing(document: Any) -> None:
    backwards = dict(reversed(document.items()))
    assert not differences(json.dumps(document, indent=3), json.dumps(backwards))


@pytest.fixture
def text(make: Make) -> str:
    return make(Execution(cmd=["sh"], env=["A=1", "B=2"])).text


def changed(text: str, change: Any) -> str:
    config = json.loads(text)
    change(config)
    return json.dumps(config, indent=2) + "\n"


def test_elements_are_told_by_what_names_them(text: str) -> None:
    def change(config: Any) -> None:
        config["mounts"].insert(0, {"destination": "/data", "type": "bind", "source": "/srv"})
        config["process"]["env"] = [v for v in config["process"]["env"] if v != "B=2"]
        config["process"]["env"][config["process"]["env"].index("A=1")] = "A=9"
        config["process"]["capabilities"]["bounding"].remove("CAP_KILL")

    found = {(each.kind, each.pointer, str(each.before), str(each.after)) for each in differences(*both(text, change))}
    env = json.loads(text)["process"]["env"]
    caps = json.loads(text)["process"]["capabilities"]["bounding"]
    assert found == {
        (DifferenceKind.ADDED, "/mounts/0", "None", str({"destination": "/data", "type": "bind", "source": "/srv"})),
        (DifferenceKind.CHANGED, f"/process/env/{env.index('A=1')}", "A=1", "A=9"),
        (DifferenceKind.REMOVED, f"/process/env/{env.index('B=2')}", "B=2", "None"),
        (
            DifferenceKind.REMOVED,
            f"/process/capabilities/bounding/{caps.index('CAP_KILL')}",
            "CAP_KILL",
            "None",
        ),
    }


def both(text: str, change: Any) -> tuple[str, str]:
    return text, changed(text, change)


def test_the_order_of_mounts_counts(text: str) -> None:
    def swap(config: Any) -> None:
        config["mounts"][0], config["mounts"][1] = config["mounts"][1], config["mounts"][0]

    first, now = both(text, swap)
    (found,) = differences(first, now)
    assert (found.kind, found.pointer) == (DifferenceKind.REORDERED, "/mounts")
    assert take_back(now, first, found) == first


def test_what_is_put_back_stands_where_it_was_and_as_it_was_written(text: str) -> None:
    first = text.replace('"cwd": "/"', '"cwd": "\\u002f"')
    assert first != text

    def change(config: Any) -> None:
        del config["process"]["args"], config["process"]["user"], config["hostname"]
        config["process"]["cwd"] = "/srv"
        config["mounts"].pop(2)
        config["linux"]["namespaces"] = []
        config["new"] = {"key": [1]}

    _, now = both(first, change)
    while found := differences(first, now):
        now = take_back(now, first, found[0])
    assert now == first


def test_the_rest_stays_as_it_is_written() -> None:
    first = '{"a": 1, "b": [1, 2]}'
    now = '{\n\t"b":[1,2 ,3],   "a"  : 2, "mine": {"x":1.50}}'
    gone = [each for each in differences(first, now) if each.pointer != "/mine"]
    for each in reversed(gone):
        now = take_back(now, first, each)
    assert now == '{\n\t"b":[1,2],   "a"  : 1, "mine": {"x":1.50}}'


def test_what_is_no_difference_any_more_is_refused() -> None:
    found = Difference(DifferenceKind.CHANGED, "/a", "/a", 1, 2)
    with pytest.raises(SpecError, match="different now"):
        take_back('{"a": 3}', '{"a": 1}', found)
    with pytest.raises(SpecError, match="line 1"):
        differences('{"a": 3', "{}")


def rule(*names: str, action: str = "SCMP_ACT_ALLOW", **more: Any) -> dict[str, Any]:
    return {"names": list(names), "action": action, **more}


RULES = [
    rule("read", "write", "open"),
    rule("personality", args=[{"index": 0, "value": 0, "op": "SCMP_CMP_EQ"}]),
    rule("personality", args=[{"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]),
    rule("mount", "umount2", action="SCMP_ACT_ERRNO", errnoRet=1),
    rule("clone"),
]
KINDS = DifferenceKind


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ([rule("kill"), *RULES], [(KINDS.ADDED, "/0")]),
        ([*RULES[:2], rule("kill"), *RULES[2:]], [(KINDS.ADDED, "/2")]),
        (RULES[:1] + RULES[2:], [(KINDS.REMOVED, "/1")]),
        (RULES[::-1], []),
        (
            [rule("kill"), rule("read", "write", "open", "close"), *RULES[1:]],
            [(KINDS.ADDED, "/0"), (KINDS.ADDED, "/1/names/3")],
        ),
        (
            [*RULES[:4], rule("clone", action="SCMP_ACT_LOG"), rule("fork")],
            [(KINDS.CHANGED, "/4/action"), (KINDS.ADDED, "/5")],
        ),
        ([rule("kill"), RULES[0], RULES[1], *RULES[3:]], [(KINDS.ADDED, "/0"), (KINDS.REMOVED, "/3")]),
        ([*RULES[:3], rule("mount", action="SCMP_ACT_ERRNO", errnoRet=1), RULES[4]], [(KINDS.REMOVED, "/3/names/1")]),
    ],
)
def test_a_rule_of_seccomp_is_known_by_its_system_calls(now: list[Any], expected: list[Any]) -> None:
    def text_of(rules: list[Any]) -> str:
        return json.dumps({"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": rules}}}, indent=1)

    first, text = text_of(RULES), text_of(now)
    found = differences(first, text)
    place = "/linux/seccomp/syscalls"
    assert [(each.kind, each.pointer.removeprefix(place)) for each in found] == expected
    while found:
        text = take_back(text, first, found[-1])
        found = differences(first, text)
    back = json.loads(text)["linux"]["seccomp"]["syscalls"]
    assert sorted(back, key=json.dumps) == sorted(RULES, key=json.dumps)


@given(st.lists(values, max_size=5), st.lists(values, max_size=5))
def test_rules_that_are_none(before: list[Any], after: list[Any]) -> None:
    first, text = (json.dumps({"linux": {"seccomp": {"syscalls": rules}}}) for rules in (before, after))
    for _ in range(50):
        if not (found := differences(first, text)):
            break
        text = take_back(text, first, found[-1])
    back = json.loads(text)["linux"]["seccomp"]["syscalls"]
    assert sorted(map(json.dumps, back)) == sorted(map(json.dumps, before))
