"""Every theme can be read: WCAG 2.2 AA, 4.5 to 1 for text, for each pair of colours that is used."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from conmon_log import as_conmon
from textual.color import Color

from engine import CancelToken, Transcript
from tui import themes
from tui.panes.output.sources import LogSource
from tui.widgets.log_source import Merged

TEXT = 4.5
"""WCAG 2.2, 1.4.3."""

SIGNS = 3.0
"""WCAG 2.2, 1.4.11, for what is no text: the border of the pane that has the focus."""

ON_GROUND = (
    *("foreground", "accent", "error", "warning", "success", "text-muted", "text-error", "text-success", "primary"),
    *("footer-key-foreground", "footer-description-foreground"),
    *("json-key", "json-string", "json-number", "json-constant"),
    *("source-image", "source-default", "source-host", "source-user", "source-adopted"),
)
"""What is written on the background of a pane, of a dialog and of the title."""

PAIRS = (
    ("block-cursor-foreground", "block-cursor-background"),
    ("block-cursor-blurred-foreground", "block-cursor-blurred-background"),
    ("foreground", "panel"),
    ("accent", "panel"),
    ("foreground", "boost"),
)

COLOURED = [theme.name for theme in themes.shipped() if not theme.ansi]


def _luminance(color: Color) -> float:
    """WCAG 2.2's relative luminance."""

    def linear(part: int) -> float:
        share = part / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    return 0.2126 * linear(color.r) + 0.7152 * linear(color.g) + 0.0722 * linear(color.b)


def contrast(one: Color, other: Color) -> float:
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def _variables(name: str) -> dict[str, str]:
    theme = next(theme for theme in themes.shipped() if theme.name == name)
    return {**theme.to_color_system().generate(), **theme.variables}


def _color(variables: dict[str, str], name: str, ground: Color) -> Color:
    value = variables[name]
    if value.startswith("auto"):  # Textual chooses black or white, whichever is further away
        return ground.get_contrast_text(float(value.split()[1].rstrip("%")) / 100 if " " in value else 1.0)
    color = Color.parse(value)
    return ground.blend(color, color.a) if color.a < 1 else color


def test_the_measure_is_the_standards() -> None:
    assert contrast(Color.parse("#000"), Color.parse("#fff")) == pytest.approx(21)
    assert contrast(Color.parse("#777"), Color.parse("#fff")) == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("name", COLOURED)
def test_every_pair_can_be_read(name: str) -> None:
    variables = _variables(name)
    background = Color.parse(variables["background"])
    poor = {}
    for ground_name in ("background", "surface"):
        ground = _color(variables, ground_name, background)
        for text in ON_GROUND:
            ratio = contrast(_color(variables, text, ground), ground)
            if ratio < TEXT:
                poor[text, ground_name] = round(ratio, 2)
        for sign in ("accent",):
            assert contrast(_color(variables, sign, ground), ground) >= SIGNS
    for text, ground_name in PAIRS:
        ground = _color(variables, ground_name, background)
        ratio = contrast(_color(variables, text, ground), ground)
        if ratio < TEXT:
            poor[text, ground_name] = round(ratio, 2)
    assert poor == {}


async def change(screen: Any, theme: Any) -> None:
    """To a theme, until everything has been drawn in it."""
    heard = asyncio.Event()
    screen.app.theme = theme.name
    screen.app.call_next(heard.set)  # behind what the app is to do about it
    await heard.wait()
    await screen.pilot.pause()


async def test_what_is_really_drawn_can_be_read(bench: Any) -> None:
    """Not the pairs somebody thought of, but each run of characters on the first screen and in two dialogs."""
    async with bench() as screen:
        await screen.wait("A container is an image", "no jobs")
        for theme in themes.shipped():
            await change(screen, theme)
            for keys, word in (
                ((), "This host"),
                (("question_mark",), "Keys that work"),
                (("escape", "p"), "Pull an image"),
                (("escape",), "This host"),
            ):
                await screen.press(*keys)
                await screen.wait(word)
                await screen.pilot.pause()
                assert _poor(screen) == set(), theme.name


