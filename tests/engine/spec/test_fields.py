"""The table of fields: whole, and true to its own examples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.errors import UsageError
from engine.spec import Severity, check, describe_field, explain_field, fields, known_words, member_names
from engine.spec.fields import _INTEGERS, children, field_at, table
from engine.spec.wordlists import WORDS


def test_every_field_has_its_parent_a_meaning_a_type_a_default_and_an_example() -> None:
    for pattern, field in table().items():
        parent = pattern.rpartition("/")[0]
        assert not parent or table()[parent].kind in ("object", "array", "map"), pattern
        assert field.meaning.endswith("."), pattern
        assert field.example is not None, pattern
        assert field.type_text, pattern
        assert field.default, pattern
        assert not field.words or field.words in WORDS, pattern
        if field.kind in ("array", "map"):
            assert f"{pattern}/*" in table(), pattern
        if field.kind == "object" and not field.foreign:
            assert children().get(pattern), pattern


def test_examples_pass_the_check_of_their_own_type() -> None:
    for pattern, field in table().items():
        if field.newer or pattern.startswith("/linux/personality/flags"):
            continue
        value: Any = field.example
        for token in reversed(pattern.split("/")[1:]):
            in_map = pattern in ("/annotations/*", "/linux/sysctl/*", "/linux/resources/unified/*")
            if token == "*":
                value = {"key": value} if in_map or "rdma" in pattern else [value]
            else:
                value = {token: value}
        codes = ("type", "unknown-field", "unknown-word", "case")
        wrong = [d for d in check(json.dumps(value)) if d.code in codes and "is missing" not in d.message]
        assert not wrong, (pattern, wrong)


@pytest.mark.parametrize(
    ("pointer", "said"),
    [
        ("/linux/resources/memory/limit", "-1 is no limit"),
        ("/process/user/uid", "integer, 0 to 4294967295, required"),
        ("/mounts/17/options/0", "string"),
        ("/annotations/org.example~1x", "one annotation"),
        ("/process/scheduler/nice", "runc 1.2"),
        ("/nowhere", ""),
        ("/process/args/0/x", ""),
    ],
)
def test_describe(pointer: str, said: str) -> None:
    assert said in describe_field(pointer)
    assert bool(describe_field(pointer)) == bool(said)


def test_every_field_of_the_runtime_spec_is_there() -> None:
    recorded = Path(__file__).parents[2] / "recorded/runtime-spec-1.2.1.txt"
    theirs = dict(line.split() for line in recorded.read_text().splitlines())
    ours = {field.pattern: field for field in fields()}
    assert set(ours) == set(theirs)
    assert len(ours) > 250
    for pattern, kind in theirs.items():
        width = (ours[pattern].low, ours[pattern].high)
        assert ours[pattern].kind == ("integer" if kind in _INTEGERS else kind), pattern
        assert width == _INTEGERS.get(kind, (0, 0)), pattern


@pytest.mark.parametrize(
    ("pointer", "pattern"),
    [
        ("/linux/resources/memory/limit", "/linux/resources/memory/limit"),
        ("linux/resources/memory/limit/", "/linux/resources/memory/limit"),
        ("/mounts/3/options/0", "/mounts/*/options/*"),
        ("/mounts/*/source", "/mounts/*/source"),
        ("/annotations/a~1b", "/annotations/*"),
    ],
)
def test_explain(pointer: str, pattern: str) -> None:
    assert explain_field(pointer).pattern == pattern


@pytest.mark.parametrize(
    ("pointer", "meant"),
    [
        ("/proces/argz", "Did you mean /process/args?"),
        ("/linux/resources/memory/limt", "Did you mean /linux/resources/memory/limit?"),
        ("/process/CWD", "Did you mean /process/cwd?"),
        ("/maskedPaths", "Did you mean /linux/maskedPaths?"),
        ("/cpus", "Did you mean /linux/resources/cpu/cpus?"),
        ("/linux/zzzzzz", "/linux has: namespaces, "),
        ("/process/cwd/x", "/process/cwd is no object."),
        ("/", "A config.json has: ociVersion, "),
        ("", "A config.json has: ociVersion, "),
        ("/\x1b[31m", "A config.json has: "),
    ],
)
def test_explain_says_what_was_meant(pointer: str, meant: str) -> None:
    with pytest.raises(UsageError) as caught:
        explain_field(pointer)
    assert caught.value.hint.startswith(meant)
    assert "\x1b" not in caught.value.message


def test_completion() -> None:
    assert "cwd" in member_names("/process")
    assert "windows" not in member_names("")
    assert member_names("/nowhere") == []
    assert member_names("/mounts/0") == ["destination", "type", "source", "options", "uidMappings", "gidMappings"]
    assert "CAP_KILL" in known_words("/process/capabilities/bounding/0")
    assert known_words("/process/cwd") == frozenset()
    assert field_at("/linux/namespaces/3/type") is not None


def test_severity_words_are_the_interfaces() -> None:
    assert [severity.value for severity in Severity] == ["error", "warning", "info"]
