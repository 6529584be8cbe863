"""Hostile text made visible."""

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.digest import Digest
from engine.text import as_json, human_size, shortened, visible

# Format characters that are seen: signs that stand before or over numbers (Unicode: Prepended_Concatenation_Mark),
# and joiners of hieroglyphs, which have a place in their script.
SEEN_FORMATS = {*map(chr, [*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD])} | {
    *map(chr, range(0x13430, 0x13440))
}


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("plain", "plain"),
        ("zwölf Boxkämpfer ☃ 漢字", "zwölf Boxkämpfer ☃ 漢字"),
        ("\x1b[2J", "␛[2J"),
        ("a\nb\tc", "a␊b␉c"),
        ("\x7f", "␡"),
        ("\x9b31m", "\\u009b31m"),  # CSI in one character
        ("user\u202egnp.exe", "user\\u202egnp.exe"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("\ufeffbom", "\\ufeffbom"),
        ("tag\U000e0041", "tag\\U000e0041"),
        (b"caf\xe9".decode("utf-8", "surrogateescape"), "caf\\xe9"),
        ("\ud800", "\\ud800"),
        ("soft\u00adhyphen", "soft\\u00adhyphen"),
        ("filler\u3164", "filler\\u3164"),
    ],
)
def test_control_characters_are_shown(hostile: str, shown: str) -> None:
    assert visible(hostile) == shown


def test_kept_characters_pass() -> None:
    assert visible("a\n\tb\x1b", keep="\n\t") == "a\n\tb␛"


@given(st.text(st.characters(codec=None, categories=None) | st.characters(max_codepoint=0x2100)))
def test_nothing_that_a_terminal_obeys_gets_through(text: str) -> None:
    shown = visible(text)
    shown.encode()  # can be written
    assert not [sign for sign in shown if unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp")]
    unseen = {sign for sign in shown if unicodedata.category(sign) == "Cf"}
    assert unseen <= SEEN_FORMATS


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (1005, "1 kB"),
        (1234, "1.23 kB"),
        (71_234_567, "71.2 MB"),
        (999_499, "999 kB"),
        (999_500, "1 MB"),
        (10**15, "1 PB"),
        (10**19, "1e+04 PB"),
        (-1500, "-1.5 kB"),
    ],
)
def test_sizes_as_people_read_them(count: int, text: str) -> None:
    assert human_size(count) == text


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("runc --root /tmp/b/run start 1", "runc --root $ROOT/run start 1"),
        ("runc --root /tmp/brun/runc start 1", "runc --root /tmp/brun/runc start 1"),
        ("ls /tmp/b", "ls $ROOT"),
        ("ls /tmp/b-old /tmp/b.d /tmp/b_ /srv/tmp/b/x", "ls /tmp/b-old /tmp/b.d /tmp/b_ /srv/tmp/b/x"),
        ("mount -o lowerdir=/tmp/b/1:/tmp/b/2,upperdir=/tmp/b", "mount -o lowerdir=$ROOT/1:$ROOT/2,upperdir=$ROOT"),
    ],
)
def test_a_directory_by_a_variable(command: str, shown: str) -> None:
    assert shortened(command, Path("/tmp/b"), "$ROOT") == shown


def test_a_directory_that_needs_quotes_stays(tmp_path: Path) -> None:
    command = f"ls '{tmp_path}/a b/c'"
    assert shortened(command, tmp_path / "a b", "$ROOT") == command


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(TREES)
def test_what_is_kept_as_json_comes_back_whatever_letters_are_in_it(tree: object) -> None:
    assert json.loads(as_json(tree)) == tree


def test_a_text_of_a_kind_of_its_own_is_a_text() -> None:
    digest = Digest.of(b"")
    assert as_json([digest, {"of": digest}]) == f'["{digest}",{{"of":"{digest}"}}]'.encode()
    assert json.loads(as_json([digest, "\udcff"])) == [digest, "\udcff"]
    with pytest.raises(TypeError):
        as_json(Path("/"))


def test_what_was_no_utf8_is_kept_too() -> None:
    name = b"a\xff".decode(errors="surrogateescape")
    assert as_json({name: [name]}).isascii()
    assert json.loads(as_json({name: [name]})) == {name: [name]}
