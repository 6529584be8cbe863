"""Every key has a name in the settings file, and what is set there is what works."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from engine import Settings, read_settings
from tui.settings import bindings, default_text, keymap
from tui.widgets.key_line import shown_key


def test_every_binding_has_an_id_of_its_own() -> None:
    nameless = [f"{kind}: {b.key} {b.action}" for kind, own in bindings().items() for b in own if not b.id]
    assert nameless == []
    # The same id twice is the same thing twice: where the workbench looks at a key before and after the focus.
    actions: dict[str, set[str]] = {}
    for own in bindings().values():
        for binding in own:
            actions.setdefault(binding.id or "", set()).add(binding.action)
    assert [id for id, found in actions.items() if len(found) > 1] == []
    odd = [id for id in actions if not re.fullmatch(r"[a-z-]+(\.[a-z0-9-]+)+", id)]
    assert odd == []


def test_keys_are_shown_as_people_write_them() -> None:
    keys = {key for own in bindings().values() for binding in own for key in binding.key.split(",")}
    spelt = {"asterisk", "minus", "plus", "slash", "at", "escape"}
    assert [key for key in map(shown_key, keys) if "_" in key.strip("_") or key in spelt] == []
    assert {"*", "=", "-", "+", "_", "@", "?", "[", "esc", "space", "f5", "ctrl+r"} <= set(map(shown_key, keys))


def test_the_default_file_is_what_is_and_nothing_is_wrong_in_it(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(default_text())
    assert read_settings(path) == Settings(path)
    path.write_text(re.sub(r"(?m)^#(?=[\w.-]+ = )", "", default_text()))
    settings = read_settings(path)
    assert settings.problems == []
    keymap(settings)
    assert settings.problems == []
    assert len(settings.keys) == len({b.id for own in bindings().values() for b in own})
    assert tomllib.loads(path.read_text())["theme"] == "dark"


@pytest.mark.parametrize(
    ("keys", "wrong"),
    [({"no.such": "x"}, "keys.no.such"), ({"bench.help": "ctrl+"}, "keys.bench.help"), ({"bench.help": "wat"}, "wat")],
)
def test_keys_that_cannot_be_are_named(keys: dict[str, str], wrong: str) -> None:
    settings = Settings(Path("config.toml"), keys=keys)
    assert keymap(settings) == {}
    assert wrong in settings.problems[0]


async def test_a_key_that_is_set_works_and_leaves_the_others_theirs(bench: Any) -> None:
    settings = Settings(Path("config.toml"), keys={"bench.help": "f1", "image.remove": "f9"})
    async with bench(settings=settings) as screen:
        await screen.wait("A container is an image", "no jobs", r"f1 help")
        await screen.press("question_mark")
        await screen.press("f1")
        await screen.wait("Keys that work here", "f1 +help")
        await screen.press("escape")
        # What shared the key keeps it.
        namespace = dict(screen.app.screen._binding_chain)[screen.screen.image_list].key_to_bindings
        assert {b.id for b in namespace["f9"]} == {"image.remove"}
        assert {b.id for b in namespace["D"]} == {"draft.discard", "pull.forget"}


async def test_what_is_wrong_is_said_and_the_rest_counts(bench: Any, tmp_path: Path) -> None:
    (tmp_path / "themes").mkdir()
    (tmp_path / "themes" / "bad.toml").write_text("[colors]\nprimary = 3\n")
    (tmp_path / "themes" / "mine.toml").write_text('[colors]\nprimary = "#ff0000"\nbackground = "#101010"\n')
    path = tmp_path / "config.toml"
    path.write_text('theme = "mine"\n[layout]\nleft = 50\nwide = "no"\n[keys]\nnope = "x"\n')
    async with bench(settings=read_settings(path)) as screen:
        await screen.wait("line 4: layout.wide", "line 6: keys.nope", "themes/bad.toml")
        assert screen.app.theme == "cutaway-mine"
        assert screen.screen.panes.frames["images"].parent.size.width == 50


async def test_read_only_says_so_and_changes_nothing(bench: Any, tmp_path: Path) -> None:
    async with bench(read_only=True) as screen:
        await screen.wait("A container is an image", "no jobs")
        await screen.press("p")
        await screen.wait("nothing may be changed", without="Pull an image")
        await screen.press("d")
        await screen.wait("read-only")
    assert not (tmp_path / "data").exists()
