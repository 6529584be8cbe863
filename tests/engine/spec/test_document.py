"""The text is the truth: positions, and edits that change as little as they can."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import SpecError
from engine.spec import Document, changed, edited
from engine.spec.provenance import EDITED, Origin, Provenance, SourceKind, escape, leaves
from engine.spec.syntax import MAX_DEPTH

TEXT = """{
    "ociVersion": "1.0.2",
    "process": {
        "args": ["sh", "-c", "grüß € \\n"],
        "env": [
            "A=1",
            "B=2"
        ],   "cwd": "/"
    },
    "x-unknown/key~": {"keep": [1, {"me": null}]},
    "mounts": [],
    "linux": {}
}
"""


def test_value_and_get() -> None:
    document = Document(TEXT)
    assert document.problem is None
    assert document.value == json.loads(TEXT)
    assert document.get("/process/env/1") == "B=2"
    assert document.get("/x-unknown~1key~0/keep/1/me") is None
    assert document.has("/x-unknown~1key~0/keep/1/me")
    assert not document.has("/process/env/2")
    assert not document.has("/process/cwd/x")
    assert document.get("") == document.value


def test_spans_count_characters() -> None:
    document = Document('{"grüß €": "ü", "b": [1,\n 22]}')
    assert document.span("/grüß €") == ((0, 11), (0, 14))
    assert document.key_span("/grüß €") == ((0, 1), (0, 9))
    assert document.span("/b/1") == ((1, 1), (1, 3))
    assert document.key_span("/b/1") is None
    assert document.span("/c") is None


def test_every_pointer_is_found_at_its_own_place() -> None:
    document = Document(TEXT)
    lines = TEXT.splitlines()
    for pointer, value in leaves(document.value):
        span = document.span(pointer)
        assert span is not None
        (line, start), (last, end) = span
        assert line == last
        assert json.loads(lines[line][start:end]) == value


def test_set_changes_the_value_alone() -> None:
    assert Document(TEXT).set("/process/cwd", "/srv").text == TEXT.replace('"cwd": "/"', '"cwd": "/srv"')
    assert Document(TEXT).set("/process/env/0", "Ä").text == TEXT.replace('"A=1"', '"Ä"')


def test_set_adds_in_the_style_of_its_neighbours() -> None:
    added = Document(TEXT).set("/process/env/-", "C=3")
    assert added.text == TEXT.replace('"B=2"\n', '"B=2",\n            "C=3"\n')
    inline = Document(TEXT).set("/process/args/3", "x")
    assert '["sh", "-c", "grüß € \\n", "x"]' in inline.text
    member = Document(TEXT).set("/ociNext", 1)
    assert member.text == TEXT.replace('"linux": {}\n', '"linux": {},\n    "ociNext": 1\n')
    first = Document(TEXT).set("/mounts/-", {"destination": "/a", "options": ["ro"]})
    assert first.value["mounts"] == [{"destination": "/a", "options": ["ro"]}]
    assert '"mounts": [\n        {\n            "destination": "/a",' in first.text
    deep = Document(TEXT).set("/linux/resources/pids/limit", 5)
    assert deep.get("/linux") == {"resources": {"pids": {"limit": 5}}}
    assert deep.text.startswith(TEXT.partition('"linux"')[0])


def test_tabs_and_compact_texts_keep_their_style() -> None:
    assert Document('{\n\t"a": {\n\t\t"b": 1\n\t}\n}').set("/a/c", [1]).text == (
        '{\n\t"a": {\n\t\t"b": 1,\n\t\t"c": [\n\t\t\t1\n\t\t]\n\t}\n}'
    )
    assert Document('{"a":{"b":1}}').set("/a/c", {"d": [1]}).text == '{"a":{"b":1, "c": {"d": [1]}}}'


def test_remove() -> None:
    assert Document(TEXT).remove("/process/env/0").value["process"]["env"] == ["B=2"]
    assert Document(TEXT).remove("/process/env/1").text == TEXT.replace('"A=1",\n            "B=2"', '"A=1"')
    assert Document(TEXT).remove("/linux").text == TEXT.replace('"mounts": [],\n    "linux": {}', '"mounts": []')
    assert Document('{"a": [ 1 ]}').remove("/a/0").text == '{"a": []}'
    for pointer in ("/nowhere", "/process/env/2", ""):
        with pytest.raises(SpecError):
            Document(TEXT).remove(pointer)


def test_what_cannot_be_set() -> None:
    for pointer in ("/process/cwd/x", "/process/env/7", "no-pointer"):
        with pytest.raises(SpecError):
            Document(TEXT).set(pointer, 1)
    with pytest.raises(SpecError, match="line 1"):
        Document("{").set("/a", 1)


def test_the_last_of_two_keys_counts() -> None:
    document = Document('{"a": 1, "a": 2}')
    assert document.get("/a") == 2
    assert document.set("/a", 3).value == {"a": 3}


@pytest.mark.parametrize(
    ("text", "position", "said"),
    [
        ('{\n  "a": 1,\n}', (2, 0), "comma"),
        ('{"a": [1,]}', (0, 9), "comma"),
        ('{"a": 1 "b": 2}', (0, 8), "comma"),
        ('{"a" 1}', (0, 5), "colon"),
        ('{"a": }', (0, 6), "value"),
        ("{'a': 1}", (0, 1), "double quotes"),
        ('{"a": "x', (0, 6), "closing"),
        ('{"a": [1', (0, 8), "ends too early"),
        ("", (0, 0), "value"),
        ('{"ü": "a\tb"}', (0, 8), "control character"),
        ('{"a": NaN}', (0, 0), "NaN"),
        ('{"a": "\\x"}', (0, 7), "escape"),
        ("\ufeff{}", (0, 0), "byte order mark"),
    ],
)
def test_problems_say_where_and_what(text: str, position: tuple[int, int], said: str) -> None:
    problem = Document(text).problem
    assert problem is not None
    assert problem.position == position
    assert said in problem.message
    assert Document(text).value is None


def test_what_follows_the_end_is_told_apart() -> None:
    problem = Document("{}\n}").problem
    assert problem is not None
    assert problem.trailing


def test_bytes_that_are_no_text() -> None:
    document = Document(b'{"a": "\xff"}')
    assert document.problem is not None
    assert "UTF-8" in document.problem.message
    assert document.data == b'{"a": "\xff"}'
    assert Document(document.text).data == document.data


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_nesting_is_bounded(opening: str) -> None:
    deep = Document(opening * 100_000)
    assert deep.problem is not None
    assert "nested" in deep.problem.message
    assert Document('"' + "[" * 1000 + '"').problem is None
    fits = MAX_DEPTH
    assert Document("[" * fits + "]" * fits).problem is None


def test_broken_text_is_still_found_in() -> None:
    document = Document('{"process": {"cwd": "/" "args": ["sh"],\n "env": ["A=1", ]}, "root"')
    assert document.span("/process/args/0") == ((0, 33), (0, 37))
    assert document.span("/process/env/0") == ((1, 9), (1, 14))
    assert Document('{"a": 1, "b": {"c": 2}, "d": ["x"').span("/b/c") == ((0, 20), (0, 21))
    assert Document('{"a": 1} x').span("/a") == ((0, 6), (0, 7))


KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


@given(
    value=st.dictionaries(KEYS, VALUES, max_size=4), indent=st.sampled_from([None, 1, 4]), new=VALUES, data=st.data()
)
def test_any_edit_changes_what_was_said_and_nothing_else(
    value: dict[str, Any], indent: int | None, new: Any, data: st.DataObject
) -> None:
    document = Document(json.dumps(value, indent=indent, ensure_ascii=False))
    assert document.value == value
    for pointer, leaf in leaves(value):
        assert document.get(pointer) == leaf
        assert document.has(pointer)
    containers = ["", *(f"/{escape(key)}" for key, child in value.items() if isinstance(child, dict))]
    pointer = data.draw(st.sampled_from(containers)) + "/" + escape(data.draw(KEYS))
    after = document.set(pointer, new)
    assert after.problem is None
    assert after.get(pointer) == new
    expected = json.loads(json.dumps(value))
    parent = expected
    for token in pointer.split("/")[1:-1]:
        parent = parent[token.replace("~1", "/").replace("~0", "~")]
    last = pointer.split("/")[-1].replace("~1", "/").replace("~0", "~")
    parent[last] = new
    assert after.value == expected
    gone = after.remove(pointer)
    del parent[last]
    assert gone.value == expected


def test_edited_keeps_the_origins_of_what_only_moved() -> None:
    before = '{"env": ["A", "B", "C"], "mounts": [{"d": "/a", "o": ["ro"]}, {"d": "/b", "o": []}], "n": 1}'
    origins = {p: Origin(SourceKind.IMAGE, p) for p, _ in leaves(json.loads(before))}
    after = '{"env": ["B", "new", "C"], "mounts": [{"d": "/b", "o": ["rw"]}], "n": 1, "m": {}}'
    found = edited(before, after, Provenance(origins))
    assert {pointer: origin.detail for pointer, origin in found.items()} == {
        "/env/0": "/env/1",
        "/env/1": EDITED.detail,
        "/env/2": "/env/2",
        "/mounts/0/d": EDITED.detail,
        "/mounts/0/o/0": EDITED.detail,
        "/n": "/n",
        "/m": EDITED.detail,
    }
    assert changed(Document(before), Document(after)) == {p for p, origin in found.items() if origin == EDITED}


def test_edited_of_a_broken_text_leaves_everything() -> None:
    provenance = Provenance({"/a": Origin(SourceKind.HOST, "x")})
    assert edited('{"a": 1}', '{"a": ', provenance) is provenance
    assert changed(Document('{"a": 1}'), Document("{")) == set()


def test_true_is_not_1() -> None:
    assert changed(Document('{"a": true}'), Document('{"a": 1}')) == {"/a"}


@given(before=VALUES, after=VALUES)
def test_edited_covers_every_leaf(before: Any, after: Any) -> None:
    old, new = json.dumps({"x": before}), json.dumps({"x": after})
    origins = Provenance({p: Origin(SourceKind.IMAGE, "i") for p, _ in leaves({"x": before})})
    found = edited(old, new, origins)
    assert set(found) == {pointer for pointer, _ in leaves({"x": after})}
    if before == after and json.dumps(before) == json.dumps(after):
        assert EDITED not in found.values()
