"""Brackets, quotes, indentation and commas, by what stands around the cursor."""

from __future__ import annotations

import pytest

from tui.panes.config.typing_help import Typed, in_string, is_empty_pair, new_line, typed


def after(character: str, line: str, above: str = "{", below: str = "}") -> str:
    """The line with the cursor as | after a character was typed at |."""
    before, rest = line.split("|")
    done = typed(character, before, rest, above, below, 2)
    if done.skip:
        return before + rest[:1] + "|" + rest[1:]
    before = before[: len(before) - done.dedent]
    middle = len(done.text) - done.back
    return ("," if done.comma else "") + before + done.text[:middle] + "|" + done.text[middle:] + rest


@pytest.mark.parametrize(
    ("character", "line", "wanted"),
    [
        ('"', "  |", '  "|"'),
        ('"', '  "a|"', '  "a"|'),
        ('"', '  "a|b"', '  "a"|b"'),
        ('"', '  "a\\|"', '  "a\\"|"'),
        ('"', '  "a\\\\|"', '  "a\\\\"|'),
        ("{", '  "a": |', '  "a": {|}'),
        ("{", '  "a": |1', '  "a": {|1'),
        ("{", '  "a|"', '  "a{|"'),
        ("}", "    |", "  }|"),
        ("}", '  {"a": 1|}', '  {"a": 1}|'),
        ("]", '  "x|"', '  "x]|"'),
        ("x", '  "a|"', '  "ax|"'),
    ],
)
def test_pairs(character: str, line: str, wanted: str) -> None:
    assert after(character, line) == wanted


def test_a_comma_that_is_missing_above_comes_with_the_next_value() -> None:
    assert after('"', "  |", above='"') == ',  "|"'
    assert after("1", "  |", above="}") == ",  1|"
    assert after('"', "  |", above=",") == '  "|"'
    assert after('"', "  |", above="[") == '  "|"'
    assert after('"', '  "a": |', above="1") == '  "a": "|"'


def test_between_two_values_the_new_one_brings_its_comma() -> None:
    assert after('"', "  |", above=",", below='"') == '  "|",'
    assert after("{", "  |", above="[", below="{") == "  {|},"
    assert after('"', "  |", above=",", below="]") == '  "|"'


def test_enter_keeps_the_indentation() -> None:
    assert new_line("    1,", "", 2) == Typed("\n    ")
    assert new_line('  "a": {', "}", 2) == Typed("\n    \n  ", back=3)
    assert new_line('  "a": [', "", 2) == Typed("\n    ")
    assert new_line('  "a{', '"', 2) == Typed("\n  ")


def test_strings_are_told_from_what_is_outside() -> None:
    assert in_string('  "a')
    assert not in_string('  "a"')
    assert in_string(r'  "a\"')
    assert is_empty_pair('  "', '"')
    assert is_empty_pair("[", "]")
    assert not is_empty_pair('  "a"', '"')
    assert not is_empty_pair("", "]")
