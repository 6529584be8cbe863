"""What a person has set: `~/.config/cutaway/config.toml`. A wrong entry is named with its line, and left out.

Only the form is judged here; whether there is a theme or a key of that name is known where it is used, which says so
by `wrong`. `config_text` (in the front end that has keys and themes) is the commented default.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import Any

import msgspec

from engine.text import visible

_MOST_TORN = 50
_TABLES = ("keys", "flags", "layout")


class Settings(msgspec.Struct, dict=True):
    """`keys` by the id of a binding, `flags` by command, as words; what is not set is not in there."""

    path: Path
    theme: str = ""
    read_only: bool = False
    neighbours: bool = True
    """Whether the screen shows podman's, docker's and runc's containers beside our own."""
    keys: dict[str, str] = {}
    flags: dict[str, tuple[str, ...]] = {}
    layout: dict[str, int | str] = {}
    problems: list[str] = []
    """In sentences, each with the line."""

    def __post_init__(self) -> None:
        self._lines: dict[str, int] = {}  # no part of what two of them are compared by

    def place(self, entry: str) -> str:
        """Where an entry stands, in words."""
        return f"{self.path}, line {self._lines.get(entry, 0)}, {entry}"

    def wrong(self, entry: str, why: str) -> None:
        """Name an entry (`keys.image.open`) that says something that is not to be had."""
        line = self._lines.get(entry, 0)
        self.problems.append(f"{f'line {line}: ' if line else ''}{visible(entry[:80])} {why}; it is ignored")


def settings_path() -> Path:
    """Where the file belongs: XDG_CONFIG_HOME, or .config in the home directory (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".config") / "cutaway" / "config.toml"


def read_settings(path: Path | None = None) -> Settings:
    """The settings; those of a file that is not there, or cannot be read, are the defaults."""
    settings = Settings(path or settings_path())
    try:
        raw = settings.path.read_bytes()
    except FileNotFoundError:
        return settings
    except OSError as error:
        settings.problems.append(f"it cannot be read: {error.strerror}")
        return settings
    text = raw.decode("utf-8", "replace").replace("\r\n", "\n")
    data = _parse(text, settings)
    settings._lines = _places(text)
    for name, value in data.items():
        _take(settings, name, value)
    return settings


def _parse(text: str, settings: Settings) -> dict[str, Any]:
    """What is TOML in it; a line that is not is named and left out."""
    import tomllib  # most people have no such file

    lines = text.split("\n")
    for _ in range(_MOST_TORN):
        try:
            return tomllib.loads("\n".join(lines))
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            place = re.search(r"\(at line (\d+)", str(error))
            number = int(place[1]) if place else len(lines)
            if number > len(lines) or not lines[number - 1].strip():
                number = max((n for n, line in enumerate(lines[:number], 1) if line.strip()), default=0)
            if not number:
                break
            why = str(error).partition(" (at ")[0]
            settings.problems.append(f"line {number}: {visible(why[:120])}; the line is ignored")
            lines[number - 1] = ""
    return {}


def _places(text: str) -> dict[str, int]:
    """The line of each entry, by its dotted name; good enough to name a line to a person."""
    found: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.split("\n"), 1):
        if header := re.match(r"\s*\[([^\[\]]+)\]", line):
            table = _bare(header[1]) + "."
            found.setdefault(table[:-1], number)
        elif entry := re.match(r"""\s*([\w.\-"' ]+?)\s*=""", line):
            found.setdefault(table + _bare(entry[1]), number)
    return found


def _bare(name: str) -> str:
    return re.sub(r"""["' ]""", "", name)


def _take(settings: Settings, name: str, value: Any) -> None:
    match name, value:
        case "theme", str():
            settings.theme = value
        case "theme", _:
            settings.wrong(name, 'is the name of a theme, as in theme = "dark"')
        case "read-only", bool():
            settings.read_only = value
        case "neighbours", bool():
            settings.neighbours = value
        case (("read-only" | "neighbours"), _):
            settings.wrong(name, "is true or false")
        case (("keys" | "flags" | "layout"), dict()):
            for entry, item in _flat(value):
                {"keys": _take_key, "flags": _take_flags, "layout": _take_layout}[name](settings, entry, item)
        case _:
            wanted = f"is a table, [{name}]" if name in _TABLES else "is nothing that can be set"
            settings.wrong(name, wanted)


def _flat(table: dict[str, Any], before: str = "") -> list[tuple[str, Any]]:
    """Entries by their dotted names: `image.open = …` is a table in TOML."""
    found: list[tuple[str, Any]] = []
    for name, value in table.items():
        if isinstance(value, dict):
            found += _flat(value, f"{before}{name}.")
        else:
            found.append((before + name, value))
    return found


def _take_key(settings: Settings, entry: str, value: Any) -> None:
    keys = [value] if isinstance(value, str) else value
    if isinstance(keys, list) and keys and all(isinstance(key, str) and key.strip() for key in keys):
        settings.keys[entry] = ",".join(key.strip() for key in keys)
    else:
        settings.wrong(f"keys.{entry}", 'is a key, as in "x" or "ctrl+x", or a list of them')


def _take_flags(settings: Settings, entry: str, value: Any) -> None:
    try:
        words = shlex.split(value) if isinstance(value, str) else value
    except ValueError:
        words = None
    if isinstance(words, list) and all(isinstance(word, str) for word in words):
        settings.flags[entry] = tuple(words)
    else:
        settings.wrong(f"flags.{entry}", 'is a line of options, as in "--network host"')


def _take_layout(settings: Settings, entry: str, value: Any) -> None:
    if isinstance(value, int | str) and not isinstance(value, bool):
        settings.layout[entry] = value
    else:
        settings.wrong(f"layout.{entry}", "is a number or a word")
