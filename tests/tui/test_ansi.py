"""What programs print, as a line of a terminal would look; what is not a line's business is shown, never obeyed."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.color import Color

from tui.widgets.ansi import styled, unstyled


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("plain", "plain"),
        ("a\tb", "a       b"),
        ("\x1b[31mred\x1b[0m and not", "red and not"),
        ("10 %\r20 %\r30 %", "30 %"),
        ("long word\rshort", "shortword"),
        ("10 %\r", "10 %"),
        ("abc\b\bX", "aXc"),
        ("downloading 3 MB\r\x1b[Kdone", "done"),
        ("downloading\x1b[2K\x1b[1Gdone", "done"),
        ("abcdef\x1b[3D\x1b[K|", "abc|"),
        ("ab\x1b[2Cc", "ab  c"),
        ("漢字\rx", "x 字"),
        ("x漢\b\bab", "xab"),
        ("e\u0301\rf", "f"),
        ("tput \x1b(B\x1b[msgr0", "tput sgr0"),
        ("\x1b[2J\x1b[Hhome", "␛[2J␛[Hhome"),
        ("\x1b]0;title\x07", "␛]0;title␇"),
        ("\x1b[6n", "␛[6n"),
        ("\x1b[9999C", "␛[9999C"),
        ("\x9b31m", "\\u009b31m"),
        ("\x1b", "␛"),
        ("a\x00b\x7f", "a␀b␡"),
        ("\u202etxt.exe", "\\u202etxt.exe"),
    ],
)
def test_a_line_as_it_looks(line: str, shown: str) -> None:
    assert styled(line).plain == shown
    assert unstyled(line) == shown


def test_colours_are_where_they_were_written() -> None:
    text = styled("a\x1b[1;31mb\x1b[22mc\x1b[38;2;1;2;3md\x1b[48;5;200me\x1b[0mf")
    styles = {text.plain[span.start]: span.style for span in text.spans}
    bold = styles["b"]
    assert not isinstance(bold, str)
    assert (bold.bold, bold.color) == (True, Color.from_ansi(1))
    assert styles["c"].bold is None  # type: ignore[union-attr]
    assert styles["d"].color == Color.from_rgb(1, 2, 3)  # type: ignore[union-attr]
    assert styles["e"].bgcolor == Color.from_ansi(200)  # type: ignore[union-attr]


def test_what_is_overwritten_takes_the_new_colour() -> None:
    text = styled("\x1b[31m[###   ]\r\x1b[32m[##")
    assert text.plain == "[###   ]"
    assert [(span.start, span.end) for span in text.spans] == [(0, 3), (3, 8)]


def test_a_bar_drawn_many_times_costs_as_its_end() -> None:
    bar = "\r".join(f"\x1b[33m{number:06}" for number in range(100_000))
    assert styled(bar).plain == "099999"
    assert styled(bar).spans


HOSTILE = st.text(
    st.sampled_from([*"abK 0123;[]()BmGCDHJ?\x1b\r\b\t\x07\x9b\x00漢", "\u0301", "\u202e", "\ud800"]), max_size=40
)


@settings(deadline=None)
@given(HOSTILE)
@example("\x1b[31")
def test_nothing_is_left_that_a_terminal_obeys(line: str) -> None:
    text = styled(line)
    assert text.plain == unstyled(line)
    assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", text.plain)
    assert cell_len(text.plain) < 2000