async def test_the_names_in_merged_output_can_be_read_also_where_lines_are_chosen(bench: Any, tmp_path: Path) -> None:
    sources = []
    for number in range(5):
        path = tmp_path / f"{number}.log"
        path.write_bytes(as_conmon([("stderr" if number == 3 else "stdout", b"\x1b[33msaid\x1b[0m\n")]))
        transcript = Transcript(path)
        list(transcript.follow(CancelToken()))
        sources.append(LogSource(transcript, f"name-{number}"))
    async with bench() as screen:
        await screen.wait("A container is an image", "no jobs")
        await screen.until(lambda: screen.screen.area.find("output") is not None)
        screen.screen.looking.show = lambda: None  # there is nothing to look at but what is made up
        screen.screen.area.front("output", [])
        screen.screen.area.find("output").pane.show(Merged(sources), [f"name-{number}" for number in range(5)])
        screen.screen.action_go("main")
        await screen.wait("name-0 +said", "name-4 +said")
        for theme in themes.shipped():
            await change(screen, theme)
            for keys in ((), ("v", "k", "k"), ("escape",)):
                await screen.press(*keys)
                await screen.pilot.pause()
                assert {each for each in _poor(screen) if "said" not in each[0]} == set(), theme.name
            if not theme.ansi and theme.name != themes.WITHOUT_COLOR:
                assert len({style for style in _styles_of(screen, "name") if style.color}) == 4


def _styles_of(screen: Any, words: str) -> list[Any]:
    return [segment.style for strip in screen.strips for segment in strip if words in segment.text]


def _poor(screen: Any) -> set[tuple[str, str, float]]:
    poor = set()
    boxes = screen.app.screen.query("#box")  # what is behind a dialog is dimmed, and not there to be read
    region = boxes.first().region if boxes else screen.app.screen.region
    for strip in screen.strips[region.y : region.bottom]:
        for segment in strip.crop(region.x, region.right):
            style = segment.style
            letters = "".join(c for c in segment.text if c.isalnum())
            if not letters or style is None or style.color is None or style.bgcolor is None:
                continue
            if style.color.is_default or style.bgcolor.is_default or style.color.triplet is None:
                continue  # the terminal's own sixteen colours are what its owner made them
            if style.bgcolor.triplet is None or "dim" in str(style):
                continue
            one, other = (Color(*c.triplet) for c in (style.color, style.bgcolor) if c.triplet)
            if (ratio := contrast(one, other)) < TEXT:
                poor.add((letters[:30], f"{one.hex} on {other.hex}", round(ratio, 2)))
    return poor


def test_the_sixteen_colours_are_the_terminals_own() -> None:
    theme = next(theme for theme in themes.shipped() if theme.name == "cutaway-ansi")
    values = [theme.primary, theme.background, theme.accent, *theme.variables.values()]
    colours = {value for value in values if value and value not in ("bold", "bold underline", "none")}
    assert all(value.startswith("ansi_") for value in colours)


def test_mono_has_no_colour() -> None:
    variables = _variables("cutaway-mono")
    for name in (*ON_GROUND, *(name for pair in PAIRS for name in pair)):
        if not variables[name].startswith("auto"):
            red, green, blue = Color.parse(variables[name]).rgb
            assert red == green == blue, name


def test_a_persons_own(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('dark = true\n[colors]\nprimary = "#8888ff"\nbackground = "#101010"\n')
    for name, text in (
        ("torn", "[colors\n"), ("none", "dark = true\n"), ("odd", '[colors]\nprimary = "no colour"\n'),
        ("field", '[colors]\nprimary = "#fff"\nno-such = "#fff"\n'), ("hostile", '[colors]\nprimary = "\\u001b[2J"\n'),
    ):  # fmt: skip
        (tmp_path / f"{name}.toml").write_text(text)
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    found, wrong = themes.own(tmp_path)
    assert [theme.name for theme in found] == ["cutaway-mine"]
    assert len(wrong) == 6
    assert all(said.startswith("themes/") for said in wrong)
    assert "\x1b" not in "".join(wrong)
