"""The settings file: what is wrong in it is named with its line, and everything else still counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import Settings, read_settings
from engine.settings import settings_path


def _read(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return read_settings(path)


def test_all_of_it(tmp_path: Path) -> None:
    settings = _read(
        tmp_path,
        'theme = "light"\nread-only = true\nneighbours = false\n'
        '[keys]\ncontainer.stop = "f5"\n"image.open" = ["enter", "o"]\n'
        '[flags]\nrun = "--network host -e \'A=b c\'"\npull = ["--tls-verify=false"]\n[layout]\nleft = 45\n',
    )
    assert settings.problems == []
    assert (settings.theme, settings.read_only) == ("light", True)
    assert settings.keys == {"container.stop": "f5", "image.open": "enter,o"}
    assert settings.flags == {"run": ("--network", "host", "-e", "A=b c"), "pull": ("--tls-verify=false",)}
    assert settings.layout == {"left": 45}
    assert not settings.neighbours


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("theme = 3\n", 1, "theme"),
        ('\nread-only = "yes"\n', 2, "read-only"),
        ("neighbours = 1\n", 1, "neighbours"),
        ("[keys]\n\nimage.open = 7\n", 3, "keys.image.open"),
        ('[keys]\n"image.open" = []\n', 2, "keys.image.open"),
        ('[flags]\nrun = "--env \'a"\n', 2, "flags.run"),
        ("[layout]\nleft = [1]\n", 2, "layout.left"),
        ("colour = 1\n", 1, "colour"),
        ("keys = 1\n", 1, "keys"),
    ],
)
def test_a_wrong_entry_is_named_with_its_line_and_left_out(tmp_path: Path, text: str, line: int, word: str) -> None:
    settings = _read(tmp_path, text)
    [said] = settings.problems
    assert said.startswith(f"line {line}: {word} ")
    assert "ignored" in said
    assert not any([settings.theme, settings.read_only, settings.keys, settings.flags, settings.layout])


def test_what_is_no_toml_costs_its_own_line_only(tmp_path: Path) -> None:
    settings = _read(tmp_path, 'theme = "dark\nread-only = true\n[keys]\nthis is nothing\ngo.images = "F1"\n[broken\n')
    assert settings.read_only
    assert settings.keys == {"go.images": "F1"}
    assert [said.partition(":")[0] for said in settings.problems] == ["line 1", "line 4", "line 6"]


def test_hostile_and_unreadable_files(tmp_path: Path) -> None:
    settings = _read(tmp_path, '"\\u001b]0;x\\u0007" = 1\n')
    assert len(settings.problems) == 1
    assert "\x1b" not in settings.problems[0]
    (tmp_path / "bytes").write_bytes(b'\xff\xfe = 1\ntheme = "mono"\n')
    assert read_settings(tmp_path / "bytes").theme == "mono"
    assert read_settings(tmp_path).problems  # a directory
    assert read_settings(tmp_path / "nothing") == Settings(tmp_path / "nothing")


def test_where_it_belongs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert settings_path() == tmp_path / "cutaway" / "config.toml"
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/x")
    assert settings_path() == Path("/home/x/.config/cutaway/config.toml")
