"""Where values come from, kept beside the file."""

from __future__ import annotations

import json

import pytest
from spec_kit import ALICE, Identity, Make

from engine.errors import SpecError
from engine.spec import Origin, Provenance, SourceKind, adapt, explain
from engine.spec.builder import Builder
from engine.spec.provenance import tokens


def test_kept_as_json(make: Make) -> None:
    provenance = make().provenance
    assert Provenance.from_json(provenance.to_json()) == provenance


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}', '{"a": ["nobody", "x"]}', '{"a": ["user"]}', "[" * 100000])
def test_damaged(text: str) -> None:
    with pytest.raises(SpecError):
        Provenance.from_json(text)


def test_explain_tells_of_every_leaf_in_order(make: Make) -> None:
    made = make()
    rows = explain(made.text, made.provenance)
    assert rows[0].pointer == "/ociVersion"
    assert rows[0].source is SourceKind.DEFAULT
    assert len(rows) == len(made.provenance)
    unknown = explain('{"a": [1]}', Provenance())
    assert (unknown[0].pointer, unknown[0].value, unknown[0].source) == ("/a/0", 1, SourceKind.USER)
    with pytest.raises(SpecError):
        explain("{", Provenance())


def test_builder_takes_no_value_without_an_origin() -> None:
    origin = Origin(SourceKind.HOST, "here")
    spec = Builder()
    spec.put("/a/b", {"c": [], "d": {"e": 1}}, origin)
    spec.put("/list", [], origin)
    spec.append("/list", "x", origin)
    text, provenance = spec.build()
    assert json.loads(text) == {"a": {"b": {"c": [], "d": {"e": 1}}}, "list": ["x"]}
    assert set(provenance) == {"/a/b/c", "/a/b/d/e", "/list/0"}


def test_pointers() -> None:
    assert tokens("/a~1b/~0/0") == ["a/b", "~", "0"]
    assert tokens("") == []
    with pytest.raises(SpecError):
        tokens("a")


def test_adapt_changes_root_and_cgroup_and_nothing_else(make: Make) -> None:
    text = '{"root" : {"path":"/else/where", "readonly":true},\n\n  "x-mine": 1, "linux": {"cgroupsPath":"/a"}}'
    adapted, provenance = adapt(text, ALICE)
    assert adapted == text.replace("/else/where", "merged").replace('"/a"', f'"/cutaway/{ALICE.id}"')
    assert provenance["/root/path"].source is SourceKind.HOST
    assert provenance["/root/readonly"].source is SourceKind.USER
    assert set(provenance) == {"/root/path", "/root/readonly", "/x-mine", "/linux/cgroupsPath"}
    again, _ = adapt(adapted, ALICE)
    assert again == adapted
    made = make()
    other, _ = adapt(made.text, Identity("f" * 32, "bob"))
    assert other == made.text.replace(f"/cutaway/{ALICE.id}", "/cutaway/" + "f" * 32)
    bare, _ = adapt("{}", ALICE)
    assert json.loads(bare) == {"root": {"path": "merged"}, "linux": {"cgroupsPath": f"/cutaway/{ALICE.id}"}}
    assert json.loads(adapt('{"root": null, "linux": null}', ALICE)[0]) == json.loads(bare)
    for wrong in ("", "[]", "null", "{"):
        with pytest.raises(SpecError):
            adapt(wrong, ALICE)
    with pytest.raises(SpecError):
        adapt('{"root": "x"}', ALICE)
