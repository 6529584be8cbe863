"""The settings as the screen takes them: keys by the ids of bindings, themes by name, the layout; their default text.

The ids are found in the classes themselves, so that a binding is set in the file by being declared.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from textual.binding import Binding, BindingsMap, InvalidBinding
from textual.dom import DOMNode

import tui
from engine import Settings
from tui import themes
from tui.screens.sizes import LEFT, WIDE

LAYOUT: dict[str, tuple[int | str, str]] = {
    "left": (LEFT, "columns of the panes at the left, where all are shown beside one another"),
    "wide": (WIDE, "columns of the terminal from which on they are"),
    "tab": ("config", "the tab that a thing is first shown with"),
}
"""What can be set of the layout: default, and what it means."""

_SMALLEST = {"left": 20, "wide": 60}


def bindings() -> dict[str, list[Binding]]:
    """Every binding of the screen's, by the class that has it."""
    for module in pkgutil.walk_packages(tui.__path__, "tui."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found: dict[str, list[Binding]] = {}
    for kind in _subclasses(DOMNode):
        if kind.__module__.startswith("tui.") and (own := kind.__dict__.get("BINDINGS")):
            # Made of the same list as Textual makes them of: `D,delete` are two.
            found[f"{kind.__module__}.{kind.__qualname__}"] = [b for b in own if isinstance(b, Binding)]
    return found


def _subclasses(kind: type[Any]) -> Iterator[type[Any]]:
    for sub in kind.__subclasses__():
        yield sub
        yield from _subclasses(sub)


@cache
def _declared() -> dict[str, Binding]:
    return {b.id: b for own in bindings().values() for b in own if b.id}


def keymap(settings: Settings) -> dict[str, str]:
    """What Textual is to be told of the keys that are set. Keys that cannot be are named in the settings."""
    if not settings.keys:
        return {}
    chosen: dict[str, str] = {}
    for id, keys in settings.keys.items():
        if id not in _declared():
            settings.wrong(f"keys.{id}", "is no key's name (cutaway config-file lists them)")
        elif not _possible(keys):
            settings.wrong(f"keys.{id}", f"cannot be {keys}: a key is written x, ctrl+x, f5, enter or pageup")
        else:
            chosen[id] = ",".join(BindingsMap([Binding(keys, "x")]).key_to_bindings)  # as Textual writes them
    # Textual takes a key from all that share it when one of them gets another: the others keep it by being named too.
    sharing: dict[str, str] = {}
    for own in bindings().values():
        moved = {key for b in own if b.id in chosen for key in b.key.split(",")}
        for b in own:
            if b.id and b.id not in chosen and moved & set(b.key.split(",")):
                sharing[b.id] = b.key
    return {**sharing, **chosen}


def _possible(keys: str) -> bool:
    from textual.keys import KEY_ALIASES, Keys

    named = {key.value for key in Keys} | set(KEY_ALIASES) | {"space", "tab", "enter", "escape", "backspace", "delete"}
    for key in keys.split(","):
        *modifiers, last = key.split("+") if len(key) > 1 else [key]
        if not set(modifiers) <= {"ctrl", "shift", "alt", "meta", "super", "hyper"}:
            return False
        if not (len(last) == 1 or last in named or (last.replace("_", "").isalpha() and _is_character(last))):
            return False
    try:
        BindingsMap([Binding(keys, "x")])
    except InvalidBinding:
        return False
    return True


def _is_character(name: str) -> bool:
    """Whether a word is a character's name, as question_mark."""
    import unicodedata

    try:
        unicodedata.lookup(name.replace("_", " "))
    except KeyError:
        return name in ("at", "plus", "minus", "slash", "underscore")
    return True


def layout(settings: Settings, tabs: Mapping[str, object]) -> dict[str, int | str]:
    """The layout with defaults; what cannot be is named in the settings. `tabs` are those there are."""
    found = {name: default for name, (default, _) in LAYOUT.items()}
    for name, value in settings.layout.items():
        if name not in LAYOUT:
            settings.wrong(f"layout.{name}", f"is nothing of the layout ({', '.join(LAYOUT)})")
        elif type(value) is not type(found[name]):
            settings.wrong(f"layout.{name}", f"is {'a number' if isinstance(found[name], int) else 'a word'}")
        elif isinstance(value, int) and value < _SMALLEST[name]:
            settings.wrong(f"layout.{name}", f"is {_SMALLEST[name]} at least")
        elif name == "tab" and value not in tabs:
            settings.wrong("layout.tab", f"is one of {', '.join(tabs)}")
        else:
            found[name] = value
    return found


def theme(settings: Settings, available: Mapping[str, object], otherwise: str) -> str:
    """The name of the theme that is set, or another."""
    if not settings.theme:
        return otherwise
    if (name := f"cutaway-{settings.theme}") in available:
        return name
    there = ", ".join(sorted(name.removeprefix("cutaway-") for name in available))
    settings.wrong("theme", f"is none of the themes there are ({there})")
    return otherwise


def default_text() -> str:
    """A settings file in which everything stands as it is, behind a `#`."""
    words = [name.removeprefix("cutaway-") for name in sorted(t.name for t in themes.shipped())]
    lines = [
        "# Cutaway's settings, for ~/.config/cutaway/config.toml: every line here is the default. Take the # away from",
        "# those that are to be others. An entry that is wrong is named at the start, and ignored.",
        "",
        f"# One of {', '.join(words)}, or one of your own: themes/NAME.toml beside this file.",
        f'#theme = "{themes.DEFAULT.removeprefix("cutaway-")}"',
        "",
        "# Change nothing, as --read-only.",
        "#read-only = false",
        "",
        "# Show podman's, docker's and runc's containers in [4], below our own. These engines are asked for them.",
        "#neighbours = true",
        "",
        "[layout]",
    ]
    for name, (default, meaning) in LAYOUT.items():
        value = f'"{default}"' if isinstance(default, str) else str(default)
        lines += [f"# {meaning[0].upper()}{meaning[1:]}.", f"#{name} = {value}"]
    lines += [
        "",
        "# Options that a command always gets, before those that are typed. Those of run are also those of a new",
        "# container on the screen.",
        "[flags]",
        '#run = ""',
        '#pull = ""',
        "",
        '# Keys, by what they do. A list of them is written ["x", "f5"].',
        "[keys]",
    ]
    for id, binding in sorted(_declared().items()):
        keys = binding.key.split(",")
        value = f'"{keys[0]}"' if len(keys) == 1 else "[" + ", ".join(f'"{key}"' for key in keys) + "]"
        said = binding.description or id.partition(".")[2]
        lines.append(f"#{id} = {value}".ljust(44) + f"  # {said}")
    return "\n".join(lines) + "\n"
