"""Commas mended and lines laid out; values stay as they are written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import SpecError
from engine.spec import formatted, with_commas

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None)
@given(values, st.sampled_from([None, 0, 3]))
def test_it_lays_out_as_generated_text_is(value: Any, indent: int | None) -> None:
    assert formatted(json.dumps(value, indent=indent)) == json.dumps(value, indent=2) + "\n"


@settings(deadline=None)
@given(values, st.sampled_from([None, 2]), st.data())
def test_a_comma_too_few_or_too_many_is_mended(value: Any, indent: int | None, data: st.DataObject) -> None:
    text = json.dumps(value, indent=indent, separators=(",", ": "))
    assert with_commas(text) == text
    commas = [n for n, letter in enumerate(text) if letter == "," and not _in_string(text, n)]
    if commas:
        place = data.draw(st.sampled_from(commas))
        assert json.loads(with_commas(text[:place] + " " + text[place + 1 :])) == value
        assert json.loads(with_commas(text[:place] + "," + text[place:])) == value


def _in_string(text: str, place: int) -> bool:
    inside, escaped = False, False
    for letter in text[:place]:
        if escaped:
            escaped = False
        elif letter == "\\":
            escaped = True
        elif letter == '"':
            inside = not inside
    return inside


@pytest.mark.parametrize(
    ("broken", "mended"),
    [
        ('{"a": 1,}', '{"a": 1}'),
        ('{"a": 1\n "b": 2}', '{"a": 1,\n "b": 2}'),
        ("[1 2,,3,]", "[1, 2,3]"),
        ('[,"a,b" {"c": [,]}]', '["a,b", {"c": []}]'),
    ],
)
def test_only_commas_are_touched(broken: str, mended: str) -> None:
    assert with_commas(broken) == mended


def test_numbers_and_strings_stay_as_they_are_written() -> None:
    assert formatted('{"a":1.50,"b":"\\u0041"}') == '{\n  "a": 1.50,\n  "b": "\\u0041"\n}\n'


def test_what_cannot_be_formatted_says_where() -> None:
    with pytest.raises(SpecError, match="line 2"):
        formatted('{"a":\n nonsense}')
